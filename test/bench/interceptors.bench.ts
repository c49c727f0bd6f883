/**
 * What the event-time path costs on the main thread: regex_extractor with a millis serializer, then the landing key.
 * Run it with `npx node test/bench/interceptors.bench.ts`; it prints for each step events a second of CPU (also of its
 * garbage collector's threads) and of the clock, over about five seconds. On a busy machine only the former says something.
 */
import { buildInterceptors } from '../../main/interceptors/interceptor-registry.ts';
import { makeLandingKeyMaker } from '../../main/landing/landing-key-maker.ts';
import { EventBatch } from '../../shared/event-batch.ts';
import { makeJodaParser } from '../../shared/time/joda-parser.ts';
import { TimeZone } from '../../shared/time/time-zone.ts';

const EVENTS = 10_000;
const RUN_MS = 1_000;
const PATTERN = 'dd/MMM/yyyy:HH:mm:ss Z';
const START_MS = Date.UTC(2026, 10, 21, 1);
const NOW_MS = Date.UTC(2026, 10, 21);
const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];
const two = (value: number): string => String(value).padStart(2, '0');

/** Lines of about 170 bytes; each `perSecond` neighbours carry the same second. */
function nginxLine(index: number, perSecond: number): string {
  const time = new Date(START_MS + Math.floor(index / perSecond) * 1_000 + 8 * 3_600_000);
  const date = `${two(time.getUTCDate())}/${MONTHS[time.getUTCMonth()] ?? ''}/${time.getUTCFullYear()}`;
  const clock = [time.getUTCHours(), time.getUTCMinutes(), time.getUTCSeconds()].map(two).join(':');
  return `10.1.${index % 250}.7 - - [${date}:${clock} +0800] "GET /shop/item/${index}?ref=home HTTP/1.1" 200 5316 "https://shop.example/" "Mozilla/5.0 (X11; Linux x86_64)"`;
}

function batchOf(perSecond: number): EventBatch {
  const bodies = Array.from({ length: EVENTS }, (_, index) => Buffer.from(nginxLine(index, perSecond)));
  const starts = new Int32Array(EVENTS);
  const ends = new Int32Array(EVENTS);
  let at = 0;
  bodies.forEach((body, index) => {
    starts[index] = at;
    at += body.length;
    ends[index] = at;
  });
  return new EventBatch({
    count: EVENTS,
    offsets: Float64Array.from(bodies, (_, index) => index),
    sources: [Buffer.concat(bodies)],
    sourceOf: new Uint16Array(EVENTS),
    starts,
    ends,
    timestamps: new Float64Array(EVENTS).fill(NOW_MS),
    sharedHeaders: { topic: 'www', partition: '0' },
  });
}

function measure(what: string, perRun: number, run: () => void): void {
  run();
  const started = performance.now();
  const before = process.cpuUsage();
  let runs = 0;
  while (performance.now() - started < RUN_MS) {
    run();
    runs += 1;
  }
  const { user, system } = process.cpuUsage(before);
  const perWall = (runs * perRun) / (performance.now() - started) / 1_000;
  const perCpu = (runs * perRun) / (user + system);
  console.log(`${what}: ${perCpu.toFixed(2)} M a CPU second, ${perWall.toFixed(2)} M a second`);
}

const environment = {
  nowMs: () => NOW_MS,
  randomUuid: () => 'x',
  host: { ipAddress: undefined, canonicalHostName: undefined },
  timeZone: 'Asia/Shanghai',
};
const [extractor] = buildInterceptors(
  [
    {
      type: 'regex_extractor',
      regex: '\\[([^\\]]+)\\]',
      serializers: [{ type: 'millis', name: 'timestamp', pattern: PATTERN }],
    },
  ],
  environment,
);
const maker = makeLandingKeyMaker(
  {
    sink: 's',
    path: '/logs/%{topic}/%Y-%m-%d/%H',
    filePrefix: '%{topic}',
    suffix: '.log',
    codec: 'none',
    serializer: 'text',
    version: 1,
    timeZone: 'Asia/Shanghai',
    rounding: undefined,
    usesLocalTime: false,
    onMissingTime: 'quarantine',
  },
  { host: { hostName: 'a', ipAddress: 'b', canonicalHostName: 'c' }, nowMs: () => NOW_MS },
);

const same = batchOf(100);
const each = batchOf(1);
measure('regex_extractor + millis, 100 events a second of log', EVENTS, () => extractor?.intercept(same));
measure('regex_extractor + millis, every event another second', EVENTS, () => extractor?.intercept(each));
measure('landing key, one hour after another', EVENTS, () => {
  for (let index = 0; index < EVENTS; index += 1) maker.keyFor(each, index);
});
const parser = makeJodaParser(PATTERN, { zone: TimeZone.of('UTC'), nowMs: NOW_MS });
const texts = Array.from(
  { length: EVENTS },
  (_, index) => /\[([^\]]+)\]/.exec(nginxLine(index, 1))?.[1] ?? '',
);
measure('parsing of nginx times alone, all different', EVENTS, () => {
  for (const text of texts) parser.parse(text);
});
const local = makeJodaParser('yyyy-MM-dd HH:mm:ss.SSS', {
  zone: TimeZone.of('America/New_York'),
  nowMs: NOW_MS,
});
const localTexts = Array.from({ length: EVENTS }, (_, index) =>
  new Date(START_MS + index * 997).toISOString().replace('T', ' ').replace('Z', ''),
);
measure('parsing of local times with a zone of changing clocks', EVENTS, () => {
  for (const text of localTexts) local.parse(text);
});
