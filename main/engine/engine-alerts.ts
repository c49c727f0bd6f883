/** From the engine's snapshot to alerts: what an operator is told before it becomes a loss, and when it is over. */
import type { GatewayConfig } from '../../shared/contract/config.ts';
import type {
  ChannelStatusRow,
  EngineStatus,
  SinkStatusRow,
  SourceStatusRow,
} from '../../shared/contract/control.ts';
import { formatBytes, formatDuration } from '../../shared/units.ts';
import type { AlertBoard } from '../telemetry/alert-board.ts';
import type { SourceEvent } from '../sources/source.ts';

type Limits = GatewayConfig['alerts'];

export interface AlertFacts {
  readonly status: EngineStatus;
  readonly limits: Limits;
  /** Since when something due has not landed, by sink. */
  readonly stuckSinceMs: ReadonlyMap<string, number>;
}

export class EngineAlerts {
  readonly #board: AlertBoard;
  readonly #heldSinceMs = new Map<string, number>();
  readonly #logStarts = new Map<string, LogStartTrack>();

  constructor(board: AlertBoard) {
    this.#board = board;
  }

  /** Looks at a snapshot; called about once a second. */
  look({ status, limits, stuckSinceMs }: AlertFacts): void {
    for (const channel of status.channels) this.#lookAtChannel(channel, status.nowMs, limits);
    for (const sink of status.sinks)
      this.#lookAtSink(sink, { nowMs: status.nowMs, limits, stuckSinceMs: stuckSinceMs.get(sink.name) });
    for (const source of status.sources) this.#lookAtSource(source, status.nowMs, limits);
  }

  /** Facts that a source reports itself. */
  take(event: SourceEvent): void {
    const { code, level, place, message, hint } = event;
    if (code === 'link-up') return this.#board.clear('link-down', place);
    if (code === 'opened') {
      for (const over of ['held', 'doubt', 'fenced', 'leader-missing', 'undecodable'])
        this.#board.clear(over, place);
      return;
    }
    if (code === 'doubt-resolved') return this.#board.clear('doubt', place);
    if (code === 'rebalanced') return;
    const raised = { code, level, place, message, hint };
    const isLasting =
      code === 'link-down' ||
      code === 'held' ||
      code === 'doubt' ||
      code === 'leader-missing' ||
      code === 'topic-missing' ||
      code === 'stable-offset-stuck';
    if (isLasting) this.#board.raise(raised);
    else this.#board.tell(raised);
  }

  #lookAtChannel(channel: ChannelStatusRow, nowMs: number, limits: Limits): void {
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
    const heldSinceMs = channel.heldEvents > 0 ? (this.#heldSinceMs.get(place) ?? nowMs) : undefined;
    if (heldSinceMs === undefined) this.#heldSinceMs.delete(place);
    else this.#heldSinceMs.set(place, heldSinceMs);
    this.#board.set(
      channel.oldestPutMs !== undefined &&
        heldSinceMs !== undefined &&
        nowMs - heldSinceMs > limits.heldPutMs,
      {
        code: 'held-put',
        level: 'warn',
        place,
        message: `${channel.heldEvents} events wait for their offset to be committed in Kafka`,
        hint: 'they land as soon as the broker has accepted the commit; is Kafka reachable?',
      },
    );
    this.#board.set(channel.damagedChunks > 0, {
      code: 'damaged',
      level: 'error',
      place,
      message: `${channel.damagedChunks} chunks are damaged on disk and set aside`,
      hint: '`headgate audit` names their offsets; check the disk; do not delete the state directory',
    });
  }

  #lookAtSink(
    sink: SinkStatusRow,
    facts: { readonly nowMs: number; readonly limits: Limits; readonly stuckSinceMs: number | undefined },
  ): void {
    const stuckMs = facts.stuckSinceMs === undefined ? 0 : facts.nowMs - facts.stuckSinceMs;
    this.#board.set(stuckMs > facts.limits.landingStuckMs, {
      code: 'landing-stuck',
      level: 'error',
      place: sink.name,
      message: `nothing could be landed for ${formatDuration(Math.max(0, Math.round(stuckMs)))}: ${sink.cause ?? 'see the uploads in the status'}`,
      hint: sink.hint,
    });
    this.#board.set(sink.heldFiles > 0, {
      code: 'landing-held',
      level: 'error',
      place: sink.name,
      message: `${sink.heldFiles} files are held: it can’t be told whether they landed`,
      hint: '`headgate status` says why; nothing of them is uploaded again by itself',
    });
  }

  /** The broker’s log start moves towards our position: when will it be there? */
  #lookAtSource(source: SourceStatusRow, nowMs: number, limits: Limits): void {
    let soonestMs: number | undefined;
    for (const one of source.partitions) {
      if (one.logStart < 0 || one.lag <= 0) continue;
      const key = `${source.name}/${one.topic}/${one.partition}`;
      let track = this.#logStarts.get(key);
      if (track === undefined) this.#logStarts.set(key, (track = new LogStartTrack(one.logStart, nowMs)));
      const leftMs = track.timeToReach(one.logStart, one.acceptedTo, nowMs);
      if (leftMs !== undefined && (soonestMs === undefined || leftMs < soonestMs)) soonestMs = leftMs;
    }
    this.#board.set(soonestMs !== undefined && soonestMs < limits.countdownMs, {
      code: 'countdown',
      level: 'error',
      place: source.name,
      message: `the broker would delete unread data in ${formatDuration(Math.max(0, Math.round(soonestMs ?? 0)))}`,
      hint: 'raise the topic’s retention, or free what keeps this gateway from pulling',
    });
  }
}

/** How fast a log's start moves, from what was seen of it. */
class LogStartTrack {
  #fromOffset: number;
  #fromMs: number;

  constructor(logStart: number, nowMs: number) {
    this.#fromOffset = logStart;
    this.#fromMs = nowMs;
  }

  timeToReach(logStart: number, position: number, nowMs: number): number | undefined {
    if (logStart < this.#fromOffset) [this.#fromOffset, this.#fromMs] = [logStart, nowMs];
    const perMs = (logStart - this.#fromOffset) / Math.max(1, nowMs - this.#fromMs);
    return perMs > 0 ? Math.max(0, position - logStart) / perMs : undefined;
  }
}
