import { asJson } from './file-status.ts';

/** All attributes of ours; HDFS lets a file's owner set those under `user.`. */
export const XATTR_PREFIX = 'user.headgate.';

/** One of GETXATTRS's answers: the name without our prefix, and the text that HDFS gives back between quotation marks. */
export function attributeOf(one: unknown): [string, string][] {
  const { name, value } = asJson(one) ?? {};
  if (typeof name !== 'string' || !name.startsWith(XATTR_PREFIX)) return [];
  // A NameNode answers null for an empty text.
  if (typeof value !== 'string') return [[name.slice(XATTR_PREFIX.length), '']];
  const isQuoted = value.length >= 2 && value.startsWith('"') && value.endsWith('"');
  return [[name.slice(XATTR_PREFIX.length), isQuoted ? value.slice(1, -1) : value]];
}
