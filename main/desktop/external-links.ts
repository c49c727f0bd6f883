/** Addresses outside that the console may open in the user's browser. Everything else is refused: the page shows hostile text. */

const HOSTS: ReadonlySet<string> = new Set(['hadoop.apache.org', 'kafka.apache.org', 'flume.apache.org']);

/** The address as it may be handed to the operating system, or undefined. */
export function allowedLink(address: string): string | undefined {
  const url = URL.canParse(address) ? new URL(address) : undefined;
  if (url === undefined || url.protocol !== 'https:' || !HOSTS.has(url.host)) return undefined;
  return url.username === '' && url.password === '' ? url.href : undefined;
}
