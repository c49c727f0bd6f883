/** Looking back: series and bands for charts, alerts that are over, and the last lines of the log. */
import type { ParsedInput, Output } from '../../../shared/contract/control.ts';
import type { EngineApi } from '../../control/engine-api.ts';
import type { LogBook } from '../../telemetry/log-book.ts';
import type { HistoryKeeper } from '../history-keeper.ts';

type Faces = Pick<EngineApi, 'history' | 'logTail' | 'alertHistory'>;

export class HistoryDesk implements Faces {
  readonly #keeper: HistoryKeeper;
  readonly #book: LogBook;

  constructor(keeper: HistoryKeeper, book: LogBook) {
    this.#keeper = keeper;
    this.#book = book;
  }

  readonly history = async (input: ParsedInput<'history'>): Promise<Output<'history'>> =>
    this.#keeper.answer(input);

  readonly logTail = async (input: ParsedInput<'logTail'>): Promise<Output<'logTail'>> =>
    this.#book.tail(input);

  readonly alertHistory = async ({
    limit,
  }: ParsedInput<'alertHistory'>): Promise<Output<'alertHistory'>> => ({
    alerts: this.#keeper.pastAlerts(limit),
  });
}
