/** Counts the rows of the channel database's tables in a thread of its own: a large ledger takes a while, and the engine must not wait for it. */
import { join } from 'node:path';
import { parentPort, workerData } from 'node:worker_threads';
import { CHANNEL_FILE, openForReading } from '../channel/channel-database.ts';
import { toErrorReport } from '../../shared/errors.ts';
import type { DatabaseFacts } from './support-bundle-machine.ts';

const PRAGMAS = [
  'page_size',
  'page_count',
  'freelist_count',
  'journal_mode',
  'synchronous',
  'auto_vacuum',
  'user_version',
  'schema_version',
  'application_id',
] as const;

function facts(stateDir: string): DatabaseFacts {
  const db = openForReading(join(stateDir, CHANNEL_FILE));
  try {
    const pragmas = Object.fromEntries(PRAGMAS.map((name) => [name, db.pragma(name, { simple: true })]));
    const tables = db
      .prepare<[], { name: string }>("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name")
      .all();
    const rows = Object.fromEntries(
      tables.map(({ name }) => {
        const quoted = `"${name.replaceAll('"', '""')}"`;
        return [
          name,
          db.prepare<[], { rows: number }>(`SELECT count(*) AS rows FROM ${quoted}`).get()?.rows ?? 0,
        ];
      }),
    );
    return { pragmas, rows };
  } finally {
    db.close();
  }
}

try {
  parentPort?.postMessage({ facts: facts(workerData as string) });
} catch (error) {
  parentPort?.postMessage({ error: toErrorReport(error).message });
}
