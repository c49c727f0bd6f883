/** Where a sink's HDFS cluster is. */

export type HdfsEndpoint =
  /** Base URLs without a path, `http://nn1:9870`; more than one is an HA set. */
  | { readonly kind: 'namenodes'; readonly urls: readonly string[] }
  | { readonly kind: 'httpfs'; readonly url: string };

const AUTHORITY = /^(hdfs|viewfs|webhdfs|swebhdfs):\/\/([^/]*)(\/.*)?$/i;
const WEB_PORT = 9870;

/** `hdfs://ns1/logs` → authority `ns1`, path `/logs`. */
export function splitAuthority(written: string): {
  readonly authority?: string;
  readonly scheme?: string;
  readonly path: string;
} {
  const match = AUTHORITY.exec(written);
  if (match === null) return { path: written };
  const authority = match[2] ?? '';
  const path = match[3] ?? '/';
  return authority === '' ? { path } : { authority, scheme: (match[1] ?? '').toLowerCase(), path };
}

/** Where a sink's cluster is: said outright, or looked up by the authority of its path, or that authority as a host. */
export function endpointOf(sink: {
  readonly namenodes?: readonly string[] | undefined;
  readonly httpfs?: string | undefined;
  readonly nameservices: Readonly<Record<string, readonly string[]>>;
  readonly authority?: string | undefined;
}): HdfsEndpoint | undefined {
  if (sink.httpfs !== undefined) return { kind: 'httpfs', url: sink.httpfs };
  if (sink.namenodes !== undefined) return { kind: 'namenodes', urls: sink.namenodes };
  const { authority } = sink;
  if (authority === undefined) return undefined;
  const host = authority.replace(/:\d+$/, '');
  const urls = Object.hasOwn(sink.nameservices, host) ? sink.nameservices[host] : undefined;
  // The port in hdfs://host:8020 is that of the RPC, which Headgate does not speak.
  return { kind: 'namenodes', urls: urls ?? [`http://${host}:${WEB_PORT}`] };
}
