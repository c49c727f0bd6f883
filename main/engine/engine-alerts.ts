/** From the engine's snapshot to alerts: what an operator is told before it becomes a loss, and when it is over. */
import type { GatewayConfig } from '../../shared/contract/config.ts';
import type {
  ChannelStatusRow,
  EngineStatus,
  SinkStatusRow,
  SourceStatusRow,
} from '../../shared/contract/control-status.ts';
import { MINUTE_MS, SECOND_MS, formatBytes, formatDuration } from '../../shared/units.ts';
import type { AlertBoard } from '../telemetry/alert-board.ts';
import { causeText } from '../channel/claim-store.ts';
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

/** A sink in one of these states lands nothing. */
const NOTHING_LANDS: ReadonlySet<string> = new Set(['paused', 'waiting', 'failed']);
/** How long a forecast must stand to be told. */
const SOON_STOPPED_MS = 3 * MINUTE_MS;
const SOON_LANDING_MS = 12 * MINUTE_MS;
/** What was told is over only when there is so much more time: it must not flutter. */
const STILL_SOON = 1.25;

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
  /** Since when a channel is said to be full soon, by steady time. */
  readonly #fullSoonMs = new Map<string, number>();
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
      this.#lookAhead(channel, status.sinks, now);
      this.#lookAtClaims(channel, status.sources, status.nowMs);
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
      case 'claims-redeemed':
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
      return;
    }
    const codes = kind === 'sink' ? SINK_CODES : CHANNEL_CODES;
    for (const code of codes) this.#board.clear(code, name);
    if (kind !== 'channel') return;
    this.#heldSinceMs.delete(name);
    this.#filling.delete(name);
    this.#fullSoonMs.delete(name);
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
      message: `${channel.damagedChunks} chunks are damaged on disk and set aside; their events are pulled again`,
      hint: 'check the disk: one bad chunk is rarely the last; `headgate channel check` names the offsets; do not delete the state directory',
    });
  }

  /** Events that are to be pulled again: why, since when, and what keeps the source from it. */
  #lookAtClaims(
    { name: place, claims }: ChannelStatusRow,
    sources: readonly SourceStatusRow[],
    nowMs: number,
  ): void {
    if (claims === undefined) return this.#board.clear('claims-open', place);
    const feeding = sources.filter(({ channels }) => channels?.includes(place));
    // Where nothing feeds it any more, those wait that fed it once.
    const asked = feeding.length === 0 ? sources : feeding;
    const waiting = asked.find(({ repull }) => repull?.cause !== undefined);
    const unfed = feeding.length === 0 ? '; no source feeds this channel any more' : '';
    const why =
      waiting?.repull?.cause === undefined ? unfed : `; ${waiting.name} waits: ${waiting.repull.cause}`;
    const causes = claims.causes.map(causeText).join(' and ');
    this.#board.raise({
      code: 'claims-open',
      level: 'warn',
      place,
      message: `${claims.events} events that were taken are to be pulled again (${causes}), for ${formatDuration(Math.max(0, nowMs - claims.oldestMs))}${why}`,
      hint: waiting?.repull?.hint ?? (feeding.length === 0 ? UNFED_HINT : REPULL_HINT),
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

  /** A forecast that stands for a while; what only looks like it for a moment, at a start or in a short burst, is not told. */
  #lookAhead(channel: ChannelStatusRow, sinks: readonly SinkStatusRow[], { steadyMs, limits }: Now): void {
    const { name: place, secondsToFull, state } = channel;
    const own = sinks.filter((sink) => sink.channel === place);
    const isStopped = own.length > 0 && own.every((sink) => NOTHING_LANDS.has(sink.state));
    const isRaised = this.#board.isActive('time-to-full', place);
    const limitMs = limits.timeToFullMs * (isRaised ? STILL_SOON : 1);
    const isSoon = state === 'open' && secondsToFull !== undefined && secondsToFull * SECOND_MS < limitMs;
    const sinceMs = isSoon ? (this.#fullSoonMs.get(place) ?? steadyMs) : undefined;
    if (sinceMs === undefined) this.#fullSoonMs.delete(place);
    else this.#fullSoonMs.set(place, sinceMs);
    const settledMs = isStopped ? SOON_STOPPED_MS : SOON_LANDING_MS;
    const left = formatDuration(Math.max(1, Math.round(secondsToFull ?? 0)) * SECOND_MS);
    this.#board.set(sinceMs !== undefined && (isRaised || steadyMs - sinceMs >= settledMs), {
      code: 'time-to-full',
      level: 'warn',
      place,
      message: `the channel is full in ${left} if things go on so${isStopped ? ', and nothing lands' : ''}`,
      hint: 'see why the sink does not keep up; when the channel is full intake stops and Kafka keeps the data',
    });
  }

  /** The soonest of a source's partitions, each told by the forecast. */
  #lookAtSource(source: SourceStatusRow, { limits }: Now): void {
    const leftOf = ({ secondsToLoss }: { secondsToLoss?: number | undefined }) => secondsToLoss ?? Infinity;
    const [soonest] = [...source.partitions].sort((a, b) => leftOf(a) - leftOf(b));
    const leftMs = (source.secondsToLoss ?? Infinity) * SECOND_MS;
    const isRaised = this.#board.isActive('countdown', source.name);
    const behind = soonest === undefined ? '' : ` of ${soonest.topic}/${soonest.partition}`;
    // Where less is kept than the limit asks for, what has just come in would be in danger already.
    const keptMs = (soonest?.retentionSeconds ?? Infinity) * SECOND_MS;
    const limitMs = Math.min(limits.countdownMs, keptMs / 2) * (isRaised ? STILL_SOON : 1);
    this.#board.set(leftMs < limitMs, {
      code: 'countdown',
      level: 'error',
      place: source.name,
      message: `the broker would delete unread data${behind} in ${formatDuration(Math.min(leftMs, Number.MAX_SAFE_INTEGER))}`,
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

const REPULL_HINT =
  'they are pulled again by themselves while the broker still has them; watch its retention';
const UNFED_HINT = 'give a source this channel back, or give the events up with `headgate channel skip`';
const CHANNEL_CODES = [
  ...([
    'backlog',
    'oldest-event',
    'disk',
    'channel-full',
    'channel-filling',
    'time-to-full',
    'held-put',
    'damaged',
    'claims-open',
  ] as const),
];
const SINK_CODES = ['landing-stuck', 'landing-held'] as const;
