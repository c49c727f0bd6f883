import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { isIP } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect, type SecureVersion } from 'node:tls';

/** A certificate that signs itself, as files. */
export interface SelfSigned {
  readonly certPath: string;
  readonly keyPath: string;
  readonly ca: string;
  /** The version of TLS that a client gets which speaks only this one; rejects when there is none. */
  handshake(port: number, version: SecureVersion): Promise<string>;
  remove(): void;
}

/** Made with openssl, which every machine that builds Headgate has: Node can check certificates, and makes none. */
export async function selfSigned({ names }: { readonly names: readonly string[] }): Promise<SelfSigned> {
  const folder = mkdtempSync(join(tmpdir(), 'headgate-cert-'));
  const [certPath, keyPath] = [join(folder, 'cert.pem'), join(folder, 'key.pem')];
  const subjects = names.map((name) => `${isIP(name) === 0 ? 'DNS' : 'IP'}:${name}`).join(',');
  const wanted = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2'];
  const named = ['-subj', '/CN=headgate-test', '-addext', `subjectAltName=${subjects}`];
  const files = ['-keyout', keyPath, '-out', certPath];
  execFileSync('openssl', ['req', '-x509', ...wanted, ...named, ...files], { stdio: 'pipe' });
  const ca = readFileSync(certPath, 'utf8');
  return {
    certPath,
    keyPath,
    ca,
    handshake: (port, version) =>
      new Promise((resolve, reject) => {
        const socket = connect({
          ...{ port, host: '127.0.0.1', ca, minVersion: version, maxVersion: version },
          // Without it this Node would not even offer an old version, and the server would have nothing to refuse.
          ciphers: 'DEFAULT@SECLEVEL=0',
          checkServerIdentity: () => undefined,
        });
        socket.once('error', reject);
        socket.once('secureConnect', () => {
          resolve(socket.getProtocol() ?? '');
          socket.destroy();
        });
      }),
    remove: () => rmSync(folder, { recursive: true }),
  };
}
