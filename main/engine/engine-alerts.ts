/** From the engine's snapshot to alerts: what an operator is told before it becomes a loss, and when it is over. */
import type { GatewayConfig } from '../../shared/contract/config.ts';
import type {
  ChannelStatusRow,
  EngineStatus,
  SinkStatusRow,
  SourceStatusRow,
} from '../../shared/contract/control-status.ts';
import { HOUR_MS, SECOND_MS, formatBytes, formatDuration } from '../../shared/units.ts';
import type { AlertBoard } from '../telemetry/alert-board.ts';
import type { SourceEvent } from '../sources/source.ts';

type Limits = GatewayConfig['alerts'];

export interface AlertFacts {
  readonly status: EngineStatus;
  readonly limits: Limits;
  /** Time that never jumps, for how long something lasts: a clock that was set must neither raise nor hide an alert. */
  readonly steadyMs: number;
  /** Since when something due has not landed, epoch ms, by sink. */
  readonly stuckSinceMs: ReadonlyMap<string, number>;
}

/** A channel is filling from here on, and until it is below the second: it must not flutter. */
const FILLING_RATIO = 0.8;
const FILLING_OVER_RATIO = 0.75;
/** From here on it is nearly full, and the alert an error. */
const NEARLY_FULL_RATIO = 0.95;

/** What a source reports once and what lasts until a later fact ends it. */
const LASTING: ReadonlySet<SourceEvent['code']> = new Set<SourceEvent['code']>([
  'link-down',
  'held',
  'doubt',
  'leader-missing',
  'topic-missing',
  'stable-offset-stuck',
]);
/** A partition that was opened is none of these any more. */
const OVER_WHEN_OPENED = ['held', 'doubt', 'leader-missing', 'stable-offset-stuck'] as const;

export class EngineAlerts {
  readonly #board: AlertBoard;
  readonly #heldSinceMs = new Map<string, number>();
  /** Channels that were told to fill up. */
  readonly #filling = new Set<string>();
  readonly #logStarts = new Map<string, LogStartTrack>();
  /** By source: the lasting alerts it has raised, as code and place. */
  readonly #raisedBy = new Map<string, Map<string, { readonly code: string; readonly place: string }>>();
  /** By place: where the log's end stood when its stable offset was reported as stuck. */
  readonly #stuckEnds = new Map<string, number>();

  constructor(board: AlertBoard) {
    this.#board = board;
  }

  /** Looks at a snapshot; called about once a second. */
  look({ status, limits, steadyMs, stuckSinceMs }: AlertFacts): void {
    const now = { nowMs: status.nowMs, steadyMs, limits };
    for (const channel of status.channels) {
      this.#lookAtChannel(channel, now);
      this.#lookAtRoom(channel, status.sinks);
    }
    for (const sink of status.sinks)
      this.#lookAtSink(sink, { ...now, stuckSinceMs: stuckSinceMs.get(sink.name) });
    for (const source of status.sources) {
      this.#lookAtSource(source, now);
      this.#lookAtPartitions(source);
    }
  }

  /** Facts that a source reports itself. */
  take(event: SourceEvent): void {
    const { code, level, source, place, message, hint } = event;
    switch (code) {
      case 'link-up':
        // One link a source: its end is told without the place that was named when it went down.
        return this.#clearOf(source, (raised) => raised.code === 'link-down');
      case 'opened':
        return this.#clearOf(
          source,
          (raised) => raised.place === place && OVER_WHEN_OPENED.some((over) => over === raised.code),
        );
      case 'doubt-resolved':
        return this.#clearOf(source, (raised) => raised.place === place && raised.code === 'doubt');
      case 'rebalanced':
        return;
      default: {
        const raised = { code, level, place, message, hint };
        if (!LASTING.has(code)) return this.#board.tell(raised);
        this.#board.raise(raised);
        const own = this.#raisedBy.get(source) ?? new Map<string, { code: string; place: string }>();
        this.#raisedBy.set(source, own.set(`${code}\n${place}`, { code, place }));
      }
    }
  }

  /** A part is gone or was made anew: what was raised for the old one is over; the new one says it again if it still holds. */
  forget(kind: 'source' | 'channel' | 'sink', name: string): void {
    if (kind === 'source') {
      this.#clearOf(name, () => true);
      this.#board.clear('countdown', name);
      for (const key of this.#logStarts.keys()) if (key.startsWith(`${name}/`)) this.#logStarts.delete(key);
      return;
    }
    const codes = kind === 'sink' ? SINK_CODES : CHANNEL_CODES;
    for (const code of codes) this.#board.clear(code, name);
    if (kind !== 'channel') return;
    this.#heldSinceMs.delete(name);
    this.#filling.delete(name);
  }

  #clearOf(source: string, isOver: (raised: { code: string; place: string }) => boolean): void {
    const own = this.#raisedBy.get(source);
    for (const [key, raised] of own ?? []) {
      if (!isOver(raised)) continue;
      own?.delete(key);
      this.#stuckEnds.delete(raised.place);
      this.#board.clear(raised.code, raised.place);
    }
  }

  #lookAtChannel(channel: ChannelStatusRow, { nowMs, steadyMs, limits }: Now): void {
    const place = channel.name;
    this.#board.set(channel.storedBytes > limits.backlogBytes, {
      code: 'backlog',
      level: 'warn',
      place,
      message: `the backlog is ${formatBytes(channel.storedBytes)}, over ${formatBytes(limits.backlogBytes)}`,
      hint: 'see why the sink waits with `headgate status`; intake goes on until the channel is full',
    });
    const ageMs =
      channel.oldestEventMs === undefined
        ? 0
        : nowMs - Math.max(channel.oldestEventMs, channel.oldestPutMs ?? 0);
    this.#board.set(channel.events > 0 && ageMs > limits.oldestEventMs, {
      code: 'oldest-event',
      level: 'warn',
      place,
      message: `the oldest event has been waiting for ${formatDuration(Math.max(0, Math.round(ageMs)))}`,
      hint: 'is writing paused, or the target away? `headgate status` says',
    });
    this.#board.set(channel.state === 'full' || channel.state === 'low-disk', {
      code: channel.state === 'low-disk' ? 'disk' : 'channel-full',
      level: 'error',
      place,
      message: channel.cause ?? 'intake has stopped; Kafka keeps the data',
      hint: channel.hint ?? 'make room, or let the sink land; intake goes on by itself',
    });
    if (channel.state === 'open') for (const code of ['disk', 'channel-full']) this.#board.clear(code, place);
    const heldSinceMs = channel.heldEvents > 0 ? (this.#heldSinceMs.get(place) ?? steadyMs) : undefined;
    if (heldSinceMs === undefined) this.#heldSinceMs.delete(place);
    else this.#heldSinceMs.set(place, heldSinceMs);
    this.#board.set(heldSinceMs !== undefined && steadyMs - heldSinceMs > limits.heldPutMs, {
      code: 'held-put',
      level: 'warn',
      place,
      message: `${channel.heldEvents} events wait for their offset to be committed in Kafka`,
      hint: 'they land as soon as the broker has accepted the commit; is Kafka reachable?',
    });
    this.#board.set(channel.damagedChunks > 0, {
      code: 'damaged',
      level: 'error',
      place,
      message: `${channel.damagedChunks} chunks are damaged on disk and set aside`,
      hint: '`headgate audit` names their offsets; check the disk; do not delete the state directory',
    });
  }

  /** Said while there is still time; once it is full, that is another alert. */
  #lookAtRoom(channel: ChannelStatusRow, sinks: readonly SinkStatusRow[]): void {
    const { name: place, usedBytes, roomBytes, secondsToFull } = channel;
    if (roomBytes === undefined) return;
    const used = usedBytes / Math.max(1, usedBytes + roomBytes);
    const from = this.#filling.has(place) ? FILLING_OVER_RATIO : FILLING_RATIO;
    const isFilling = channel.state === 'open' && used >= from;
    if (isFilling) this.#filling.add(place);
    else this.#filling.delete(place);
    const own = sinks.filter((sink) => sink.channel === place);
    const paused = own.filter((sink) => sink.paused !== undefined);
    const reasons = [
      ...paused.map(({ name, paused: by }) => `writing to ${name} is paused by ${by?.by || 'somebody'}`),
      ...own
        .filter((sink) => sink.paused === undefined && sink.cause !== undefined)
        .map((sink) => `${sink.name} waits: ${sink.cause}`),
    ];
    const left = `${formatBytes(roomBytes)} left`;
    const when =
      secondsToFull === undefined
        ? ''
        : `, full in ${formatDuration(Math.max(1, Math.round(secondsToFull)) * SECOND_MS)}`;
    this.#board.set(isFilling, {
      code: 'channel-filling',
      level: used >= NEARLY_FULL_RATIO ? 'error' : 'warn',
      place,
      message: [`the channel is ${Math.floor(used * 100)} % full, ${left}${when}`, ...reasons].join('; '),
      hint:
        paused.length > 0
          ? '`headgate resume` lets the sink land; when the channel is full intake stops and Kafka keeps the data'
          : 'see why the sink does not keep up; when the channel is full intake stops and Kafka keeps the data',
    });
  }

  #lookAtSink(sink: SinkStatusRow, facts: Now & { readonly stuckSinceMs: number | undefined }): void {
    const stuckMs = facts.stuckSinceMs === undefined ? 0 : facts.nowMs - facts.stuckSinceMs;
    const place = sink.name;
    this.#board.set(stuckMs > facts.limits.landingStuckMs, {
      code: 'landing-stuck',
      level: 'error',
      place,
      message: `nothing could be landed for ${formatDuration(Math.max(0, Math.round(stuckMs)))}: ${sink.cause ?? 'see the uploads in the status'}`,
      hint: sink.hint,
    });
    const held = sink.uploads.find((upload) => upload.step === 'held');
    this.#board.set(sink.heldFiles > 0, {
      code: 'landing-held',
      level: 'error',
      place,
      message: `${sink.heldFiles} files are held: ${held?.cause ?? 'it can’t be told whether they landed'}`,
      hint: held?.hint ?? '`headgate status` says why; nothing of them is uploaded again by itself',
    });
  }

  /** The broker’s log start moves towards our position: when will it be there? */
  #lookAtSource(source: SourceStatusRow, { steadyMs, limits }: Now): void {
    let soonestMs: number | undefined;
    for (const one of source.partitions) {
      if (one.logStart < 0) continue;
      const key = `${source.name}/${one.topic}/${one.partition}`;
      let track = this.#logStarts.get(key);
      if (track === undefined) this.#logStarts.set(key, (track = new LogStartTrack(one.logStart, steadyMs)));
      const leftMs = track.timeToReach(one.logStart, one.acceptedTo, steadyMs);
      if (one.lag <= 0 || leftMs === undefined) continue;
      if (soonestMs === undefined || leftMs < soonestMs) soonestMs = leftMs;
    }
    this.#board.set(soonestMs !== undefined && soonestMs < limits.countdownMs, {
      code: 'countdown',
      level: 'error',
      place: source.name,
      message: `the broker would delete unread data in ${formatDuration(Math.max(0, Math.round(soonestMs ?? 0)))}`,
      hint: 'raise the topic’s retention, or free what keeps this gateway from pulling',
    });
  }

  /** Ends what a partition's row shows to be over: a topic that is there, a leader that is back, a log that moves again. */
  #lookAtPartitions(source: SourceStatusRow): void {
    const own = this.#raisedBy.get(source.name);
    if (own === undefined || own.size === 0) return;
    const rows = new Map(source.partitions.map((row) => [`${row.topic}/${row.partition}`, row]));
    const topics = new Set(source.partitions.filter((row) => row.leader >= 0).map((row) => row.topic));
    this.#clearOf(source.name, ({ code, place }) => {
      if (code === 'topic-missing') return topics.has(place);
      const row = rows.get(place);
      if (row === undefined) return false;
      if (code === 'leader-missing') return row.leader >= 0;
      if (code !== 'stable-offset-stuck') return false;
      const stoodAt = this.#stuckEnds.get(place) ?? row.logEnd;
      this.#stuckEnds.set(place, stoodAt);
      return row.logEnd > stoodAt;
    });
  }
}

interface Now {
  readonly nowMs: number;
  readonly steadyMs: number;
  readonly limits: Limits;
}

const CHANNEL_CODES = [
  ...(['backlog', 'oldest-event', 'disk', 'channel-full', 'channel-filling', 'held-put', 'damaged'] as const),
];
const SINK_CODES = ['landing-stuck', 'landing-held'] as const;

/** Retention removes whole segments, so a log's start moves in jumps: its pace is that of the last one to two of these. */
const PACE_WINDOW_MS = HOUR_MS;

/** How fast a log's start moves, from what was seen of it lately. */
class LogStartTrack {
  #before: { readonly at: number; readonly steadyMs: number };
  #recent: { readonly at: number; readonly steadyMs: number };

  constructor(logStart: number, steadyMs: number) {
    this.#before = this.#recent = { at: logStart, steadyMs };
  }

  /** Ms until the log's start is at the position; undefined while it stands. */
  timeToReach(logStart: number, position: number, steadyMs: number): number | undefined {
    const now = { at: logStart, steadyMs };
    if (logStart < this.#recent.at) this.#before = this.#recent = now;
    if (steadyMs - this.#recent.steadyMs >= PACE_WINDOW_MS) {
      this.#before = this.#recent;
      this.#recent = now;
    }
    const perMs = (logStart - this.#before.at) / Math.max(SECOND_MS, steadyMs - this.#before.steadyMs);
    return perMs > 0 ? Math.max(0, position - logStart) / perMs : undefined;
  }
}
