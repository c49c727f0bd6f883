/** Says of each row of the backlog what it waits for: the rows come from the database, the rest only the landing workers know. */
import type { Output } from '../../shared/contract/control.ts';
import { ALL_SINKS, type WriteSwitch } from '../channel/switch-store.ts';
import type { KeyStanding } from '../landing/key-standing.ts';
import type { LandingLink } from './landing-link.ts';

type BacklogRow = Output<'backlogList'>['rows'][number];
type Standing = Pick<BacklogRow, 'state' | 'cause'>;

export interface StandingSources {
  /** Of those who may land what waits for this sink or group. */
  readonly landersOf: (backlogSink: string) => readonly LandingLink[];
  readonly switches: () => Promise<readonly WriteSwitch[]>;
}

/**
 * One question to each sink's worker, for the keys of this page alone. A row of a worker that does not answer in time has no state; one
 * whose sink is gone from the configuration waits for it.
 */
export async function withStandings(
  rows: readonly BacklogRow[],
  { landersOf, switches }: StandingSources,
): Promise<BacklogRow[]> {
  const bySink = new Map<string, number[]>();
  for (const { sink, id } of rows) {
    const ids = bySink.get(sink);
    if (ids === undefined) bySink.set(sink, [id]);
    else ids.push(id);
  }
  if (bySink.size === 0) return [];
  const known = await switches();
  const standings = new Map<number, Standing>();
  await Promise.all(
    [...bySink].map(async ([sink, ids]) => {
      const links = landersOf(sink);
      // Of a group whoever works knows best; the others wait.
      const link = links.find(({ status }) => status?.isOnDuty === true) ?? links[0];
      const paused = known.find((one) => one.isPaused && (one.sink === sink || one.sink === ALL_SINKS));
      const told = new Map((await link?.standings(ids))?.map((one) => [one.landingKeyId, one]));
      for (const id of ids) standings.set(id, standingOf(told.get(id), { link, paused }));
    }),
  );
  return rows.map((row) => ({ ...row, ...standings.get(row.id) }));
}

interface SinkFacts {
  readonly link: LandingLink | undefined;
  readonly paused: WriteSwitch | undefined;
}

function standingOf(told: KeyStanding | undefined, { link, paused }: SinkFacts): Standing {
  if (link === undefined) return { state: 'waiting', cause: 'The running configuration has no such sink.' };
  const isOverruled = told?.state === 'held' || told?.state === 'landing';
  // The worker may not have seen the switch yet.
  if (!isOverruled && paused !== undefined) return { state: 'paused', cause: pauseText(paused) };
  if (told !== undefined)
    return { state: told.state, ...(told.why === undefined ? {} : { cause: told.why }) };
  return link.failure === undefined ? {} : { state: 'waiting', cause: link.failure.error.message };
}

function pauseText({ who, why }: WriteSwitch): string {
  return `Writing was paused by ${who}${why === '' ? '' : `: ${why}`}.`;
}
