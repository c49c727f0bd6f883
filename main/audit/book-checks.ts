import type { ChannelDatabase } from '../channel/channel-database.ts';
import type { FindingKind } from './finding-list.ts';
import { CHECK_KEYS, CHECK_ROWS } from './audit-limits.ts';

/** One contradiction between two records of the same fact. */
export interface BookFault {
  readonly place: string;
  readonly what: string;
  readonly kind?: FindingKind;
}

/**
 * A check of the books that is one statement a page of `table`: the statement gets `@after < id <= @upTo` and gives faults.
 * Each statement sees one state of the database, and the writer changes both records of a fact in one transaction: so no
 * check needs a transaction of its own, and none holds the WAL for long.
 */
interface PagedCheck {
  readonly table: string;
  readonly pageRows: number;
  readonly sql: string;
}

const LEDGER: PagedCheck = {
  table: 'ledger',
  pageRows: CHECK_ROWS,
  sql: `SELECT 'file ' || l.file_id AS place, 'the ledger says ' || l.events || ' events, its ' || count(p.id)
      || ' parts hold ' || coalesce(sum(p.events), 0)
      || CASE WHEN coalesce(sum(p.channel <> l.channel), 0) > 0 THEN ', some of another channel' ELSE '' END AS what
    FROM ledger l LEFT JOIN ledger_parts p ON p.file_id = l.file_id WHERE l.id > @after AND l.id <= @upTo
    GROUP BY l.id HAVING l.events <> coalesce(sum(p.events), 0) OR count(p.id) = 0 OR sum(p.channel <> l.channel) > 0`,
};

const PARTS: PagedCheck = {
  table: 'ledger_parts',
  pageRows: CHECK_ROWS,
  sql: `SELECT 'file ' || p.file_id AS place, 'part ' || p.id || ' belongs to no file of the ledger' AS what
    FROM ledger_parts p WHERE p.id > @after AND p.id <= @upTo AND NOT EXISTS (SELECT 1 FROM ledger l WHERE l.file_id = p.file_id)`,
};

const KEYS: PagedCheck = {
  table: 'landing_keys',
  pageRows: CHECK_KEYS,
  sql: `SELECT 'landing key ' || k.id || ' ' || k.directory AS place, 'it counts ' || k.chunks || ' chunks, ' || k.events || ' events, '
      || k.raw_bytes || ' raw and ' || k.stored_bytes || ' stored bytes; its waiting chunks are ' || count(c.id) || ', '
      || coalesce(sum(c.events), 0) || ', ' || coalesce(sum(c.raw_bytes), 0) || ' and ' || coalesce(sum(c.stored_bytes), 0) AS what
    FROM landing_keys k LEFT JOIN chunks c ON c.landing_key_id = k.id AND c.plan_id IS NULL
    WHERE k.id > @after AND k.id <= @upTo GROUP BY k.id
    HAVING k.chunks <> count(c.id) OR k.events <> coalesce(sum(c.events), 0)
      OR k.raw_bytes <> coalesce(sum(c.raw_bytes), 0) OR k.stored_bytes <> coalesce(sum(c.stored_bytes), 0)`,
};

/** The length of a body stands in front of it: no page of the body is read. */
const CHUNKS: PagedCheck = {
  table: 'chunks',
  pageRows: CHECK_ROWS,
  sql: `SELECT 'chunk ' || id AS place, fault AS what FROM (SELECT c.id AS id, CASE
      WHEN k.id IS NULL THEN 'its landing key is missing'
      WHEN k.channel <> c.channel THEN 'its landing key is of another channel'
      WHEN b.id IS NULL AND c.body_id > 0 THEN 'its body is missing'
      WHEN length(b.bytes) <> c.stored_bytes
        THEN 'its body is ' || length(b.bytes) || ' bytes long, the row says ' || c.stored_bytes
      WHEN c.plan_id IS NULL THEN NULL
      WHEN p.id IS NULL THEN 'its plan is missing'
      WHEN p.landing_key_id <> c.landing_key_id THEN 'its plan is of another landing key'
      WHEN t.accepted_to < c.next THEN 'it is planned though its put is not accepted'
    END AS fault
    FROM chunks c LEFT JOIN landing_keys k ON k.id = c.landing_key_id LEFT JOIN plans p ON p.id = c.plan_id
      LEFT JOIN chunk_bodies b ON b.id = c.body_id
      LEFT JOIN tenures t ON t.id = c.tenure_id
    WHERE c.id > @after AND c.id <= @upTo) WHERE fault IS NOT NULL`,
};

const PLANS: PagedCheck = {
  table: 'plans',
  pageRows: CHECK_KEYS,
  sql: `SELECT 'file ' || p.file_id AS place, CASE
      WHEN k.id IS NULL THEN 'the landing key of its plan is missing'
      WHEN EXISTS (SELECT 1 FROM ledger l WHERE l.file_id = p.file_id) THEN 'it is planned and in the ledger'
      WHEN 'renaming' IN (p.state, p.held_from) AND NOT EXISTS (SELECT 1 FROM attempts a
        WHERE a.file_id = p.file_id AND a.number = p.renaming_attempt AND a.state = 'uploaded')
        THEN 'it is being renamed, and no uploaded attempt ' || coalesce(p.renaming_attempt, 0) || ' is recorded'
      ELSE 'its plan says ' || p.events || ' events, ' || p.lines || ' lines, ' || p.raw_bytes || ' raw bytes and ' || p.expected_bytes
        || ' in the file; its ' || count(c.id) || ' chunks give ' || coalesce(sum(c.events), 0) || ', ' || coalesce(sum(c.lines), 0)
        || ', ' || coalesce(sum(c.raw_bytes), 0) || ' and '
        || coalesce(sum(CASE k.codec WHEN 'none' THEN c.raw_bytes ELSE c.stored_bytes END), 0) END AS what
    FROM plans p LEFT JOIN chunks c ON c.plan_id = p.id LEFT JOIN landing_keys k ON k.id = p.landing_key_id
    WHERE p.id > @after AND p.id <= @upTo GROUP BY p.id
    HAVING k.id IS NULL OR count(c.id) = 0 OR p.events <> sum(c.events) OR p.lines <> sum(c.lines) OR p.raw_bytes <> sum(c.raw_bytes)
      OR p.expected_bytes <> sum(CASE k.codec WHEN 'none' THEN c.raw_bytes ELSE c.stored_bytes END)
      OR EXISTS (SELECT 1 FROM ledger l WHERE l.file_id = p.file_id)
      OR ('renaming' IN (p.state, p.held_from) AND NOT EXISTS (SELECT 1 FROM attempts a
        WHERE a.file_id = p.file_id AND a.number = p.renaming_attempt AND a.state = 'uploaded'))`,
};

/** As with chunks, the length of a body stands in front of it. */
const QUARANTINE: PagedCheck = {
  table: 'quarantine',
  pageRows: CHECK_ROWS,
  sql: `SELECT 'quarantine ' || id AS place, fault AS what FROM (SELECT q.id AS id, CASE
      WHEN q.state = 'waiting' AND b.id IS NULL THEN 'it waits, and its body is missing'
      WHEN q.state = 'waiting' AND length(b.body) <> q.body_bytes
        THEN 'its body is ' || length(b.body) || ' bytes long, the row says ' || q.body_bytes
      WHEN q.state = 'waiting' AND q.settled_ms IS NOT NULL THEN 'it waits, and it says who took it out'
      WHEN q.state = 'waiting' THEN NULL
      WHEN b.id IS NOT NULL THEN 'it is ' || q.state || ', and its body is still there'
      WHEN q.settled_ms IS NULL OR q.settled_by IS NULL THEN 'it is ' || q.state || ', and nothing says by whom'
      WHEN q.first >= t.accepted_to THEN 'it is ' || q.state || ', though its put is not accepted'
    END AS fault
    FROM quarantine q LEFT JOIN quarantine_bodies b ON b.id = q.id LEFT JOIN tenures t ON t.id = q.tenure_id
    WHERE q.id > @after AND q.id <= @upTo) WHERE fault IS NOT NULL`,
};

const BODIES: PagedCheck = {
  table: 'quarantine_bodies',
  pageRows: CHECK_ROWS,
  sql: `SELECT 'quarantine ' || b.id AS place, 'there is a body, and no row of its event' AS what
    FROM quarantine_bodies b WHERE b.id > @after AND b.id <= @upTo AND NOT EXISTS (SELECT 1 FROM quarantine q WHERE q.id = b.id)`,
};

const PAGED = [LEDGER, PARTS, KEYS, CHUNKS, PLANS, QUARANTINE, BODIES] as const;

/** Checks over tables that stay small: one statement each. */
const WHOLE = [
  `SELECT 'file ' || a.file_id AS place, 'attempt ' || a.number || ' is ' || a.state || ', and the file has no open plan' AS what
    FROM attempts a WHERE a.state IN ('started', 'uploaded') AND NOT EXISTS (SELECT 1 FROM plans p WHERE p.file_id = a.file_id)`,
  `SELECT 'tenure ' || t.nonce AS place, 'it holds ' || (t.put_to - t.accepted_to) || ' offsets from ' || t.accepted_to || ', its '
      || count(h.next) || ' held puts have ' || coalesce(sum(h.next - h.first), 0) AS what
    FROM tenures t LEFT JOIN held_puts h ON h.tenure_id = t.id GROUP BY t.id
    HAVING t.put_to - t.accepted_to <> coalesce(sum(h.next - h.first), 0) OR coalesce(min(h.first), t.accepted_to) <> t.accepted_to
      OR coalesce(max(h.next), t.put_to) <> t.put_to`,
  `SELECT 'tenure ' || t.nonce AS place, 'it is over, and holds offsets up to ' || t.put_to AS what
    FROM tenures t WHERE t.state = 'ended' AND t.put_to <> t.accepted_to`,
  `SELECT p.topic || '/' || p.partition AS place, 'the position is ' || p.position || ', its tenure '
      || coalesce('ends at ' || t.put_to, 'is missing') AS what
    FROM partitions p LEFT JOIN tenures t ON t.id = p.tenure_id
    WHERE p.tenure_id IS NOT NULL AND (t.id IS NULL OR t.put_to <> p.position)`,
  `SELECT 'tenure ' || t.nonce AS place, 'its partition is missing' AS what
    FROM tenures t WHERE NOT EXISTS (SELECT 1 FROM partitions p WHERE p.id = t.partition_id)`,
  `SELECT 'channel ' || c.channel AS place, 'its part in offsets ' || c.first || '-' || (c.next - 1) || ' names a tenure that is missing' AS what
    FROM tenure_channels c WHERE NOT EXISTS (SELECT 1 FROM tenures t WHERE t.id = c.tenure_id)`,
  `SELECT 'quarantine' AS place, 'of partition row ' || coalesce(q.partition_id, c.partition_id) || ' ' || coalesce(q.events, 0)
      || ' events are ' || coalesce(q.state, c.state) || ', the counts say ' || coalesce(c.events, 0) AS what
    FROM (SELECT partition_id, coalesce(channel, '') AS channel, state, count(*) AS events FROM quarantine GROUP BY 1, 2, 3) q
      FULL JOIN quarantine_counts c ON c.partition_id = q.partition_id AND c.channel = q.channel AND c.state = q.state
    WHERE coalesce(q.events, 0) <> coalesce(c.events, 0)`,
  `SELECT 'quarantine' AS place, coalesce(t.value, 0) || ' events were ' || s.state || ', and ' || coalesce(sum(c.events), 0)
      || ' rows say so' AS what
    FROM (SELECT 'retried' AS state UNION SELECT 'dropped') s LEFT JOIN totals t ON t.name = 'quarantine.' || s.state
      LEFT JOIN quarantine_counts c ON c.state = s.state
    GROUP BY s.state HAVING coalesce(t.value, 0) <> coalesce(sum(c.events), 0)`,
] as const;

/** Tables whose rows name a partition; all have an index that begins with it. */
const OF_PARTITION = [
  'ledger_parts',
  'chunks',
  'claims',
  'damaged_chunks',
  'dispositions',
  'quarantine',
] as const;

/**
 * Everything in the books that is written twice, compared: ledger and parts, counters and chunks, plans and chunks, positions
 * and tenures. Gives the faults page by page, so that the caller may let others have their turn in between.
 */
export function* bookFaults(db: ChannelDatabase): Generator<readonly BookFault[]> {
  for (const check of PAGED) yield* pagesOf(db, check);
  for (const sql of WHOLE) yield db.prepare<[], BookFault>(sql).all();
  for (const table of OF_PARTITION) yield* strangers(db, table);
}

function* pagesOf(
  db: ChannelDatabase,
  { table, pageRows, sql }: PagedCheck,
): Generator<readonly BookFault[]> {
  // Ids are sparse where rows come and go, so a page is so many rows and not so many ids.
  const pageEnd = db.prepare<[number, number], { id: number }>(
    `SELECT id FROM ${table} WHERE id > ? ORDER BY id LIMIT 1 OFFSET ?`,
  );
  const faults = db.prepare<unknown[], BookFault>(sql);
  let after = 0;
  for (;;) {
    const upTo = pageEnd.get(after, pageRows - 1)?.id;
    yield faults.all({ after, upTo: upTo ?? Number.MAX_SAFE_INTEGER });
    if (upTo === undefined) return;
    after = upTo;
  }
}

/** Rows of partitions that are not known: no sweep would ever come by. */
function* strangers(
  db: ChannelDatabase,
  table: (typeof OF_PARTITION)[number],
): Generator<readonly BookFault[]> {
  const next = db.prepare<[number], { id: number | null }>(
    `SELECT min(partition_id) AS id FROM ${table} WHERE partition_id > ?`,
  );
  const isKnown = db.prepare<[number], { id: number }>('SELECT id FROM partitions WHERE id = ?');
  for (let id = next.get(0)?.id ?? null; id !== null; id = next.get(id)?.id ?? null) {
    if (isKnown.get(id) !== undefined) continue;
    yield [
      {
        place: `partition row ${id}`,
        what: `${table} has rows of a partition that is not known`,
        kind: 'outside',
      },
    ];
  }
}
