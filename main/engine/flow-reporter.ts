/** What sources and landing workers report, turned into log lines and alerts: the one place that does so. */
import type { ErrorReport } from '../../shared/errors.ts';
import type { ComponentKind } from '../config/config-change.ts';
import type { LandingEvent } from '../landing/lander-status.ts';
import type { SourceEvent } from '../sources/source.ts';
import type { AlertBoard, RaisedAlert } from '../telemetry/alert-board.ts';
import type { Logger } from '../telemetry/logger.ts';
import type { EngineAlerts } from './engine-alerts.ts';
import type { FlowListener } from './flow.ts';

interface ReporterParts {
  readonly log: Logger;
  readonly alerts: EngineAlerts;
  readonly board: AlertBoard;
  readonly nowMs: () => number;
}

export class FlowReporter implements FlowListener {
  readonly lastLanded = new Map<string, { readonly atMs: number; readonly path: string }>();
  readonly #parts: ReporterParts;

  constructor(parts: ReporterParts) {
    this.#parts = parts;
  }

  sourceEvent(event: SourceEvent): void {
    const { log, alerts } = this.#parts;
    const { level, message, ...fields } = event;
    log[level](message, fields);
    alerts.take(event);
  }

  sourceFailed(name: string, error: ErrorReport, nextTryMs: number): void {
    const { log, board } = this.#parts;
    log.error('a source failed and is started again', { source: name, error, nextTryMs });
    board.tell({
      code: 'restarted',
      level: 'error',
      place: name,
      message: `the source failed: ${error.message}`,
      hint: error.hint,
    });
  }

  landingDied(sink: string, error: ErrorReport, nextTryMs: number): void {
    const { log, board } = this.#parts;
    log.error('a landing worker died and is started again', { sink, error, nextTryMs });
    board.tell({
      code: 'restarted',
      level: 'error',
      place: sink,
      message: `the landing worker died: ${error.message}`,
      hint: error.hint,
    });
  }

  partEnded(kind: ComponentKind, name: string): void {
    this.#parts.alerts.forget(kind, name);
    if (kind === 'sink') this.lastLanded.delete(name);
  }

  landingEvent(sink: string, event: LandingEvent): void {
    const { log, board, nowMs } = this.#parts;
    const { kind, ...fields } = event;
    switch (event.kind) {
      case 'planned':
      case 'temp-removed':
      case 'given-back':
        return log.debug(kind, { sink, ...fields });
      case 'landed':
        this.lastLanded.set(sink, { atMs: nowMs(), path: event.finalPath });
        return log.info('landed', { sink, ...fields });
      case 'held':
        return log.error('a file is held', { sink, ...fields });
      case 'chunk-damaged':
        board.tell(damagedChunk(sink, event.reason));
        return log.error('a damaged chunk is set aside', { sink, ...fields });
      case 'marker-written':
        board.clear('marker-foreign', event.directory);
        return log.info('a directory is marked as complete', { sink, ...fields });
      case 'marker-waits':
        if (event.isForeign) board.raise(foreignMarker(event.directory, event.why));
        return log.warn('a marker waits', { sink, ...fields });
      default:
        return log.warn(kind, { sink, ...fields });
    }
  }
}

/** Told even when its events are here again within the second. */
function damagedChunk(place: string, reason: string): RaisedAlert {
  return {
    code: 'damaged',
    level: 'error',
    place,
    message: `a chunk was set aside, its events are pulled again: ${reason}`,
    hint: 'check the disk: one bad chunk is rarely the last; do not delete the state directory',
  };
}

function foreignMarker(place: string, why: ErrorReport): RaisedAlert {
  return {
    code: 'marker-foreign',
    level: 'error',
    place,
    message: `${why.message} (${why.place})`,
    hint: why.hint,
  };
}
