/** Repairs a channel as `headgate channel repair` does on a stopped engine; dies where HEADGATE_CRASH_AT says. */
import { proveBooks } from '../../main/audit/books-proof.ts';
import { repairChannel } from '../../main/channel/doctor/channel-repair.ts';
import { systemClock } from '../../main/telemetry/clock.ts';
import { STATE_ID } from '../channel/channel-fixture.ts';

const [directory = ''] = process.argv.slice(2);
const { signal } = new AbortController();
await repairChannel(
  { directory, stateId: STATE_ID, nowMs: 1_700_000_000_000 },
  {
    ...{ signal, onProgress: () => undefined, turn: () => Promise.resolve() },
    prove: (db) => proveBooks(db, { clock: systemClock, signal }),
  },
);
