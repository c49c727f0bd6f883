import { createHash, randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { cp, mkdir, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { cacheDirectory, pomDirectory, type JarSet } from './jars.ts';

/**
 * Formatting an empty data directory costs a JVM start (about 1 s) and always gives the same kind of result, so it is done once for each version of the jars
 * and copied afterwards. Clusters made this way share their cluster id, which is harmless: each has its own ports.
 *
 * `format` fills the directory it is given; `destination` must not exist yet.
 */
export async function copyFormatted(
  jarSet: JarSet,
  destination: string,
  format: (directory: string) => Promise<void>,
): Promise<void> {
  const pom = await readFile(join(pomDirectory, `${jarSet}.pom.xml`));
  const version = createHash('sha256').update(pom).digest('hex').slice(0, 12);
  const store = join(cacheDirectory, 'formatted', `${jarSet}-${version}`);
  if (!existsSync(store)) await makeStore(store, format);
  await cp(store, destination, { recursive: true });
}

async function makeStore(store: string, format: (directory: string) => Promise<void>): Promise<void> {
  const temporary = `${store}.${process.pid}.${randomBytes(4).toString('hex')}`;
  await mkdir(temporary, { recursive: true });
  try {
    await format(temporary);
    await rename(temporary, store).catch((error: unknown) => {
      // Another process was quicker; its result is as good.
      if (!existsSync(store)) throw error;
    });
  } finally {
    await rm(temporary, { recursive: true, force: true });
  }
}
