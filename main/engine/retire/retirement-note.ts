/** Which sources were told to leave for good: one note in the channel's database, so that a restarted engine goes on with it. */
import { z } from 'zod';

const NOTE = 'retirements';

const schema = z.array(
  z.object({
    /** Absent: the whole gateway. */
    source: z.string().optional(),
    state: z.enum(['retiring', 'retired']),
    by: z.string(),
    sinceMs: z.number(),
    endedMs: z.number().optional(),
  }),
);
export type Retirement = z.output<typeof schema>[number];

interface NoteStore {
  readNote(name: string): Promise<string | undefined>;
  writeNote(name: string, value: string): Promise<void>;
}

export async function readRetirements(store: NoteStore): Promise<Retirement[]> {
  const text = await store.readNote(NOTE);
  return text === undefined || text === '' ? [] : schema.parse(JSON.parse(text));
}

/** Durable when it resolves. */
export async function writeRetirements(store: NoteStore, retirements: readonly Retirement[]): Promise<void> {
  await store.writeNote(NOTE, JSON.stringify(retirements));
}
