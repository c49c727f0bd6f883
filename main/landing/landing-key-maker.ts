/**
 * Says of each event to which open file it belongs, or why no file can be named.
 *
 * Runs once per event on the main thread. When path and prefix use only time and headers that the whole batch shares, the answer for
 * an event of the same bucket as the one before costs two comparisons. Results are shared: equal keys are the same object, so that
 * the packer may group events by identity.
 */
import type { EventBatch } from '../../shared/event-batch.ts';
import { landingKeyText } from '../../shared/model/landing-key.ts';
import type { LandingKey, OutputCodec } from '../../shared/model/landing-key.ts';
import { RECORD_TIME_HEADER } from '../../shared/model/record-time-header.ts';
import { TimeZone } from '../../shared/time/time-zone.ts';
import { TimeBuckets } from './path-template-buckets.ts';
import type { Rounding, TimeBucket } from './path-template-buckets.ts';
import { compileDirectoryTemplate, compilePrefixTemplate } from './path-template.ts';
import type { HostNames, PathTemplate } from './path-template.ts';

/** What becomes of an event without a time where the path needs one. */
export type OnMissingTime = 'quarantine' | 'recordTime' | 'now';

export interface LandingKeySettings {
  /** The sink, or the group of sinks. */
  readonly sink: string;
  /** `hdfs.path` and `hdfs.filePrefix`, with escapes. */
  readonly path: string;
  readonly filePrefix: string;
  readonly suffix: string;
  readonly codec: OutputCodec;
  readonly serializer: 'text';
  readonly version: number;
  /** Zone of the time escapes and of rounding. */
  readonly timeZone: string;
  readonly rounding: Rounding | undefined;
  /** The gateway's clock instead of the `timestamp` header (`hdfs.useLocalTimeStamp`), read once for a batch. */
  readonly usesLocalTime: boolean;
  readonly onMissingTime: OnMissingTime;
}

export interface LandingKeyEnvironment {
  readonly host: HostNames;
  nowMs(): number;
}

export interface Placed {
  readonly key: LandingKey;
  /** Epoch ms at which the directory's stretch of time is over; undefined when the path has no time. */
  readonly bucketEndMs: number | undefined;
}

export interface Unplaceable {
  /** One sentence for the operator. */
  readonly unplaceable: string;
}

export type LandingKeyResult = Placed | Unplaceable;

export interface LandingKeyMaker {
  /** Of `hdfs://authority/…` in the path. */
  readonly authority: string | undefined;
  /** The batch's headers must be final: they are looked at when the batch is seen first. */
  keyFor(batch: EventBatch, index: number): LandingKeyResult;
}

/** Distinct keys kept; beyond, the one that was not asked for the longest is forgotten, and may come again as another object. */
export const MAX_KEPT_KEYS = 10_000;
/** Out-of-order events jump between a few hours. */
const MAX_KEPT_BUCKETS = 64;
/** Header values of one bucket whose results are kept. */
const MAX_KEPT_RESULTS = 4_096;
/** HDFS refuses paths of more than 8000 characters; the file's name needs some of them. */
const MAX_DIRECTORY_CHARS = 7_000;
const MAX_SHOWN_CHARS = 80;

/** Throws pattern-invalid for templates, config-invalid for a zone. */
export function makeLandingKeyMaker(
  settings: LandingKeySettings,
  environment: LandingKeyEnvironment,
): LandingKeyMaker {
  return new CachingKeyMaker(settings, environment);
}

interface KeptBucket extends TimeBucket {
  readonly results: Map<string, LandingKeyResult>;
}

const NO_TIME: TimeBucket = { startMs: -Infinity, endMs: Infinity, texts: new Map() };

class CachingKeyMaker implements LandingKeyMaker {
  readonly authority: string | undefined;
  readonly #settings: LandingKeySettings;
  readonly #environment: LandingKeyEnvironment;
  readonly #directory: PathTemplate;
  readonly #prefix: PathTemplate;
  readonly #headerNames: readonly string[];
  readonly #buckets: TimeBuckets | undefined;
  readonly #keys = new Map<string, LandingKey>();
  #kept: readonly KeptBucket[] = [];

  // The batch at hand, and the answer to the last event of it.
  #batch: EventBatch | undefined;
  #times: Float64Array | undefined;
  /** Time of all events of the batch where their own is not asked for. */
  #batchMs = NaN;
  #isVarying = false;
  #startMs = NaN;
  #endMs = NaN;
  #last: LandingKeyResult = { unplaceable: '' };

  constructor(settings: LandingKeySettings, environment: LandingKeyEnvironment) {
    this.#settings = settings;
    this.#environment = environment;
    this.#directory = compileDirectoryTemplate(settings.path, environment.host);
    this.#prefix = compilePrefixTemplate(settings.filePrefix, environment.host);
    this.authority = this.#directory.authority;
    this.#headerNames = [...new Set([...this.#directory.headerNames, ...this.#prefix.headerNames])];
    const letters = [...new Set([...this.#directory.timeLetters, ...this.#prefix.timeLetters])];
    if (letters.length > 0) {
      const zone = TimeZone.of(settings.timeZone);
      this.#buckets = new TimeBuckets(letters, { zone, rounding: settings.rounding });
    }
  }

  keyFor(batch: EventBatch, index: number): LandingKeyResult {
    if (batch !== this.#batch) this.#open(batch);
    const ms = this.#times === undefined ? this.#batchMs : (this.#times[index] as number);
    if (ms >= this.#startMs && ms < this.#endMs) return this.#last;
    return this.#find(batch, index, ms);
  }

  #open(batch: EventBatch): void {
    const { usesLocalTime } = this.#settings;
    this.#batch = batch;
    this.#times = this.#buckets !== undefined && !usesLocalTime ? batch.timestamps : undefined;
    this.#batchMs = this.#buckets === undefined ? 0 : this.#environment.nowMs();
    this.#isVarying = this.#headerNames.some((name) => batch.sharedHeader(name).varies);
    this.#startMs = NaN;
    this.#endMs = NaN;
  }

  #find(batch: EventBatch, index: number, eventMs: number): LandingKeyResult {
    let ms = eventMs;
    if (Number.isNaN(ms)) {
      ms = this.#substituteTime(batch, index);
      if (Number.isNaN(ms)) return { unplaceable: this.#missingTimeReason(batch, index) };
    }
    const bucket = this.#bucketAt(ms);
    if (bucket === undefined) return { unplaceable: `the time ${ms} ms lies outside the years 1 to 9999` };
    const valuesText = this.#headerValues(batch, index);
    let result = bucket.results.get(valuesText);
    if (result === undefined) {
      result = this.#place(batch, index, bucket);
      if (bucket.results.size >= MAX_KEPT_RESULTS) bucket.results.clear();
      bucket.results.set(valuesText, result);
    }
    if (!this.#isVarying) {
      this.#startMs = bucket.startMs;
      this.#endMs = bucket.endMs;
      this.#last = result;
    }
    return result;
  }

  #substituteTime(batch: EventBatch, index: number): number {
    const { onMissingTime } = this.#settings;
    if (onMissingTime === 'quarantine') return NaN;
    if (onMissingTime === 'now') return this.#batchMs;
    const text = batch.getHeader(index, RECORD_TIME_HEADER);
    return text !== undefined && /^\d{1,16}$/.test(text) ? Number(text) : NaN;
  }

  #missingTimeReason(batch: EventBatch, index: number): string {
    const text = batch.getHeader(index, 'timestamp');
    const shown = JSON.stringify(text?.slice(0, MAX_SHOWN_CHARS));
    const what =
      text === undefined
        ? 'the event has no timestamp header'
        : `its timestamp header ${shown} is no time in ms`;
    const isAlsoRecord = this.#settings.onMissingTime === 'recordTime';
    return `${what}${isAlsoRecord ? ', the record has no time either' : ''}, and the path of sink ${this.#settings.sink} needs a time`;
  }

  /** The values of the headers in use as one text, in which no two lists of values are the same. */
  #headerValues(batch: EventBatch, index: number): string {
    const names = this.#headerNames;
    if (names.length === 0) return '';
    if (names.length === 1) return batch.getHeader(index, names[0] as string) ?? '';
    return names
      .map((name) => {
        const value = batch.getHeader(index, name) ?? '';
        return `${value.length}:${value}`;
      })
      .join('');
  }

  #bucketAt(ms: number): KeptBucket | undefined {
    const found = this.#kept.find(({ startMs, endMs }) => ms >= startMs && ms < endMs);
    if (found !== undefined) return found;
    const bucket = this.#buckets === undefined ? NO_TIME : this.#buckets.bucketAt(ms);
    if (bucket === undefined) return undefined;
    const kept = { ...bucket, results: new Map<string, LandingKeyResult>() };
    this.#kept = [kept, ...this.#kept].slice(0, MAX_KEPT_BUCKETS);
    return kept;
  }

  #place(batch: EventBatch, index: number, bucket: TimeBucket): LandingKeyResult {
    const { sink, suffix, codec, serializer, version } = this.#settings;
    const expansion = {
      header: (name: string) => batch.getHeader(index, name),
      time: (letter: string) => bucket.texts.get(letter),
    };
    const directory = this.#directory.expand(expansion);
    if (directory.length > MAX_DIRECTORY_CHARS) {
      return {
        unplaceable: `its directory would have ${directory.length} characters; HDFS takes fewer than 8000`,
      };
    }
    const prefix = this.#prefix.expand(expansion);
    const key = this.#shared({ sink, directory, prefix, suffix, codec, serializer, version });
    return { key, bucketEndMs: bucket.endMs === Infinity ? undefined : bucket.endMs };
  }

  /** The one object for all keys equal to this. */
  #shared(key: LandingKey): LandingKey {
    const text = landingKeyText(key);
    const known = this.#keys.get(text);
    this.#keys.delete(text);
    this.#keys.set(text, known ?? key);
    if (this.#keys.size > MAX_KEPT_KEYS) {
      for (const oldest of this.#keys.keys()) {
        this.#keys.delete(oldest);
        break;
      }
    }
    return known ?? key;
  }
}
