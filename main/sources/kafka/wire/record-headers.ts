import { parseTimestamp, type HeaderColumn } from '../../../../shared/event-batch.ts';
import { RECORD_TIME_HEADER } from '../../../../shared/model/record-time-header.ts';
import { keyRange, recordHeader, recordHeaders } from './record-parser.ts';
import { recordPlace, type RecordPlace, type RecordView } from './record-columns.ts';

/**
 * Event headers of records, as Flume's Kafka source sets them (`KafkaSource.java`): mapped record headers first; `timestamp`,
 * the topic header, `partition` and `offset` only where a mapped one is absent; `key` over all of them, unless it is null.
 * `kafka.timestamp`, the record's own time, is ours: it stays when an interceptor sets `timestamp`.
 */
export interface RecordHeaderOptions {
  /** Name of the header that holds the topic; undefined: none. */
  readonly topicHeader: string | undefined;
  /** Event header name -> record header name (Flume's `header.NAME`). */
  readonly recordHeaders: Readonly<Record<string, string>>;
  /** For looking at records: an event header that holds all record headers as a JSON object, cut to what people read. */
  readonly allHeadersName?: string | undefined;
}

interface Origin {
  readonly topic: string;
  readonly partition: number;
}

export class RecordHeaders {
  readonly #options: RecordHeaderOptions;
  /** Headers of every event of the partition. */
  readonly shared: Readonly<Record<string, string>>;
  /** Event header name, and the record header's name as bytes. */
  readonly #mapped: readonly (readonly [string, Buffer])[];
  readonly #mapsTimestamp: boolean;

  constructor(options: RecordHeaderOptions, origin: Origin) {
    this.#options = options;
    this.#mapped = Object.entries(options.recordHeaders).map(([name, header]) => [name, Buffer.from(header)]);
    this.#mapsTimestamp = Object.hasOwn(options.recordHeaders, 'timestamp');
    this.shared = {
      ...(options.topicHeader === undefined ? {} : { [options.topicHeader]: origin.topic }),
      partition: String(origin.partition),
    };
  }

  /** The column of the `timestamp` header: a copy, for interceptors write to it. */
  timestamps(view: RecordView): Float64Array {
    const timestamps = view.timestamps.slice();
    if (!this.#mapsTimestamp) return timestamps;
    const mapped = this.#mappedColumn(view, Buffer.from(this.#options.recordHeaders['timestamp'] ?? ''));
    for (let index = 0; index < timestamps.length; index++) {
      const text = mapped.get(index);
      if (text !== undefined) timestamps[index] = parseTimestamp(text);
    }
    return timestamps;
  }

  /** Headers shared by all events, without those that a record may say otherwise: these are lazy. */
  sharedHeaders(): Readonly<Record<string, string>> {
    const names = Object.keys(this.shared).filter(
      (name) => !Object.hasOwn(this.#options.recordHeaders, name),
    );
    return Object.fromEntries(names.map((name) => [name, this.shared[name] ?? '']));
  }

  lazyHeaders(view: RecordView): Readonly<Record<string, HeaderColumn>> {
    const columns: Record<string, HeaderColumn> = {
      offset: { get: (index) => textOf(view.offsets[index]) },
      [RECORD_TIME_HEADER]: { get: (index) => textOf(view.timestamps[index]) },
    };
    for (const [name, header] of this.#mapped) {
      if (name === 'timestamp') continue;
      const column = this.#mappedColumn(view, header);
      const other: HeaderColumn | undefined = columns[name] ?? this.#sharedColumn(name);
      columns[name] =
        other === undefined ? column : { get: (index) => column.get(index) ?? other.get(index) };
    }
    const { allHeadersName } = this.#options;
    if (allHeadersName !== undefined) columns[allHeadersName] = allHeadersColumn(view);
    const mappedKey = columns['key'];
    columns['key'] = { get: (index) => keyText(recordPlace(view, index)) ?? mappedKey?.get(index) };
    return columns;
  }

  /** All headers of one record that goes no further: for quarantine. */
  all(
    place: RecordPlace,
    record: { offset: number; timestampMs: number; bodyEnd: number },
  ): Record<string, string> {
    const headers: Record<string, string> = { ...this.shared, offset: String(record.offset) };
    const time = textOf(record.timestampMs);
    if (time !== undefined) Object.assign(headers, { timestamp: time, [RECORD_TIME_HEADER]: time });
    for (const [name, header] of this.#mapped) {
      const text = recordHeader(place.source, record.bodyEnd, header);
      if (text !== undefined) headers[name] = text;
    }
    const key = keyText(place);
    if (key !== undefined) headers['key'] = key;
    return headers;
  }

  #mappedColumn(view: RecordView, header: Buffer): HeaderColumn {
    return {
      get: (index) => {
        const headersAt = view.ends[index];
        return headersAt === undefined
          ? undefined
          : recordHeader(recordPlace(view, index).source, headersAt, header);
      },
    };
  }

  #sharedColumn(name: string): HeaderColumn | undefined {
    const value = this.shared[name];
    return value === undefined ? undefined : { get: () => value };
  }
}

function allHeadersColumn(view: RecordView): HeaderColumn {
  return {
    get: (index) => {
      const headersAt = view.ends[index];
      if (headersAt === undefined) return undefined;
      return JSON.stringify(Object.fromEntries(recordHeaders(recordPlace(view, index).source, headersAt)));
    },
  };
}

function keyText(place: RecordPlace): string | undefined {
  const range = keyRange(place);
  return range === undefined ? undefined : place.source.toString('utf8', range.start, range.end);
}

function textOf(value: number | undefined): string | undefined {
  return value === undefined || Number.isNaN(value) ? undefined : String(value);
}
