/**
 * Goal: the desktop finds a running engine, starts its own where there is none, brings it back when it was killed, never starts a
 * second one nor one that somebody stopped, and leaves it alive when it ends itself. Method: real engine processes over real
 * sockets; servers of our own where an engine must be odd.
 */
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { ControlClient } from '../../main/control/control-client.ts';
import { controlSocketPath } from '../../main/control/socket-path.ts';
import { EngineHost, type EngineHostDelegate } from '../../main/desktop/engine-host.ts';
import { engineHomes, ownConfigFile, packagedEngine } from '../../main/desktop/engine-homes.ts';
import { probeEngine } from '../../main/desktop/engine-probe.ts';
import { EngineProgram, engineWords } from '../../main/desktop/engine-program.ts';
import { systemClock } from '../../main/telemetry/clock.ts';
import { CONTRACT_VERSION, type StreamEvent } from '../../shared/contract/control.ts';
import { desktopSettings, type EngineConnection } from '../../shared/contract/desktop.ts';
import { GatewayError } from '../../shared/errors.ts';
import { makeSite, removeSite, startEngineOf, type Site } from '../cli/site.ts';
import { guardProcess, releaseProcess } from '../rig/orphan-guard.ts';
import { until } from '../rig/until.ts';

const PROGRAM = fileURLToPath(new URL('../../bin/headgate', import.meta.url));
const CACHE = fileURLToPath(new URL('../../.cache/compile', import.meta.url));
const NEVER = new AbortController().signal;

let site: Site;
const hosts: RunningHost[] = [];
const pids = new Set<number>();
const servers: Server[] = [];

beforeEach(async () => {
  site = await makeSite();
});

afterEach(async () => {
  await Promise.all(hosts.splice(0).map((host) => host.end()));
  for (const pid of pids) await killed(pid);
  pids.clear();
  await Promise.all(servers.splice(0).map((server) => new Promise((done) => server.close(done))));
  await removeSite(site);
});

class RunningHost {
  readonly host: EngineHost;
  readonly states: EngineConnection[] = [];
  readonly events: StreamEvent[] = [];
  starts = 0;
  readonly #ended = new AbortController();
  readonly #running: Promise<void>;

  constructor(changes: Partial<EngineHostDelegate> = {}) {
    const program = programOf(site);
    this.host = new EngineHost({
      clock: systemClock,
      homes: async () => [{ socketPath: socketOf(site), isOwn: true }],
      probe: probeEngine,
      clientOf: (path) => {
        const client = new ControlClient(path);
        return {
          call: (name, input, signal) => client.call(name, input as never, signal),
          events: (signal) => client.events(signal),
        };
      },
      start: () => {
        this.starts++;
        const started = program.start(site.configFile);
        if (started.pid !== undefined) keep(started.pid);
        return started;
      },
      connectionChanged: (connection) => this.states.push(connection),
      event: (event) => this.events.push(event),
      ...changes,
    });
    this.#running = this.host.run(this.#ended.signal);
    hosts.push(this);
  }

  get names(): string[] {
    return this.states.map(({ state }) => state).filter((state, at, all) => state !== all[at - 1]);
  }

  async reach(state: EngineConnection['state']): Promise<EngineConnection> {
    return until(
      `the host is ${state}`,
      () => (this.host.connection.state === state ? this.host.connection : undefined),
      60_000,
    );
  }

  async end(): Promise<void> {
    this.#ended.abort();
    await this.#running;
  }
}

describe('without an engine', () => {
  test('one is started, found, followed, and lives on when the desktop ends', async () => {
    const running = new RunningHost();
    await running.reach('connected');
    expect(running.names).toEqual(['starting', 'connected']);
    const status = await until('a status has come', () => running.host.status);
    expect(pids.has(status.pid)).toBe(true);
    expect(running.host.connection).toMatchObject({ isOwn: true, socketPath: socketOf(site) });
    await running.end();
    expect(isAlive(status.pid)).toBe(true);
    // It answers as before, and another desktop finds it instead of starting one.
    const next = new RunningHost();
    await next.reach('connected');
    await until('a status has come', () => next.host.status);
    expect(next.host.status?.pid).toBe(status.pid);
    expect(next.starts).toBe(0);
  });

  test('a killed one is brought back, and a killed one after that as well', async () => {
    const running = new RunningHost();
    for (const start of [1, 2]) {
      await running.reach('connected');
      const pid = await until('it is a new one', () => livePid(running));
      expect(running.starts).toBe(start);
      process.kill(pid, 'SIGKILL');
      await until('it is gone', () => !isAlive(pid));
      await until('the host has seen it', () => running.host.connection.state !== 'connected');
    }
    await running.reach('connected');
    expect(running.starts).toBe(3);
    expect(running.states.find(({ state }) => state === 'lost')).toMatchObject({
      error: { code: 'no-engine' },
    });
  });

  test('one that was stopped on request stays down until somebody asks', async () => {
    const running = new RunningHost();
    await running.reach('connected');
    const pid = await until('a status has come', () => livePid(running));
    await running.host.call('stop', {});
    const stopped = await running.reach('stopped');
    expect(stopped.nextTryMs).toBeTypeOf('number');
    expect(isAlive(pid)).toBe(false);
    expect(running.starts).toBe(1);
    running.host.tryNow();
    await running.reach('connected');
    expect(running.starts).toBe(2);
  });

  test('a configuration that can’t be used is named in the engine’s own words', async () => {
    await writeFile(site.configFile, 'gateway: { id: x }\nsauces: {}\n');
    const running = new RunningHost();
    const failed = await running.reach('failed');
    expect(failed.error).toMatchObject({ code: 'config-invalid' });
    expect(failed.error?.message).toContain('sauces');
    expect(failed.nextTryMs).toBeGreaterThan(Date.now() - 60_000);
  });

  test('a program that is not there is a failure like any other', async () => {
    const program = new EngineProgram({
      ...programOptions(site),
      node: join(site.directory, 'no-such-node'),
    });
    const running = new RunningHost({ start: () => program.start(site.configFile) });
    const failed = await running.reach('failed');
    expect(failed.error?.message).toContain('ENOENT');
  });

  test('calls say that there is none', async () => {
    const running = new RunningHost({ homes: async () => [{ socketPath: socketOf(site), isOwn: false }] });
    await running.reach('lost');
    await expect(running.host.call('status', {})).rejects.toMatchObject({ code: 'no-engine' });
    expect(running.starts).toBe(0);
  });
});

describe('an engine that runs already', () => {
  test('is found, survives its restart, and is never started by the desktop when it is a service', async () => {
    let engine = await startEngineOf(site);
    const running = new RunningHost({ homes: async () => [{ socketPath: socketOf(site), isOwn: false }] });
    await running.reach('connected');
    await engine.kill();
    await until('the host has seen it', () => running.host.connection.state === 'lost');
    engine = await startEngineOf(site);
    await running.reach('connected');
    await until('it is the new one', () => running.host.status?.pid === engine.pid);
    expect(running.starts).toBe(0);
    await running.end();
    await engine.stop();
  });
});

describe('an odd neighbour', () => {
  async function listen(answer: (path: string) => unknown): Promise<string> {
    const path = join(site.directory, `odd-${servers.length}.sock`);
    const server = createServer((request, response) => {
      const body = answer(request.url ?? '');
      if (body !== undefined) response.end(JSON.stringify(body));
    });
    servers.push(server);
    await new Promise<void>((done) => server.listen(path, done));
    return path;
  }

  test('of another contract is shown and left alone', async () => {
    const contract = CONTRACT_VERSION + 1;
    const socketPath = await listen((path) => (path === '/info' ? { contract } : {}));
    const running = new RunningHost({ homes: async () => [{ socketPath, isOwn: true }] });
    const shown = await running.reach('mismatch');
    expect(shown).toMatchObject({ engineContract: contract, error: { code: 'contract-mismatch' } });
    expect(running.starts).toBe(0);
    await expect(running.host.call('status', {})).rejects.toMatchObject({ code: 'contract-mismatch' });
  });

  test('that is no engine is shown, and no second one is started beside it', async () => {
    const socketPath = await listen(() => ({ hello: 'world' }));
    const running = new RunningHost({ homes: async () => [{ socketPath, isOwn: true }] });
    expect((await running.reach('lost')).error?.message).toContain('does not answer as an engine');
    expect(running.starts).toBe(0);
  });

  test('that belongs to others is shown as that, and no own one is started instead of it', async () => {
    const running = new RunningHost({
      homes: async () => [
        { socketPath: socketOf(site), isOwn: true },
        { socketPath: '/service', isOwn: false },
      ],
      // Root may connect to every socket, so the operating system's refusal is played here.
      probe: (path, signal) =>
        path === '/service'
          ? Promise.resolve({ kind: 'forbidden', error: forbiddenError() })
          : probeEngine(path, signal),
    });
    expect((await running.reach('forbidden')).error).toMatchObject({ code: 'permission-denied' });
    expect(running.starts).toBe(0);
  });

  test('that was killed leaves a socket behind, which is nobody', async () => {
    const engine = await startEngineOf(site);
    await engine.kill();
    expect(await probeEngine(socketOf(site), NEVER)).toEqual({ kind: 'absent' });
    expect(await probeEngine(join(site.directory, 'none.sock'), NEVER)).toEqual({ kind: 'absent' });
    // A folder that may not be entered; for root every folder may be.
    const [own] = [process.getuid?.()];
    if (own !== 0) {
      const closed = join(site.directory, 'closed');
      await mkdir(closed, { mode: 0o000 });
      expect(await probeEngine(join(closed, 'control.sock'), NEVER)).toMatchObject({ kind: 'forbidden' });
    }
  });
});

describe('the program of the engine', () => {
  test('tells where the engine of a configuration listens, running or not', async () => {
    const program = programOf(site);
    expect(await program.socketOf(site.configFile, NEVER)).toBe(socketOf(site));
    expect(await program.socketOf(join(site.directory, 'none.yaml'), NEVER)).toBeUndefined();
  });

  test('begins with the wizard where no configuration is', () => {
    expect(engineWords('/a.yaml')).toEqual(['run', '--config', '/a.yaml', '--log-format', 'json', '--setup']);
    expect(engineWords('/a.yaml', '/state')).toEqual([...engineWords('/a.yaml'), '--state-dir', '/state']);
  });

  test('is not led astray by what this process was started with', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'headgate-words-'));
    const script = join(folder, 'words.mjs');
    const out = join(folder, 'out');
    await writeFile(
      script,
      `import { writeFileSync } from 'node:fs'; writeFileSync(${JSON.stringify(out)}, JSON.stringify(process.env)); process.exit(3)`,
    );
    const environment = {
      ...process.env,
      NODE_OPTIONS: '--no-such-flag',
      ELECTRON_RUN_AS_NODE: '1',
      KEPT: 'yes',
    };
    const program = new EngineProgram({ ...programOptions(site), program: script, environment });
    expect(await program.start(site.configFile).ended).toEqual({ code: 3, signal: null, tail: '' });
    const seen = JSON.parse(await readFile(out, 'utf8')) as Record<string, string>;
    expect(seen).toMatchObject({ KEPT: 'yes', NODE_COMPILE_CACHE: CACHE });
    expect(Object.keys(seen)).not.toEqual(expect.arrayContaining(['NODE_OPTIONS']));
    expect(seen['ELECTRON_RUN_AS_NODE']).toBeUndefined();
    await rm(folder, { recursive: true });
  });
});

describe('where engines are looked for', () => {
  const linux = { platform: 'linux', environment: {}, home: '/users/w', userId: 1000 } as const;
  const windows = {
    platform: 'win32',
    environment: { ProgramData: 'C:\\ProgramData' },
    home: 'C:\\Users\\w',
    userId: undefined,
  } as const;
  const settings = (engine: object) => desktopSettings.parse({ engine });

  test('on Linux: the user’s own, then the service', () => {
    expect(engineHomes(settings({}), undefined, linux)).toEqual([
      { socketPath: '/users/w/.local/state/headgate/control.sock', isOwn: true },
      { socketPath: '/var/lib/headgate/control.sock', isOwn: false },
    ]);
    expect(engineHomes(settings({}), '/elsewhere.sock', linux)[0]?.socketPath).toBe('/elsewhere.sock');
    expect(ownConfigFile(settings({}), linux)).toBe('/users/w/.config/headgate/headgate.yaml');
  });

  test('a choice of the user is the only one', () => {
    expect(engineHomes(settings({ stateDir: '/data/gw' }), undefined, linux)).toEqual([
      { socketPath: '/data/gw/control.sock', isOwn: true },
    ]);
    expect(engineHomes(settings({ configFile: '/etc/a.yaml' }), '/a.sock', linux)).toHaveLength(1);
    expect(ownConfigFile(settings({ configFile: '/etc/a.yaml' }), linux)).toBe('/etc/a.yaml');
  });

  test('on Windows: a named pipe', () => {
    const [home, ...others] = engineHomes(settings({}), undefined, windows);
    expect(home?.socketPath).toMatch(/^\\\\\.\\pipe\\headgate-[0-9a-f]{16}$/);
    expect(others).toEqual([]);
    expect(ownConfigFile(settings({}), windows)).toBe('C:\\ProgramData\\Headgate\\headgate.yaml');
    expect(packagedEngine('/r', 'win32').node).toBe(join('/r', 'node', 'node.exe'));
  });
});

function programOptions({ directory }: Site) {
  return {
    node: process.execPath,
    program: PROGRAM,
    errorFile: join(directory, 'engine-errors.log'),
    // The checkout's: with an empty one every start would translate the whole program again.
    compileCache: CACHE,
    environment: { ...process.env, NODE_COMPILE_CACHE: undefined },
  };
}

function programOf(of: Site): EngineProgram {
  return new EngineProgram(programOptions(of));
}

function socketOf({ stateDir }: Site): string {
  return controlSocketPath(stateDir);
}

function livePid({ host }: RunningHost): number | undefined {
  const pid = host.connection.state === 'connected' ? host.status?.pid : undefined;
  return pid !== undefined && isAlive(pid) ? pid : undefined;
}

function keep(pid: number): void {
  pids.add(pid);
  guardProcess(pid);
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    // No such process.
    return false;
  }
}

async function killed(pid: number): Promise<void> {
  if (isAlive(pid)) process.kill(pid, 'SIGKILL');
  await until('it is gone', () => !isAlive(pid));
  releaseProcess(pid);
}

function forbiddenError(): GatewayError {
  const words = { operation: 'talk', place: '/service', message: 'it belongs to others', hint: '' };
  return new GatewayError({ code: 'permission-denied', retry: 'backoff', ...words });
}
