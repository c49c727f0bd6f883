import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { javaCommand } from './jars.ts';

const run = promisify(execFile);
const STORE_PASSWORD = 'headgate-rig';

export interface SaslUser {
  readonly username: string;
  readonly password: string;
}

/** 'scram' accepts SCRAM-SHA-256 and SCRAM-SHA-512, 'plain' SASL/PLAIN. */
export type SaslKind = 'plain' | 'scram';

/** Properties of the clients' listener, whose name is CLIENT. */
export function saslProperties(kind: SaslKind, users: readonly SaslUser[]): Record<string, string> {
  const prefix = 'listener.name.client.';
  if (kind === 'plain') {
    const credentials = users.map((user) => `user_${user.username}="${user.password}"`).join(' ');
    return {
      [`${prefix}sasl.enabled.mechanisms`]: 'PLAIN',
      [`${prefix}plain.sasl.jaas.config`]: `org.apache.kafka.common.security.plain.PlainLoginModule required ${credentials};`,
    };
  }
  const module = 'org.apache.kafka.common.security.scram.ScramLoginModule required;';
  return {
    [`${prefix}sasl.enabled.mechanisms`]: 'SCRAM-SHA-256,SCRAM-SHA-512',
    [`${prefix}scram-sha-256.sasl.jaas.config`]: module,
    [`${prefix}scram-sha-512.sasl.jaas.config`]: module,
  };
}

/** Arguments of Kafka's StorageTool that put the users' SCRAM credentials into the new log. */
export function scramFormatArguments(users: readonly SaslUser[]): string[] {
  return users.flatMap(({ username, password }) =>
    ['SCRAM-SHA-256', 'SCRAM-SHA-512'].flatMap((mechanism) => [
      '--add-scram',
      `${mechanism}=[name=${username},password=${password}]`,
    ]),
  );
}

export interface TlsMaterial {
  /** The self-signed certificate, which is its own authority: give it to the client as `ca`. */
  readonly caPem: string;
  readonly properties: Readonly<Record<string, string>>;
}

/** Makes a key and a self-signed certificate for localhost and 127.0.0.1 with the JDK's keytool. */
export async function makeTlsMaterial(directory: string): Promise<TlsMaterial> {
  const store = join(directory, 'server.p12');
  const certificate = join(directory, 'server.pem');
  const common = ['-alias', 'server', '-keystore', store, '-storepass', STORE_PASSWORD];
  await run(javaCommand('keytool'), [
    ...[
      '-genkeypair',
      ...common,
      '-storetype',
      'PKCS12',
      '-keyalg',
      'EC',
      '-groupname',
      'secp256r1',
      '-validity',
      '3650',
    ],
    ...['-dname', 'CN=localhost', '-ext', 'SAN=dns:localhost,ip:127.0.0.1', '-ext', 'BC=ca:true'],
  ]);
  await run(javaCommand('keytool'), ['-exportcert', ...common, '-rfc', '-file', certificate]);
  const prefix = 'listener.name.client.ssl.';
  return {
    caPem: await readFile(certificate, 'utf8'),
    properties: {
      [`${prefix}keystore.location`]: store,
      [`${prefix}keystore.password`]: STORE_PASSWORD,
      [`${prefix}key.password`]: STORE_PASSWORD,
      [`${prefix}keystore.type`]: 'PKCS12',
    },
  };
}
