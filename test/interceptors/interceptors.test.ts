/**
 * Goal: interceptors do what Flume's do, put aside what they cannot work on, and damage nothing.
 * Method: real batches through the registry, with configurations as the configuration room resolves them; a fixed clock and host.
 */
import { describe, expect, it } from 'vitest';
import { buildInterceptors } from '../../main/interceptors/interceptor-registry.ts';
import type { InterceptorEnvironment } from '../../main/interceptors/interceptor-environment.ts';
import { runUnderDeadline } from '../../main/interceptors/regex-deadline.ts';
import type { InterceptorConfig } from '../../shared/contract/config-interceptor.ts';
import { EVENT_FILTERED, EVENT_LIVE, EVENT_QUARANTINED, EventBatch } from '../../shared/event-batch.ts';
import { isGatewayError } from '../../shared/errors.ts';

const NOW_MS = Date.UTC(2026, 10, 21);
const RECORD_MS = Date.UTC(2026, 0, 1);
let ids = 0;
const ENVIRONMENT: InterceptorEnvironment = {
  nowMs: () => NOW_MS,
  randomUuid: () => `uuid-${(ids += 1)}`,
  host: { ipAddress: '10.0.0.1', canonicalHostName: 'gw1.example' },
  timeZone: 'Asia/Shanghai',
};
const NGINX_PATTERN = 'dd/MMM/yyyy:HH:mm:ss Z';

function batchOf(bodies: readonly (string | Buffer)[], timestampMs = RECORD_MS): EventBatch {
  const buffers = bodies.map((body) => (typeof body === 'string' ? Buffer.from(body) : body));
  const ends = Int32Array.from(buffers, (_, index) =>
    buffers.slice(0, index + 1).reduce((sum, { length }) => sum + length, 0),
  );
  return new EventBatch({
    count: bodies.length,
    offsets: Float64Array.from(bodies, (_, index) => index),
    sources: [Buffer.concat(buffers)],
    sourceOf: new Uint16Array(bodies.length),
    starts: Int32Array.from(buffers, (body, index) => (ends[index] ?? 0) - body.length),
    ends,
    timestamps: new Float64Array(bodies.length).fill(timestampMs),
    sharedHeaders: { topic: 'www' },
    lazyHeaders: { key: { get: (index) => (index === 0 ? 'k0' : undefined) } },
  });
}

function run(batch: EventBatch, ...configs: readonly InterceptorConfig[]): EventBatch {
  for (const interceptor of buildInterceptors(configs, ENVIRONMENT)) interceptor.intercept(batch);
  return batch;
}

const headersOf = (batch: EventBatch, name: string): (string | undefined)[] =>
  Array.from({ length: batch.count }, (_, index) => batch.getHeader(index, name));

describe('timestamp, host, static, uuid', () => {
  it('set their headers', () => {
    const batch = run(
      batchOf(['a', 'b']),
      { type: 'timestamp', headerName: 'timestamp', preserveExisting: false },
      { type: 'host', hostHeader: 'host', useIp: true, preserveExisting: false },
      { type: 'host', hostHeader: 'name', useIp: false, preserveExisting: false },
      { type: 'static', key: 'site', value: 'xian', preserveExisting: true },
    );
    expect([...batch.timestamps]).toEqual([NOW_MS, NOW_MS]);
    expect(batch.headers(1)).toEqual({
      timestamp: String(NOW_MS),
      topic: 'www',
      host: '10.0.0.1',
      name: 'gw1.example',
      site: 'xian',
    });
  });

  it('keep what is there when told to, event by event', () => {
    const batch = batchOf(['a', 'b']);
    batch.setHeader(0, 'site', 'own');
    batch.removeHeader(1, 'timestamp');
    run(
      batch,
      { type: 'static', key: 'site', value: 'xian', preserveExisting: true },
      { type: 'static', key: 'key', value: 'none', preserveExisting: true },
      { type: 'static', key: 'topic', value: 'other', preserveExisting: true },
      { type: 'timestamp', headerName: 'timestamp', preserveExisting: true },
    );
    expect(headersOf(batch, 'site')).toEqual(['own', 'xian']);
    expect(headersOf(batch, 'key')).toEqual(['k0', 'none']);
    expect(headersOf(batch, 'topic')).toEqual(['www', 'www']);
    expect([...batch.timestamps]).toEqual([RECORD_MS, NOW_MS]);
    run(batch, { type: 'static', key: 'site', value: 'all', preserveExisting: false });
    expect(headersOf(batch, 'site')).toEqual(['all', 'all']);
  });

  it('give every event an id of its own', () => {
    const batch = batchOf(['a', 'b', 'c']);
    batch.setHeader(1, 'id', 'kept');
    run(batch, { type: 'uuid', headerName: 'id', prefix: 'p-', preserveExisting: true });
    const [first, second, third] = headersOf(batch, 'id');
    expect(first).toMatch(/^p-uuid-\d+$/);
    expect(second).toBe('kept');
    expect(third).toMatch(/^p-uuid-\d+$/);
    expect(third).not.toBe(first);
  });
});

describe('regex_extractor', () => {
  const millis = (regex: string, pattern = NGINX_PATTERN, name = 'timestamp'): InterceptorConfig => ({
    type: 'regex_extractor',
    regex,
    serializers: [{ type: 'millis', name, pattern }],
  });

  it('takes the time of the event from its line', () => {
    const batch = run(
      batchOf(['1.2.3.4 - - [21/Nov/2026:08:59:59 +0800] "GET /"', 'no time here']),
      millis('\\[([^\\]]+)\\]'),
    );
    expect([...batch.timestamps]).toEqual([Date.UTC(2026, 10, 21, 0, 59, 59), RECORD_MS]);
    expect([...batch.fates]).toEqual([EVENT_LIVE, EVENT_LIVE]);
  });

  it('reads a time without zone in the zone of the gateway', () => {
    const batch = run(batchOf(['2026-11-21 09:00:00']), millis('(.*)', 'yyyy-MM-dd HH:mm:ss', 'at'));
    expect(batch.getHeader(0, 'at')).toBe(String(Date.UTC(2026, 10, 21, 1)));
  });

  it('quarantines an event whose time cannot be read, and only that', () => {
    const batch = run(
      batchOf(['[31/Foo/2026:08:59:59 +0800]', '[21/Nov/2026:08:59:59 +0800]']),
      millis('\\[([^\\]]+)\\]'),
    );
    expect([...batch.fates]).toEqual([EVENT_QUARANTINED, EVENT_LIVE]);
    expect(batch.reason(0)).toBe(
      'regex_extractor (1): "31/Foo/2026:08:59:59 +0800" is no time of the pattern dd/MMM/yyyy:HH:mm:ss Z: position 4 does not fit MMM',
    );
  });

  it('cuts a long text in the reason', () => {
    const batch = run(batchOf([`[${'x'.repeat(5_000)}]`]), millis('\\[([^\\]]+)\\]'));
    expect(batch.reason(0).length).toBeLessThan(300);
  });

  it('gives the n-th serializer group n, of the first match only, and ignores what is left over', () => {
    const batch = run(batchOf(['a=1 b=2 c=3']), {
      type: 'regex_extractor',
      regex: '(\\w)=(\\d)(x)?',
      serializers: [
        { type: 'default', name: 'name' },
        { type: 'passThrough', name: 'value' },
        { type: 'default', name: 'absent' },
        { type: 'default', name: 'spare' },
      ],
    });
    expect(batch.headers(0)).toEqual({
      timestamp: String(RECORD_MS),
      topic: 'www',
      key: 'k0',
      name: 'a',
      value: '1',
    });
  });

  it('reads groups after an atomic one at their Java numbers', () => {
    const batch = run(batchOf(['aab7']), {
      type: 'regex_extractor',
      regex: '(?>a+)(b)(\\d)',
      serializers: [
        { type: 'default', name: 'one' },
        { type: 'default', name: 'two' },
      ],
    });
    expect([batch.getHeader(0, 'one'), batch.getHeader(0, 'two')]).toEqual(['b', '7']);
  });

  it('quarantines a header value over the limit', () => {
    const batch = run(batchOf(['x'.repeat(8_193)]), {
      type: 'regex_extractor',
      regex: '(x+)',
      serializers: [{ type: 'default', name: 'h' }],
    });
    expect(batch.reason(0)).toBe(
      'regex_extractor (1): the value for header h has 8193 characters; the limit is 8192',
    );
  });

  it('does not look at events that were taken out before', () => {
    const batch = batchOf(['[nonsense]']);
    batch.filter(0, 'before');
    run(batch, millis('\\[([^\\]]+)\\]'));
    expect([batch.fates[0], batch.reason(0)]).toEqual([EVENT_FILTERED, 'before']);
  });

  it('is refused when it cannot work', () => {
    const noPattern: InterceptorConfig = {
      type: 'regex_extractor',
      regex: '(a)',
      serializers: [{ type: 'millis', name: 'x' }],
    };
    const codes: readonly InterceptorConfig[] = [millis('(?u)(a)'), millis('(a)', 'bbb'), noPattern];
    expect(codes.map((config) => codeOf(() => run(batchOf([]), config)))).toEqual([
      'regex-untranslatable',
      'pattern-invalid',
      'pattern-invalid',
    ]);
  });
});

function codeOf(action: () => unknown): string {
  try {
    action();
  } catch (error) {
    if (isGatewayError(error)) return error.code;
    throw error;
  }
  return 'none';
}

describe('regex_filter', () => {
  it('keeps what matches anywhere, or drops it', () => {
    const bodies = ['GET /health', 'GET /a', ''];
    const kept = run(batchOf(bodies), { type: 'regex_filter', regex: 'health', excludeEvents: false });
    expect([...kept.fates]).toEqual([EVENT_LIVE, EVENT_FILTERED, EVENT_FILTERED]);
    expect(kept.reason(1)).toBe('regex_filter (1)');
    const rest = run(batchOf(bodies), { type: 'regex_filter', regex: 'health', excludeEvents: true });
    expect([...rest.fates]).toEqual([EVENT_FILTERED, EVENT_LIVE, EVENT_LIVE]);
  });
});

describe('search_replace', () => {
  const replace = (
    searchPattern: string,
    replaceString: string,
    charset: 'UTF-8' | 'ISO-8859-1' | 'US-ASCII' = 'UTF-8',
  ) => ({ type: 'search_replace', searchPattern, replaceString, charset }) as const;

  it('replaces all matches, with groups', () => {
    const batch = run(
      batchOf(['card 1234-5678, 1111-2222', 'none', '日志 1234-5678']),
      replace('(\\d{4})-(\\d{4})', 'xxxx-$2'),
    );
    expect([0, 1, 2].map((index) => batch.bodyText(index))).toEqual([
      'card xxxx-5678, xxxx-2222',
      'none',
      '日志 xxxx-5678',
    ]);
  });

  it.each(['UTF-8', 'ISO-8859-1', 'US-ASCII'] as const)(
    'leaves every byte that no match covers, in %s',
    (charset) => {
      const allBytes = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte));
      const broken = Buffer.concat([
        allBytes,
        Buffer.from('日é\u{1f600}'),
        Buffer.from([0xed, 0xb0, 0x80, 0xf0, 0x9f, 0x98]),
      ]);
      const body = Buffer.concat([broken, Buffer.from('SECRET'), broken]);
      const batch = run(batchOf([body, broken]), replace('SECRET', '***', charset));
      expect(batch.body(0)).toEqual(Buffer.concat([broken, Buffer.from('***'), broken]));
      expect(batch.body(1)).toEqual(broken);
    },
  );

  it('can replace bytes that are no text', () => {
    expect(run(batchOf([Buffer.from([0x61, 0xff, 0x62])]), replace('a.b', 'ok')).bodyText(0)).toBe('ok');
  });

  it('writes ? for what the charset lacks', () => {
    expect(run(batchOf(['a']), replace('a', '日é', 'ISO-8859-1')).body(0)).toEqual(Buffer.from([0x3f, 0xe9]));
  });
});

describe('remove_header', () => {
  it('removes by name, list and expression over the whole name', () => {
    const batch = batchOf(['x']);
    for (const name of ['a', 'b', 'c', 'x-1', 'x-2y', 'kept']) batch.setHeader(0, name, 'v');
    run(batch, {
      type: 'remove_header',
      withName: 'a',
      fromList: ['b , c'],
      fromListSeparator: '\\s*,\\s*',
      matching: 'x-\\d',
    });
    expect(Object.keys(batch.headers(0)).sort()).toEqual(['kept', 'key', 'timestamp', 'topic', 'x-2y']);
    run(batch, { type: 'remove_header', withName: 'timestamp', fromListSeparator: ',' });
    expect(batch.timestamps[0]).toBeNaN();
  });
});

describe('an expression that backtracks for ever', () => {
  it('costs the event, not the pipeline', () => {
    const poison = `${'a'.repeat(40)}!`;
    const bodies = ['aaa', poison, 'aa', ...Array.from({ length: 1_500 }, () => 'a'), poison, 'b'];
    const batch = batchOf(bodies);
    const expression = /^(a+)+$/v;
    const seen: number[] = [];
    runUnderDeadline(
      batch,
      {
        name: 'regex_filter (1)',
        look: (index) => expression.test(batch.bodyText(index)),
        apply: (index, isFound) => {
          seen.push(index);
          expect(isFound).toBe(bodies[index] !== 'b');
        },
      },
      50,
    );
    const poisoned = [1, bodies.length - 2];
    expect(seen).toEqual(bodies.map((_, index) => index).filter((index) => !poisoned.includes(index)));
    for (const index of poisoned) {
      expect(batch.fates[index]).toBe(EVENT_QUARANTINED);
      expect(batch.reason(index)).toBe(
        'regex_filter (1): the expression took longer than 50 ms on this event',
      );
    }
  });
});
