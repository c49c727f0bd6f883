/** What a source, or the whole gateway, still has: read from the channel's books beside everything that works on them. */
import { join } from 'node:path';
import { CHANNEL_FILE, openForReading, wrapped } from '../../channel/channel-database.ts';

export interface Leftovers {
  /** Tenures with puts that are stored, but not known to be accepted. */
  readonly heldTenures: number;
  /** In the channel: not landed, held ones among them. */
  readonly events: number;
  /** Files begun, and directories whose next file is not begun. */
  readonly files: number;
  /** Offsets that are to be pulled again. */
  readonly claimed: number;
  /** Events in quarantine about which nobody has decided. */
  readonly quarantined: number;
  /** A file that waits for an operator's decision. */
  readonly heldFile: string | undefined;
}

/** `source` undefined: of all, also of sources that are no longer configured. */
export function readLeftovers(stateDir: string, source: string | undefined): Leftovers {
  const place = join(stateDir, CHANNEL_FILE);
  const db = openForReading(place);
  const own = 'IN (SELECT id FROM partitions WHERE @source IS NULL OR source = @source)';
  const one = <Row>(sql: string): Row | undefined =>
    db.prepare<unknown[], Row>(sql).get({ source: source ?? null });
  const number = (sql: string): number => one<{ n: number | null }>(sql)?.n ?? 0;
  try {
    return wrapped('read what is left', place, () => ({
      heldTenures: number(
        `SELECT count(*) AS n FROM tenures WHERE state <> 'ended' AND put_to > accepted_to AND partition_id ${own}`,
      ),
      events: number(`SELECT sum(events) AS n FROM chunks WHERE partition_id ${own}`),
      files: number(
        `SELECT count(*) AS n FROM (SELECT DISTINCT plan_id, CASE WHEN plan_id IS NULL THEN landing_key_id END
         FROM chunks WHERE partition_id ${own})`,
      ),
      claimed: number(`SELECT sum(events) AS n FROM claims WHERE partition_id ${own}`),
      quarantined: number(
        `SELECT sum(events) AS n FROM quarantine_counts WHERE state = 'waiting' AND partition_id ${own}`,
      ),
      heldFile: one<{ path: string }>(
        `SELECT final_path AS path FROM plans WHERE state = 'held' AND EXISTS
         (SELECT 1 FROM chunks WHERE chunks.plan_id = plans.id AND partition_id ${own}) LIMIT 1`,
      )?.path,
    }));
  } finally {
    db.close();
  }
}
