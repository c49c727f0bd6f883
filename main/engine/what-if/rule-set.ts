/**
 * The rules of one source as a what-if run applies them: the very interceptors, selector and landing key makers of the live engine
 * (`sourceRules`), and for each event what became of it. Nothing is packed or stored.
 */
import { EVENT_FILTERED, EVENT_QUARANTINED, type EventBatch } from '../../../shared/event-batch.ts';
import type { GatewayConfig, InterceptorConfig, SinkConfig } from '../../../shared/contract/config.ts';
import type { LandingKey } from '../../../shared/model/landing-key.ts';
import { readJodaPattern } from '../../../shared/time/joda-pattern.ts';
import type { Interceptor } from '../../interceptors/interceptor.ts';
import { compileDirectoryTemplate, compilePrefixTemplate } from '../../landing/path-template.ts';
import type { Clock } from '../../telemetry/clock.ts';
import { hostNames } from '../sink-mapping.ts';
import type { SourceRules } from '../source-host.ts';
import { sourceRules } from '../source-mapping.ts';

const TIMESTAMP = 'timestamp';
/** Same object for the same landing key, so that placements compare quickly; beyond, they are made again. */
const KEPT_PLACES_MAX = 20_000;

/** Where an event would land, for one sink. */
export interface Place {
  readonly sink: string;
  readonly directory: string;
  /** `sink → directory`. */
  readonly text: string;
}

export interface Verdict {
  readonly kind: 'placed' | 'filtered' | 'quarantined' | 'not-routed';
  /** Of what was filtered or quarantined. */
  readonly reason: string;
  /** One for each sink that takes it. */
  readonly places: readonly Place[];
}

/** How a rule gives events their time. */
export interface TimeSetter {
  readonly name: string;
  /** `pattern`: read from text; `epoch`: a number taken as it stands; `clock`: the gateway's own; `fixed`: a constant. */
  readonly kind: 'pattern' | 'epoch' | 'clock' | 'fixed';
  readonly pattern: string;
  readonly hasZone: boolean;
  readonly hasYear: boolean;
  readonly isTwoDigitYear: boolean;
  /** Zone of texts without one. */
  readonly zone: string;
}

/** What a sink's path makes of times. */
export interface SinkTime {
  readonly sink: string;
  readonly needsTime: boolean;
  readonly zone: string;
  readonly usesLocalTime: boolean;
  readonly onMissingTime: SinkConfig['onMissingTime'];
  readonly appendNewline: boolean;
}

export interface Judged {
  readonly verdicts: readonly Verdict[];
  /** Of each event: which rule set its time; undefined: none, it is the source's. */
  readonly setters: readonly (TimeSetter | undefined)[];
}

interface Step {
  readonly interceptor: Interceptor;
  readonly setter: TimeSetter | undefined;
  /** Sets the time of every event, whatever it was. */
  readonly setsAll: boolean;
}

const FATE_NOT_ROUTED: Verdict = { kind: 'not-routed', reason: '', places: [] };

export class RuleSet {
  readonly sinks: readonly SinkTime[];
  readonly #rules: SourceRules;
  readonly #steps: readonly Step[];
  readonly #places = new Map<LandingKey, Verdict>();

  /** Throws what a rule that can't be built throws: `regex-untranslatable`, `pattern-invalid`, `config-invalid`. */
  constructor(source: string, config: GatewayConfig, clock: Clock) {
    this.#rules = sourceRules(source, config, { configVersion: 0, clock });
    const { interceptors = [] } = config.sources[source] ?? {};
    const zone = config.gateway.timeZone ?? 'UTC';
    this.#steps = this.#rules.interceptors.map((interceptor, index) => {
      const rule = interceptors[index];
      const setter = rule === undefined ? undefined : timeSetterOf(interceptor.name, rule, zone);
      const setsAll = rule !== undefined && 'preserveExisting' in rule && !rule.preserveExisting;
      return { interceptor, setter, setsAll };
    });
    this.sinks = this.#rules.channels.map(({ name }) => sinkTimeOf(name, config));
  }

  /** True when a path of some sink is made of the events' own times. */
  get needsTime(): boolean {
    return this.sinks.some(({ needsTime, usesLocalTime }) => needsTime && !usesLocalTime);
  }

  /** Applies the rules; the batch is changed by them, as the live engine changes it. */
  judge(batch: EventBatch): Judged {
    const setters = new Array<TimeSetter | undefined>(batch.count).fill(undefined);
    for (const step of this.#steps) {
      if (step.setter === undefined) step.interceptor.intercept(batch);
      else if (step.setter.kind === 'clock' || step.setter.kind === 'fixed') runPlainly(batch, step, setters);
      else runWatched(batch, step, setters);
    }
    const verdicts: Verdict[] = [];
    for (let index = 0; index < batch.count; index++) verdicts.push(this.#verdict(batch, index));
    return { verdicts, setters };
  }

  #verdict(batch: EventBatch, index: number): Verdict {
    const fate = batch.fates[index];
    if (fate === EVENT_FILTERED) return { kind: 'filtered', reason: batch.reason(index), places: [] };
    if (fate === EVENT_QUARANTINED) return { kind: 'quarantined', reason: batch.reason(index), places: [] };
    const { router, channels } = this.#rules;
    let only: Verdict | undefined;
    const found: Verdict[] = [];
    for (const [at, channel] of channels.entries()) {
      if (!router.routesAll && !router.routes(batch, index, at)) continue;
      const placed = channel.keys.keyFor(batch, index);
      only =
        'unplaceable' in placed
          ? { kind: 'quarantined', reason: placed.unplaceable, places: [] }
          : this.#placed(placed.key);
      found.push(only);
    }
    if (found.length <= 1) return only ?? FATE_NOT_ROUTED;
    const failed = found.find(({ kind }) => kind === 'quarantined');
    const places = found.flatMap((one) => one.places);
    return { kind: failed === undefined ? 'placed' : 'quarantined', reason: failed?.reason ?? '', places };
  }

  #placed(key: LandingKey): Verdict {
    let verdict = this.#places.get(key);
    if (verdict === undefined) {
      const { sink, directory } = key;
      verdict = { kind: 'placed', reason: '', places: [{ sink, directory, text: `${sink} → ${directory}` }] };
      if (this.#places.size >= KEPT_PLACES_MAX) this.#places.clear();
      this.#places.set(key, verdict);
    }
    return verdict;
  }
}

/** An event's way as one text: two are the same when it lands in the same places. */
export function placementText(verdict: Verdict): string {
  const [first] = verdict.places;
  if (verdict.kind === 'placed' && verdict.places.length === 1 && first !== undefined) return first.text;
  if (verdict.kind === 'placed') return verdict.places.map(({ text }) => text).join('; ');
  if (verdict.kind === 'not-routed') return 'not routed';
  return verdict.kind === 'filtered' ? `filtered by ${verdict.reason}` : `quarantined: ${verdict.reason}`;
}

/** Rules that don't look at the text: what they changed is told by comparing. */
function runPlainly(batch: EventBatch, step: Step, setters: (TimeSetter | undefined)[]): void {
  const before = batch.timestamps.slice();
  step.interceptor.intercept(batch);
  for (let index = 0; index < batch.count; index++) {
    if (batch.isLive(index) && (step.setsAll || !Object.is(before[index], batch.timestamps[index])))
      setters[index] = step.setter;
  }
}

/**
 * An extractor only writes times and never reads them, so they are blanked before it runs: what is there afterwards it has set, also where it set what
 * was there before. What it left alone gets its time back.
 */
function runWatched(batch: EventBatch, step: Step, setters: (TimeSetter | undefined)[]): void {
  const { timestamps, count } = batch;
  const before = timestamps.slice();
  timestamps.fill(NaN, 0, count);
  const texts = Array.from({ length: count }, (_, index) => batch.getHeader(index, TIMESTAMP));
  step.interceptor.intercept(batch);
  for (let index = 0; index < count; index++) {
    const isSet = !Number.isNaN(timestamps[index]) || batch.getHeader(index, TIMESTAMP) !== texts[index];
    if (isSet) setters[index] = step.setter;
    else timestamps[index] = before[index] ?? NaN;
  }
}

function timeSetterOf(name: string, rule: InterceptorConfig, zone: string): TimeSetter | undefined {
  const plain = { name, pattern: '', hasZone: true, hasYear: true, isTwoDigitYear: false, zone };
  switch (rule.type) {
    case 'timestamp':
      return rule.headerName === TIMESTAMP ? { ...plain, kind: 'clock' } : undefined;
    case 'static':
      return rule.key === TIMESTAMP ? { ...plain, kind: 'fixed' } : undefined;
    case 'regex_extractor': {
      const serializer = rule.serializers.find((one) => one.name === TIMESTAMP);
      if (serializer === undefined) return undefined;
      const { pattern } = serializer;
      if (serializer.type !== 'millis' || pattern === undefined) return { ...plain, kind: 'epoch' };
      const elements = readJodaPattern(pattern);
      const slots = new Set(elements.flatMap((one) => (one.kind === 'literal' ? [] : [one.slot])));
      return {
        name,
        kind: 'pattern',
        pattern,
        hasZone: slots.has('offsetMs'),
        hasYear: slots.has('year') || slots.has('weekYear'),
        isTwoDigitYear: elements.some(({ kind }) => kind === 'twoDigitYear'),
        zone: serializer.timeZone ?? zone,
      };
    }
    case 'host':
    case 'regex_filter':
    case 'search_replace':
    case 'uuid':
    case 'remove_header':
      return undefined;
  }
}

function sinkTimeOf(channel: string, config: GatewayConfig): SinkTime {
  const [name, sink] = Object.entries(config.sinks).find(([, one]) => one.channel === channel) ?? [];
  if (name === undefined || sink === undefined) throw new Error(`channel ${channel} has no sink`);
  const host = hostNames();
  const letters = [
    ...compileDirectoryTemplate(sink.path, host).timeLetters,
    ...compilePrefixTemplate(sink.filePrefix, host).timeLetters,
  ];
  return {
    sink: name,
    needsTime: letters.length > 0,
    zone: sink.timeZone ?? 'UTC',
    usesLocalTime: sink.usesLocalTime,
    onMissingTime: sink.onMissingTime,
    appendNewline: sink.isNewlineAppended,
  };
}
