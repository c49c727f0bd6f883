/** What interceptors need of the world: they do no I/O of their own, and tests inject it. */
export interface InterceptorEnvironment {
  nowMs(): number;
  /** A random UUID, version 4. */
  randomUuid(): string;
  /** This machine, looked up by the engine at start; undefined where the look-up failed. */
  readonly host: { readonly ipAddress: string | undefined; readonly canonicalHostName: string | undefined };
  /** Zone of times whose pattern has none, where the serializer names none. */
  readonly timeZone: string;
}

/** Headers are small; a longer value is a mistake that would be carried with every event. */
export const MAX_HEADER_CHARS = 8_192;
/** Foreign text in messages is cut. */
export const MAX_SHOWN_CHARS = 80;

/** A piece of an event, quoted and cut, for a message. */
export function shown(text: string): string {
  return text.length > MAX_SHOWN_CHARS
    ? `${JSON.stringify(text.slice(0, MAX_SHOWN_CHARS))}…`
    : JSON.stringify(text);
}
