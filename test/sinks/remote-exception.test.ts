/**
 * Goal: a refusal is told by its exception and message, never by its status, so that nothing that heals by itself is given up and
 * nothing that needs a person is repeated blindly. Method: the very answers seen from NameNode, DataNode and HttpFS 3.4.2.
 */
import { expect, test } from 'vitest';
import { refusal } from '../../main/sinks/hdfs/remote-exception.ts';

function meant(status: number, exception: string, message: string): string {
  const body = JSON.stringify({ RemoteException: { exception, javaClassName: `x.${exception}`, message } });
  const { code, retry } = refusal({ status, location: undefined, body }, 'test', 'host:1/p');
  return `${code} ${retry}`;
}

const SEEN: readonly (readonly [string, number, string, string])[] = [
  [
    'standby now',
    403,
    'StandbyException',
    'Operation category READ is not supported in state standby. Visit https://s.apache.org/sbnn-error',
  ],
  [
    'standby now',
    403,
    'SecurityException',
    'Failed to obtain user group information: org.apache.hadoop.ipc.StandbyException: x',
  ],
  ['safe-mode backoff', 403, 'SafeModeException', 'Cannot create file/a. Name node is in safe mode.'],
  ['safe-mode backoff', 500, 'RemoteException', 'Cannot rename /a. Name node is in safe mode.'],
  [
    'safe-mode backoff',
    403,
    'RetriableException',
    'org.apache.hadoop.hdfs.server.namenode.SafeModeException: Cannot create',
  ],
  ['namenode-unreachable backoff', 403, 'RetriableException', 'NameNode still not started'],
  [
    'namenode-unreachable backoff',
    500,
    'ConnectException',
    'Call From a to b failed on connection exception',
  ],
  [
    'no-datanode backoff',
    403,
    'IOException',
    'File /a could only be written to 0 of the 1 minReplication nodes. There are 0 datanode(s) running',
  ],
  [
    'no-datanode backoff',
    403,
    'IOException',
    'Failed to find datanode, suggest to check cluster health. excludeDatanodes=null',
  ],
  [
    'permission-denied never',
    403,
    'AccessControlException',
    'Permission denied: user=eve, access=WRITE, inode="/a":bob:g:-rw-r--r--',
  ],
  [
    'permission-denied never',
    500,
    'RemoteException',
    'Permission denied: user=eve, access=WRITE, inode="/a":bob:g:-rw-r--r--',
  ],
  ['parent-not-directory never', 403, 'AccessControlException', '/a/f (is not a directory)'],
  [
    'quota-exceeded never',
    403,
    'NSQuotaExceededException',
    'The NameSpace quota (directories and files) of directory /q is exceeded',
  ],
  [
    'quota-exceeded never',
    500,
    'RemoteException',
    'The DiskSpace quota of /q is exceeded: quota = 1 B = 1 B',
  ],
  ['file-exists never', 500, 'FileAlreadyExistsException', '/a for client 127.0.0.1 already exists'],
  ['file-missing never', 404, 'FileNotFoundException', 'File does not exist: /a'],
  ['lease-held backoff', 403, 'AlreadyBeingCreatedException', 'failed to create file /a'],
  ['auth-failed never', 403, 'InvalidToken', 'token can’t be found in cache'],
  [
    'xattr-unavailable never',
    500,
    'RemoteException',
    'The XAttr is too big. The maximum combined size of the name and value is 16384',
  ],
  ['namenode-refused never', 400, 'IllegalArgumentException', 'Invalid value for webhdfs parameter "op"'],
  ['unknown backoff', 500, 'NullPointerException', 'oops'],
];

for (const [meaning, status, exception, message] of SEEN) {
  test(`${status} ${exception} “${message.slice(0, 40)}” means ${meaning}`, () => {
    expect(meant(status, exception, message)).toBe(meaning);
  });
}

test('an answer without an exception is judged by its status, and its page’s title is kept', () => {
  const page = (status: number, body: string) =>
    refusal({ status, location: undefined, body }, 'test', 'host:1');
  expect(page(401, '<html><title>Error 401 Authentication required</title>')).toMatchObject({
    code: 'auth-failed',
    message: 'HTTP 401: Error 401 Authentication required',
  });
  expect(page(503, '')).toMatchObject({ code: 'namenode-unreachable', retry: 'backoff' });
  expect(page(404, '<html>')).toMatchObject({ code: 'namenode-refused' });
  expect(page(500, '{"RemoteException":')).toMatchObject({ code: 'unknown', retry: 'backoff' });
});

test('a Java stack is cut off, and a token is blanked', () => {
  const message = 'bad http://dn:9864/x?delegation=SECRET&a=1\n\tat org.apache.Hadoop.run(Hadoop.java:1)';
  const body = JSON.stringify({ RemoteException: { exception: 'IOException', message } });
  const error = refusal({ status: 403, location: undefined, body }, 'test', 'host:1');
  expect(error.message).not.toMatch(/SECRET|Hadoop\.java/);
  expect(String(error.cause)).not.toMatch(/SECRET|Hadoop\.java/);
});
