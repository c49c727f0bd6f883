import { spawn, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, open, readFile, readdir, rename, rm, unlink, writeFile } from 'node:fs/promises';
import { randomBytes } from 'node:crypto';
import { join, resolve } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';

export type JarSet = 'kafka' | 'hadoop' | 'flume';

const JAVA_MAJOR_MIN = 17;
const LOCK_POLL_MS = 250;
const LOCK_WAIT_MAX_MS = 20 * 60_000;
const LOG_TAIL_CHARS = 3_000;
const COMPLETE_MARKER = '.complete';

/** The checkout's folder for everything that can be made again. Git-ignored. */
export const cacheDirectory = resolve(import.meta.dirname, '..', '..', '.cache');
const jarsDirectory = join(cacheDirectory, 'jars');
/** Holds one Maven file for each jar set. */
export const pomDirectory = join(import.meta.dirname, 'jars');

/** The `java` to run: that of JAVA_HOME, else the one on PATH. */
export function javaCommand(tool: 'java' | 'keytool' = 'java'): string {
  const home = process.env['JAVA_HOME'];
  return home !== undefined && home !== '' ? join(home, 'bin', tool) : tool;
}

/** Class path of a jar set's directory, as the JVM wants it; the JVM expands the star itself. */
export function jarsOf(directory: string): string {
  return join(directory, '*');
}

let knownProblem: string | undefined;
let wasChecked = false;

/** Why the real servers can't run on this machine, in one sentence with what to do; undefined when they can. */
export function javaProblem(): string | undefined {
  if (!wasChecked) {
    knownProblem = findJavaProblem();
    wasChecked = true;
  }
  return knownProblem;
}

/** True when Java 17 or later is here, and Maven or jars fetched before. The reason otherwise: `javaProblem()`. */
export function hasJava(): boolean {
  return javaProblem() === undefined;
}

function findJavaProblem(): string | undefined {
  const answer = spawnSync(javaCommand(), ['-version'], { encoding: 'utf8' });
  if (answer.error !== undefined || answer.status !== 0) {
    return `no Java: "${javaCommand()} -version" does not run. Install a JDK ${JAVA_MAJOR_MIN} or later (for example openjdk-17-jdk-headless) or set JAVA_HOME`;
  }
  const version = /version "(?:1\.)?(\d+)/.exec(answer.stderr + answer.stdout)?.[1];
  if (version === undefined || Number(version) < JAVA_MAJOR_MIN) {
    return `Java ${version ?? '(version not understood)'} is too old: the rig's Kafka and Hadoop need ${JAVA_MAJOR_MIN} or later. Install it or point JAVA_HOME at it`;
  }
  if (isComplete('kafka') && isComplete('hadoop')) return undefined;
  return mavenProblem();
}

function mavenProblem(): string | undefined {
  const answer = spawnSync('mvn', ['-v'], { encoding: 'utf8', shell: process.platform === 'win32' });
  if (answer.error === undefined && answer.status === 0) return undefined;
  return `no Maven: "mvn -v" does not run, and the servers' jars are not yet in ${jarsDirectory}. Install Maven (for example the package maven) once; later runs do not need it`;
}

function isComplete(name: JarSet): boolean {
  return existsSync(join(jarsDirectory, name, COMPLETE_MARKER));
}

export interface EnsureJarsOptions {
  /** Called with a short sentence now and then while Maven works, for a person who waits. */
  readonly onProgress?: (message: string) => void;
}

/**
 * The directory with a jar set, fetched through Maven when it isn't there yet. Maven fills a temporary directory, which is renamed when all is
 * in it and marked; a lock file lets one process at a time do so. Throws with a hint when Java or Maven is missing or Maven fails.
 */
export async function ensureJars(name: JarSet, options: EnsureJarsOptions = {}): Promise<string> {
  const directory = join(jarsDirectory, name);
  if (isComplete(name)) return directory;
  const problem = javaProblem() ?? mavenProblem();
  if (problem !== undefined) throw new Error(`the jars of ${name} can't be fetched: ${problem}`);
  await mkdir(jarsDirectory, { recursive: true });
  const unlock = await takeLock(join(jarsDirectory, 'fetching.lock'), options);
  try {
    if (!isComplete(name)) await fetchJars(name, directory, options);
  } finally {
    await unlock();
  }
  return directory;
}

async function fetchJars(name: JarSet, directory: string, options: EnsureJarsOptions): Promise<void> {
  const temporary = `${directory}.${process.pid}.${randomBytes(4).toString('hex')}`;
  options.onProgress?.(`fetching the jars of ${name} with Maven, once`);
  try {
    await runMaven(name, temporary, options);
    const count = (await readdir(temporary)).length;
    if (count === 0) throw new Error(`Maven ended well but brought no jar for ${name}`);
    await writeFile(join(temporary, COMPLETE_MARKER), `${count} files\n`);
    // What stands there without a marker is the rest of an older attempt.
    await rm(directory, { recursive: true, force: true });
    await rename(temporary, directory);
    options.onProgress?.(`${count} jars of ${name} are in place`);
  } finally {
    await rm(temporary, { recursive: true, force: true });
  }
}

function runMaven(name: JarSet, outputDirectory: string, options: EnsureJarsOptions): Promise<void> {
  const pom = join(pomDirectory, `${name}.pom.xml`);
  const args = ['-B', '-f', pom, 'dependency:copy-dependencies', `-DoutputDirectory=${outputDirectory}`];
  const child = spawn('mvn', args, {
    stdio: ['ignore', 'pipe', 'pipe'],
    shell: process.platform === 'win32',
  });
  let tail = '';
  let count = 0;
  const hear = (chunk: Buffer): void => {
    const text = chunk.toString();
    tail = (tail + text).slice(-LOG_TAIL_CHARS);
    for (const _ of text.matchAll(/^Downloaded from /gm)) {
      count++;
      if (count % 50 === 0) options.onProgress?.(`${count} files of ${name} fetched`);
    }
  };
  child.stdout.on('data', hear);
  child.stderr.on('data', hear);
  return new Promise((done, fail) => {
    child.once('error', (cause) => fail(new Error(`Maven did not start for the jars of ${name}`, { cause })));
    child.once('close', (code) => {
      if (code === 0) done();
      else
        fail(
          new Error(
            `Maven ended with ${code} for the jars of ${name}: is its repository reachable?\n${tail}`,
          ),
        );
    });
  });
}

async function takeLock(path: string, options: EnsureJarsOptions): Promise<() => Promise<void>> {
  const deadline = Date.now() + LOCK_WAIT_MAX_MS;
  let isAnnounced = false;
  for (;;) {
    try {
      const file = await open(path, 'wx');
      await file.writeFile(String(process.pid));
      await file.close();
      return () => unlink(path);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
    if (await isHolderDead(path)) {
      await rm(path, { force: true });
      continue;
    }
    if (Date.now() > deadline)
      throw new Error(`another process fetches jars for too long; remove ${path} if none does`);
    if (!isAnnounced) options.onProgress?.('another process fetches jars, waiting for it');
    isAnnounced = true;
    await wait(LOCK_POLL_MS);
  }
}

async function isHolderDead(path: string): Promise<boolean> {
  try {
    const pid = Number(await readFile(path, 'utf8'));
    // An empty file is one whose owner is about to write its pid.
    if (!Number.isInteger(pid) || pid <= 0) return false;
    process.kill(pid, 0);
    return false;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ESRCH';
  }
}
