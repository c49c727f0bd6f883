/** Query parameters of one call, in order; undefined ones are left out. */
export type Query = Readonly<Record<string, string | number | undefined>>;

/**
 * `<base>/webhdfs/v1<path>?op=…`: every component of the path percent-encoded. `+` too: some servers decode it to a space.
 * Throws RangeError for a path that is not absolute: a programmer's error.
 */
export function webhdfsUrl(base: string, path: string, query: Query): URL {
  if (!path.startsWith('/')) throw new RangeError(`not an absolute path: ${path}`);
  const encoded = path.split('/').map(encodeComponent).join('/');
  const pairs = Object.entries(query).flatMap(([key, value]) =>
    value === undefined ? [] : [`${key}=${encodeComponent(String(value))}`],
  );
  return new URL(`${base.replace(/\/+$/, '')}/webhdfs/v1${encoded}?${pairs.join('&')}`);
}

/** `encodeURIComponent`, and what it leaves alone though Java's side or a proxy may not. */
function encodeComponent(text: string): string {
  return encodeURIComponent(text).replace(
    /[!'()*]/g,
    (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}

/** Where to connect, and under which name the server knows itself. */
export interface Destination {
  readonly url: URL;
  /** The host and port to connect to; the `Host` header and the TLS name stay the URL's. */
  readonly connectHost: string;
  readonly connectPort: number;
  /** `host:port` as the server is named by others. */
  readonly server: string;
}

export type HostMap = Readonly<Record<string, string>>;

const DEFAULT_PORTS: Readonly<Record<string, number>> = { 'http:': 80, 'https:': 443 };

/** Applies the host map: an entry for `host:port` wins over one for `host`. */
export function destinationOf(url: URL, hostMap: HostMap): Destination {
  const port = url.port === '' ? (DEFAULT_PORTS[url.protocol] ?? 0) : Number(url.port);
  const host = withoutBrackets(url.hostname);
  const server = `${url.hostname}:${port}`;
  const mapped = hostMap[server] ?? hostMap[host];
  if (mapped === undefined) return { url, connectHost: host, connectPort: port, server };
  const [, mappedHost = mapped, mappedPort] = /^(.+?)(?::(\d+))?$/.exec(mapped) ?? [];
  return { url, connectHost: withoutBrackets(mappedHost), connectPort: Number(mappedPort ?? port), server };
}

function withoutBrackets(host: string): string {
  return host.startsWith('[') && host.endsWith(']') ? host.slice(1, -1) : host;
}
