/** Where the browser console of a state directory listens, noted for `headgate console`: with port 0 nobody else could know. */
import { readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';

const FILE = 'console.json';
const addressSchema = z.object({ url: z.string().regex(/^https?:\/\/[^\s/]+$/), pid: z.number().int() });
export type ConsoleAddress = z.output<typeof addressSchema>;

/** Undefined when no console listens, or it ended without taking its note away and another content stands there. */
export async function readConsoleAddress(stateDir: string): Promise<ConsoleAddress | undefined> {
  let text: string;
  try {
    text = await readFile(join(stateDir, FILE), 'utf8');
  } catch (error) {
    if (error instanceof Error && Reflect.get(error, 'code') === 'ENOENT') return undefined;
    throw error;
  }
  try {
    return addressSchema.safeParse(JSON.parse(text)).data;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

export async function noteConsoleAddress(stateDir: string, address: ConsoleAddress): Promise<void> {
  const path = join(stateDir, FILE);
  await rm(`${path}.new`, { force: true });
  await writeFile(`${path}.new`, `${JSON.stringify(address)}\n`, { mode: 0o600, flag: 'wx' });
  await rename(`${path}.new`, path);
}

export async function forgetConsoleAddress(stateDir: string): Promise<void> {
  await rm(join(stateDir, FILE), { force: true });
}
