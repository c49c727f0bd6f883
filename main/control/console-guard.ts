/**
 * Who may talk to the browser console: only pages that it served itself, under a name that is its own. A web page of somebody else that
 * the same browser has open can send requests to loopback; it is told apart by `Host` (DNS rebinding: another name made to point here), by `Origin`
 * and by `Sec-Fetch-Site`.
 */
import { randomBytes } from 'node:crypto';
import type { IncomingMessage } from 'node:http';

export interface ConsolePlace {
  readonly scheme: 'http' | 'https';
  readonly host: string;
  readonly port: number;
  /** Under TLS: whether the certificate carries the name or address, which no stranger's name can. */
  readonly isCertified?: ((host: string) => boolean) | undefined;
}

const LOOPBACK_NAMES: ReadonlySet<string> = new Set(['localhost', '127.0.0.1', '::1']);
const HOST_HEADER = /^(?:\[([0-9a-f:.]{2,45})\]|([a-z0-9_](?:[a-z0-9_.-]{0,252})))(?::([0-9]{1,5}))?$/i;
const DEFAULT_PORTS = { http: 80, https: 443 } as const;
/** Paths that we serve have no other characters; with an escape, a backslash or `..` nothing of ours begins. */
const PLAIN_PATH = /^\/(?:[A-Za-z0-9_-][A-Za-z0-9_.-]*(?:\/[A-Za-z0-9_-][A-Za-z0-9_.-]*)*)?$/;
const PATH_CHARS_MAX = 500;

/** Why a request is refused, in words for whoever looks at it; undefined when it may go on. */
export function refusalOf(request: IncomingMessage, place: ConsolePlace): string | undefined {
  const { headers, method = '' } = request;
  if (countOf(request, 'host') !== 1 || countOf(request, 'origin') > 1) return 'a header is there twice';
  const host = headers.host ?? '';
  if (!isOwnHost(host, place)) return 'the name in the address is not one of this console';
  const isReading = method === 'GET' || method === 'HEAD';
  if (!isFromOwnPage(request, place) && !(isReading && headers.origin === undefined))
    return 'the request comes from another page';
  return isFetchedByOwnPage(request, isReading) ? undefined : 'the request comes from another site';
}

/** The path of a request without its query, when it is one that we could serve. */
export function plainPath(url: string | undefined): string | undefined {
  const path = (url ?? '').split('?', 1)[0] ?? '';
  return path.length <= PATH_CHARS_MAX && PLAIN_PATH.test(path) ? path : undefined;
}

/** Headers of every answer; a page gets the nonce that its own styles carry. */
export function strictHeaders(nonce?: string): Record<string, string> {
  const style = nonce === undefined ? "'self'" : `'self' 'nonce-${nonce}'`;
  return {
    'content-security-policy': [
      "default-src 'none'",
      "script-src 'self'",
      `style-src ${style}`,
      "img-src 'self' data: blob:",
      "font-src 'self'",
      "connect-src 'self'",
      "base-uri 'none'",
      "form-action 'none'",
      "frame-ancestors 'none'",
    ].join('; '),
    'x-content-type-options': 'nosniff',
    'x-frame-options': 'DENY',
    'referrer-policy': 'no-referrer',
    'cross-origin-opener-policy': 'same-origin',
    'cross-origin-resource-policy': 'same-origin',
    'permissions-policy':
      'accelerometer=(), camera=(), display-capture=(), geolocation=(), gyroscope=(), magnetometer=(), microphone=(), midi=(), payment=(), usb=()',
    'cache-control': 'no-store',
  };
}

export function freshNonce(): string {
  return randomBytes(16).toString('base64');
}

/** As it stands in an address: IPv6 in brackets. */
export function addressOf({ scheme, host, port }: Pick<ConsolePlace, 'scheme' | 'host' | 'port'>): string {
  return `${scheme}://${host.includes(':') ? `[${host}]` : host}:${port}`;
}

function isOwnHost(header: string, place: ConsolePlace): boolean {
  const [, v6, named, port] = HOST_HEADER.exec(header) ?? [];
  const name = (v6 ?? named ?? '').toLowerCase();
  if (name === '' || Number(port ?? DEFAULT_PORTS[place.scheme]) !== place.port) return false;
  return LOOPBACK_NAMES.has(name) || name === place.host.toLowerCase() || place.isCertified?.(name) === true;
}

/**
 * By `Origin`; where a browser leaves that out, or writes `null` because its page sends no referrer, by `Sec-Fetch-Site`, which no page can set. A
 * sandboxed frame, whose origin is `null` as well, is `cross-site` there.
 */
function isFromOwnPage({ headers }: IncomingMessage, { scheme }: ConsolePlace): boolean {
  const { origin } = headers;
  if (origin === undefined || origin === 'null') return headers['sec-fetch-site'] === 'same-origin';
  return origin.toLowerCase() === `${scheme}://${(headers.host ?? '').toLowerCase()}`;
}

/** Browsers say so in a header that no page can set; other programs don't send it. */
function isFetchedByOwnPage({ headers, url }: IncomingMessage, isReading: boolean): boolean {
  const site = headers['sec-fetch-site'];
  if (site === undefined || site === 'same-origin') return true;
  if (!isReading) return false;
  if (site === 'none') return true;
  // A link to the console in another page, or in the file that `headgate console` opens, shows the console's own page and nothing of it to the other.
  const isCall = (url ?? '').startsWith('/api/');
  return !isCall && headers['sec-fetch-mode'] === 'navigate' && headers['sec-fetch-dest'] === 'document';
}

function countOf({ rawHeaders }: IncomingMessage, name: string): number {
  return rawHeaders.filter((text, index) => index % 2 === 0 && text.toLowerCase() === name).length;
}
