/**
 * What leaves the machine in a support bundle goes through here. Three fences: secrets that are known (of the running configuration, of
 * the versions kept, the console's token) are looked for in every text, wherever they turn up; values of keys that look like secrets are
 * blanked; and so are well-known shapes (a password in a URL, `token=…`, a private key).
 */
import { withoutSecrets } from '../../shared/errors.ts';
import { SECRET_KEY } from '../config/config-secret.ts';

/** Shorter ones are words that every text has, and would make it unreadable. */
const SECRET_CHARS_MIN = 4;
const DEPTH_MAX = 24;
const BLANK = '***';
/** Below the length at which `withoutSecrets` cuts. */
const PIECE_CHARS_MAX = 1_500;

const PRIVATE_KEY =
  /-----BEGIN [A-Z ]{0,40}PRIVATE KEY-----[\s\S]*?(?:-----END [A-Z ]{0,40}PRIVATE KEY-----|$)/g;

export class Scrubber {
  /** Longest first: one may be the beginning of another. */
  readonly #known: readonly string[];

  constructor(secrets: Iterable<string>) {
    const forms = [...secrets].flatMap((secret) => [secret, secret.trim(), ...secret.split(/\r?\n/)]);
    // As it stands in JSON, in a URL, and in a header of basic authentication.
    const written = forms
      .filter((form) => form.length >= SECRET_CHARS_MIN)
      .flatMap((form) => [
        form,
        JSON.stringify(form).slice(1, -1),
        encodeURIComponent(form.toWellFormed()),
        Buffer.from(form).toString('base64').replace(/=+$/, ''),
      ]);
    this.#known = [...new Set(written)].sort((left, right) => right.length - left.length);
  }

  /** Only the secrets that are known: for a text whose others were masked by who understands it. */
  known(text: string): string {
    return this.#known.reduce((clean, secret) => clean.replaceAll(secret, BLANK), text);
  }

  /** A text of any length, line by line. */
  text(text: string): string {
    const lines = this.known(text).replace(PRIVATE_KEY, BLANK);
    return lines.split('\n').map(scrubbedLine).join('\n');
  }

  /** Plain JSON, keys included. */
  json(value: unknown, depth = 0): unknown {
    if (typeof value === 'string') return this.text(value);
    if (typeof value !== 'object' || value === null) return value;
    if (depth >= DEPTH_MAX) return BLANK;
    if (Array.isArray(value)) return value.map((one: unknown) => this.json(one, depth + 1));
    return Object.fromEntries(
      Object.entries(value).map(([key, inner]: [string, unknown]) => [
        this.text(key),
        typeof inner === 'string' && SECRET_KEY.test(key) ? BLANK : this.json(inner, depth + 1),
      ]),
    );
  }
}

/** Long lines in pieces that overlap by nothing, cut where a word ends: what `withoutSecrets` would cut off is kept. */
function scrubbedLine(line: string): string {
  if (line.length <= PIECE_CHARS_MAX) return withoutSecrets(line);
  let end = line.lastIndexOf(' ', PIECE_CHARS_MAX);
  if (end <= 0) end = PIECE_CHARS_MAX;
  return withoutSecrets(line.slice(0, end)) + scrubbedLine(line.slice(end));
}

/** Every text below a key that looks like a secret's. */
export function secretsIn(value: unknown, isSecret = false): string[] {
  if (typeof value === 'string') return isSecret ? [value] : [];
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, inner]: [string, unknown]) =>
    secretsIn(inner, isSecret || SECRET_KEY.test(key)),
  );
}
