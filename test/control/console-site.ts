import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  startConsoleServer,
  type ConsoleServer,
  type ConsoleServerOptions,
} from '../../main/control/console-server.ts';
import { readConsoleToken } from '../../main/control/console-token.ts';
import { systemClock, type Clock } from '../../main/telemetry/clock.ts';
import { silentLogger, type LogFields, type Logger } from '../../main/telemetry/logger.ts';
import { openSocket, rawRequest, RawConnection, type RawAnswer } from './raw-request.ts';
import { ScriptedApi } from './scripted-api.ts';

export const INDEX = '<!doctype html><meta name="csp-nonce" content="__CSP_NONCE__"><p>the console</p>';
export const SCRIPT = 'the renderer';
export const ASSET = '/assets/main-Abc12345.js';
/** In a file beside the pages, to which links among the pages lead. */
export const OUTSIDE = 'not for the console';

type Headers = Readonly<Record<string, string | undefined>>;

/** A console on a free port with pages of its own and a scripted engine behind it. Waiting is cut short unless a test wants to see it. */
export class ConsoleSite implements AsyncDisposable {
  readonly folder = mkdtempSync(join(tmpdir(), 'headgate-console-'));
  readonly stateDir = join(this.folder, 'state');
  readonly pagesFolder = join(this.folder, 'renderer');
  readonly engine = new ScriptedApi();
  readonly logged: {
    readonly level: string;
    readonly message: string;
    readonly fields: LogFields | undefined;
  }[] = [];
  readonly openSockets = new Set<{ destroy(): void }>();
  /** How far the wall clock is ahead of the real one. */
  aheadMs = 0;
  isHurried = true;
  port = 0;
  token = '';
  #server: ConsoleServer | undefined;

  readonly #clock: Clock = {
    nowMs: () => systemClock.nowMs() + this.aheadMs,
    steadyMs: () => systemClock.steadyMs() + Math.max(0, this.aheadMs),
    sleep: (ms, signal) => systemClock.sleep(this.isHurried ? Math.min(ms, 20) : ms, signal),
  };

  constructor() {
    mkdirSync(this.stateDir, { mode: 0o710 });
    mkdirSync(join(this.pagesFolder, 'assets'), { recursive: true });
    writeFileSync(join(this.pagesFolder, 'index.html'), INDEX);
    writeFileSync(join(this.pagesFolder, ASSET), SCRIPT);
    writeFileSync(join(this.pagesFolder, `${ASSET}.br`), 'brotli');
    writeFileSync(join(this.folder, 'secret.txt'), OUTSIDE);
    symlinkSync(join(this.folder, 'secret.txt'), join(this.pagesFolder, 'link.txt'));
    symlinkSync(this.folder, join(this.pagesFolder, 'up'));
    this.engine.answers.set('landNow', () => ({ keys: 7 }));
  }

  /** Starts it, or starts it anew. */
  async start(options: Partial<ConsoleServerOptions> = {}): Promise<void> {
    await this.stop();
    this.#server = await startConsoleServer({
      listen: { host: '127.0.0.1', port: 0 },
      stateDir: this.stateDir,
      api: this.engine.api,
      log: this.#log,
      clock: this.#clock,
      pagesFolder: this.pagesFolder,
      ...options,
    });
    this.port = Number(new URL(this.url ?? 'http://nowhere:1').port);
    this.token = readConsoleToken(this.stateDir) ?? '';
  }

  get url(): string | undefined {
    return this.#server?.url;
  }

  async stop(): Promise<void> {
    this.hangUp();
    await this.#server?.close();
    this.#server = undefined;
  }

  /** Ends what the test opened. */
  hangUp(): void {
    for (const socket of this.openSockets) socket.destroy();
    this.openSockets.clear();
  }

  signIn(token: string, headers: Headers = {}): Promise<RawAnswer> {
    const body = JSON.stringify({ token });
    return rawRequest({ port: this.port, method: 'POST', path: '/api/session', headers, body });
  }

  /** A cookie of a new session. */
  async signedIn(): Promise<string> {
    const answer = await this.signIn(this.token);
    if (answer.status !== 200) throw new Error(`the right token was answered with ${answer.status}`);
    return cookieOf(answer);
  }

  call(cookie: string | undefined, headers: Headers = {}): Promise<RawAnswer> {
    return rawRequest({
      port: this.port,
      method: 'POST',
      path: '/api/call/landNow',
      headers: { cookie, ...headers },
      body: '{}',
    });
  }

  /** Sends a text over a connection that stays open. */
  send(text: string): RawConnection {
    const socket = openSocket({ port: this.port });
    this.openSockets.add(socket);
    const connection = new RawConnection(socket);
    socket.write(text);
    return connection;
  }

  /** Follows the stream until somebody ends it. */
  follow(cookie: string): RawConnection {
    return this.send(`GET /api/events HTTP/1.1\r\nHost: 127.0.0.1:${this.port}\r\nCookie: ${cookie}\r\n\r\n`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
    rmSync(this.folder, { recursive: true });
  }

  get #log(): Logger {
    const write =
      (level: string) =>
      (message: string, fields?: LogFields): void =>
        void this.logged.push({ level, message, fields });
    return { ...silentLogger, info: write('info'), warn: write('warn'), error: write('error') };
  }
}

export function cookieOf(answer: RawAnswer): string {
  return answer.headers['set-cookie']?.split(';')[0] ?? '';
}
