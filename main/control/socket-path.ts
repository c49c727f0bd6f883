import { createHash } from 'node:crypto';
import { join, resolve } from 'node:path';

/** Longest path that a unix socket can have on every platform that we run on, in bytes. */
const SOCKET_PATH_BYTES_MAX = 100;

/** Where the engine of a state directory listens: a socket inside it, or a named pipe on Windows. */
export function controlSocketPath(stateDir: string, platform: NodeJS.Platform = process.platform): string {
  const directory = resolve(stateDir);
  const digest = createHash('sha256').update(directory).digest('hex').slice(0, 16);
  if (platform === 'win32') return `\\\\.\\pipe\\headgate-${digest}`;
  const inside = join(directory, 'control.sock');
  // A deep state directory would not fit into a socket address; the runtime directory of this user does.
  if (Buffer.byteLength(inside) <= SOCKET_PATH_BYTES_MAX) return inside;
  return join(process.env['XDG_RUNTIME_DIR'] ?? '/tmp', `headgate-${process.getuid?.() ?? 0}-${digest}.sock`);
}
