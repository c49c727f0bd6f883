import type { HeldChunks, HeldClaims, Holdings } from '../../shared/model/holdings.ts';
import type { ChannelDatabase } from './channel-database.ts';

/** Landing keys carry counters of the chunks that wait; of those in plans there are as many as the open files hold. */
const CHUNKS = `SELECT channel, sink, sum(storedBytes) AS storedBytes FROM (
    SELECT channel, sink, stored_bytes AS storedBytes FROM landing_keys WHERE chunks > 0
    UNION ALL
    SELECT c.channel, p.sink, c.stored_bytes FROM plans p JOIN chunks c ON c.plan_id = p.id
  ) GROUP BY channel, sink ORDER BY channel, sink`;

const CLAIMS = `SELECT c.channel, p.source, sum(c.events) AS events
  FROM claims c JOIN partitions p ON p.id = c.partition_id GROUP BY c.channel, p.source ORDER BY c.channel, p.source`;

/** What the channel holds, and for whom; asked when a configuration is to come into force. */
export function holdingsOf(db: ChannelDatabase): Holdings {
  return {
    chunks: db.prepare<[], HeldChunks>(CHUNKS).all(),
    claims: db.prepare<[], HeldClaims>(CLAIMS).all(),
  };
}
