/**
 * The bytes that members of a consumer group exchange through the broker: Kafka's own ConsumerProtocol (KIP-429), so that Kafka's
 * tools can show the members and what each has.
 */
export interface TopicPartition {
  readonly topic: string;
  readonly partition: number;
}

export interface Subscription {
  readonly topics: readonly string[];
  readonly owned: readonly TopicPartition[];
}

const SUBSCRIPTION_VERSION = 1;
const ASSIGNMENT_VERSION = 0;
/** More than this in one message is not ours. */
const ITEMS_MAX = 1_000_000;

export function encodeSubscription({ topics, owned }: Subscription): Buffer {
  const parts: Buffer[] = [int16(SUBSCRIPTION_VERSION), int32(topics.length)];
  for (const topic of topics) parts.push(string(topic));
  parts.push(int32(0), topicArray(owned));
  return Buffer.concat(parts);
}

/** Throws RangeError for bytes that are no subscription. */
export function decodeSubscription(bytes: Buffer): Subscription {
  const cursor = { bytes, at: 0 };
  const version = readInt16(cursor);
  const topics = readArray(cursor, readString);
  skipBytes(cursor);
  const hasOwned = version >= 1 && cursor.at < bytes.length;
  return { topics, owned: hasOwned ? readTopicArray(cursor) : [] };
}

export function encodeAssignment(partitions: readonly TopicPartition[]): Buffer {
  return Buffer.concat([int16(ASSIGNMENT_VERSION), topicArray(partitions), int32(0)]);
}

/** Throws RangeError for bytes that are no assignment. Empty bytes are an empty one. */
export function decodeAssignment(bytes: Buffer): TopicPartition[] {
  if (bytes.length === 0) return [];
  const cursor = { bytes, at: 0 };
  readInt16(cursor);
  return readTopicArray(cursor);
}

/**
 * Shares partitions among members evenly, and leaves each where it is as far as that allows: a partition that stays keeps its
 * tenure. Same input, same answer, whichever member computes it.
 */
export function assignSticky(
  members: ReadonlyMap<string, Subscription>,
  partitions: readonly TopicPartition[],
): Map<string, TopicPartition[]> {
  const ids = [...members.keys()].sort();
  const assigned = new Map<string, TopicPartition[]>(ids.map((id) => [id, []]));
  const wantedBy = (topic: string): string[] => ids.filter((id) => members.get(id)?.topics.includes(topic));
  const sorted = [...partitions].sort((a, b) =>
    a.topic === b.topic ? a.partition - b.partition : a.topic < b.topic ? -1 : 1,
  );
  const share = Math.floor(sorted.length / Math.max(1, ids.length));
  // So many members have one more than the others; were more to keep one more, somebody else would go without.
  let larger = sorted.length - share * ids.length;
  const owners = new Map<string, string>();
  for (const id of ids) for (const one of members.get(id)?.owned ?? []) owners.set(keyOf(one), id);
  const free: TopicPartition[] = [];
  for (const one of sorted) {
    const owner = owners.get(keyOf(one));
    const list = owner === undefined ? undefined : assigned.get(owner);
    const mayStay = owner !== undefined && wantedBy(one.topic).includes(owner);
    const isWithin = list !== undefined && mayStay && list.length < share + (larger > 0 ? 1 : 0);
    if (isWithin && list.length === share) larger--;
    if (isWithin) list.push(one);
    else free.push(one);
  }
  for (const one of free) {
    const lists = wantedBy(one.topic).map((id) => assigned.get(id) ?? []);
    const least = lists.reduce<TopicPartition[] | undefined>(
      (best, list) => (best === undefined || list.length < best.length ? list : best),
      undefined,
    );
    least?.push(one);
  }
  return assigned;
}

function keyOf(one: TopicPartition): string {
  return `${one.topic}/${one.partition}`;
}

interface Cursor {
  readonly bytes: Buffer;
  at: number;
}

function int16(value: number): Buffer {
  const bytes = Buffer.alloc(2);
  bytes.writeInt16BE(value);
  return bytes;
}

function int32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(value);
  return bytes;
}

function string(text: string): Buffer {
  const bytes = Buffer.from(text);
  return Buffer.concat([int16(bytes.length), bytes]);
}

function topicArray(partitions: readonly TopicPartition[]): Buffer {
  const byTopic = new Map<string, number[]>();
  for (const { topic, partition } of partitions)
    byTopic.set(topic, [...(byTopic.get(topic) ?? []), partition]);
  const parts = [int32(byTopic.size)];
  for (const [topic, numbers] of byTopic)
    parts.push(string(topic), int32(numbers.length), ...numbers.map(int32));
  return Buffer.concat(parts);
}

function readInt16(cursor: Cursor): number {
  const value = cursor.bytes.readInt16BE(cursor.at);
  cursor.at += 2;
  return value;
}

function readInt32(cursor: Cursor): number {
  const value = cursor.bytes.readInt32BE(cursor.at);
  cursor.at += 4;
  return value;
}

function readString(cursor: Cursor): string {
  const length = readInt16(cursor);
  if (length < 0 || cursor.at + length > cursor.bytes.length)
    throw new RangeError('a string beyond the message');
  const text = cursor.bytes.toString('utf8', cursor.at, cursor.at + length);
  cursor.at += length;
  return text;
}

function skipBytes(cursor: Cursor): void {
  const length = readInt32(cursor);
  cursor.at += Math.max(0, length);
}

function readArray<Item>(cursor: Cursor, read: (cursor: Cursor) => Item): Item[] {
  const count = readInt32(cursor);
  if (count > ITEMS_MAX) throw new RangeError(`an array of ${count}`);
  const items: Item[] = [];
  for (let index = 0; index < count; index++) items.push(read(cursor));
  return items;
}

function readTopicArray(cursor: Cursor): TopicPartition[] {
  return readArray(cursor, (inner) => {
    const topic = readString(inner);
    return readArray(inner, readInt32).map((partition) => ({ topic, partition }));
  }).flat();
}
