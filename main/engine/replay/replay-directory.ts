/**
 * Where a replay may land: in no directory that the running configuration lands into, nor above or below one, so that nobody who reads
 * landed files meets an event twice without having asked for it.
 */
import { lstat, realpath } from 'node:fs/promises';
import { dirname, join, relative, resolve, sep } from 'node:path';
import type { GatewayConfig, SinkConfig } from '../../../shared/contract/config.ts';
import { GatewayError } from '../../../shared/errors.ts';
import { rootOf } from '../sink-mapping.ts';

/**
 * The directory as it is used: absolute, without empty parts or a slash at its end. Throws `usage` when it can't be one, or when files
 * would mix with what the configuration lands.
 */
export async function replayDirectory(
  into: string,
  config: GatewayConfig,
  type: SinkConfig['type'],
): Promise<string> {
  const wanted = plainPath(into);
  const sinks = Object.entries(config.sinks).filter(([, sink]) => sink.type === type);
  const own = await seenBy(type, wanted);
  for (const [name, sink] of sinks) {
    const root = rootOf(sink.path);
    const landed = await seenBy(type, root);
    if (!isWithin(own, landed) && !isWithin(landed, own)) continue;
    const where = own === landed ? 'it is' : isWithin(own, landed) ? 'it lies under' : 'it holds';
    throw refused(
      into,
      `${where} ${root}, where sink ${name} lands; whoever reads there would meet events twice`,
      root === '/'
        ? `The path of sink ${name} begins with an escape, so it may land anywhere; give it a fixed first directory.`
        : 'Name a directory beside it, such as /replays/incident-7.',
    );
  }
  return wanted;
}

/** Throws `usage` for what no file system of a target takes as a directory, or takes as another one. */
function plainPath(text: string): string {
  const parts = text.split('/').filter((part) => part !== '');
  if (!text.startsWith('/'))
    throw refused(text, 'it does not begin with a slash', 'Give it from the root on.');
  if (parts.includes('.') || parts.includes('..'))
    throw refused(text, 'it has . or .. in it', 'Write the directory that is meant.');
  if (/[\u0000-\u001f%:]/.test(text))
    throw refused(
      text,
      'it has a character that has no place there',
      'Leave out %, : and control characters.',
    );
  // Another name for any directory at all, and the place of the gateways' own marks.
  if (parts[0] === '.reserved' || parts.includes('.headgate'))
    throw refused(text, 'that name is reserved', 'Name another directory.');
  return `/${parts.join('/')}`;
}

/** On a local disk links may lead anywhere: what counts is where the path really leads. HDFS has none. */
async function seenBy(type: SinkConfig['type'], path: string): Promise<string> {
  if (type !== 'directory')
    return `/${path
      .split('/')
      .filter((part) => part !== '')
      .join('/')}`;
  const rest: string[] = [];
  for (let at = resolve(path); ; at = dirname(at)) {
    const real = await realpathOrNone(at);
    if (real !== undefined) return join(real, ...rest);
    if (await isDeadLink(at))
      throw refused(path, `${at} is a link that leads nowhere`, 'Name a directory that is one.');
    rest.unshift(relative(dirname(at), at));
  }
}

async function realpathOrNone(path: string): Promise<string | undefined> {
  try {
    return await realpath(path);
  } catch (error) {
    if (isAbsent(error)) return undefined;
    throw error;
  }
}

async function isDeadLink(path: string): Promise<boolean> {
  try {
    return (await lstat(path)).isSymbolicLink();
  } catch (error) {
    if (isAbsent(error)) return false;
    throw error;
  }
}

function isAbsent(error: unknown): boolean {
  return error instanceof Error && Reflect.get(error, 'code') === 'ENOENT';
}

function isWithin(path: string, directory: string): boolean {
  const end = directory.endsWith('/') || directory.endsWith(sep) ? '' : '/';
  return path === directory || path.startsWith(`${directory}${end}`) || path.startsWith(`${directory}${sep}`);
}

function refused(place: string, message: string, hint: string): GatewayError {
  return new GatewayError({
    code: 'usage',
    operation: 'replay into a directory',
    place,
    message: `the replay can’t land there: ${message}`,
    retry: 'never',
    hint,
  });
}
