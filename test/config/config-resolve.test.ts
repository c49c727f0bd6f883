/**
 * Goal: a valid file becomes a typed configuration with every default, in bytes and milliseconds, with Flume's own units on Flume's keys.
 * Method: the example of the design document, the shipped examples, and single keys.
 */
import { readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { readConfigFile, usableConfig } from '../../main/config/config-file.ts';
import { renderEffective } from '../../main/config/config-render.ts';
import { defaultStateDirectory } from '../../main/config/state-directory.ts';
import { isGatewayError } from '../../shared/errors.ts';
import { configOf, load, SAMPLE, sampleWith } from './sample-config.ts';

const EXAMPLES = new URL('../../examples/', import.meta.url);
const DEMO = {
  HEADGATE_DEMO_KAFKA: '127.0.0.1:9092,127.0.0.1:9093',
  HEADGATE_DEMO_HDFS: 'http://127.0.0.1:9870',
  HEADGATE_DEMO_STATE: '/tmp/state',
  HEADGATE_KAFKA_PASSWORD: 'open-sesame',
};

describe('resolved values', () => {
  test('channels in memory, by our names and by Flume’s', () => {
    const of = (text: string) => configOf(sampleWith('type: file', text)).channels['disk'];
    const [memory, disk] = [256 * 1024 ** 2, 20 * 1024 ** 3];
    const base = { capacityBytes: disk, minFreeDiskBytes: 2 * 1024 ** 3, compression: 'zstd' };
    expect(of('type: memory')).toEqual({ type: 'memory', memoryCapacityBytes: memory, ...base });
    const spillable = { type: 'spillable', memoryCapacityBytes: memory, spillAfterMs: 900_000, ...base };
    expect(of('type: spillable')).toEqual(spillable);
    expect(of('type: SPILLABLEMEMORY, overflowTimeout: 3, memoryCapacity: 10000')).toEqual(spillable);
    expect(of('type: org.apache.flume.channel.SpillableMemoryChannel, byteCapacity: 8388608')).toEqual({
      ...spillable,
      memoryCapacityBytes: 8 * 1024 ** 2,
    });
    expect(
      of(
        'type: org.apache.flume.channel.MemoryChannel, capacity: 100, byteCapacity: 8388608, diskCapacityBytes: 1GiB',
      ),
    ).toEqual({ type: 'memory', ...base, memoryCapacityBytes: 8 * 1024 ** 2, capacityBytes: 1024 ** 3 });
  });

  test('every default is filled in', () => {
    const config = configOf(SAMPLE);
    expect(config.gateway).toEqual({ id: 'gw-1', stateDir: '/state', timeZone: 'Asia/Shanghai' });
    expect(config.sources['weblogs']).toMatchObject({
      type: 'kafka',
      subscription: { kind: 'topics', topics: ['www'] },
      consumerGroupId: 'headgate.gw-1',
      startAt: { kind: 'earliest' },
      batchSize: 10_000,
      batchDurationMs: 1_000,
      maxEventBytes: 16 * 1024 ** 2,
      maxPartitionBytes: 1024 ** 2,
      repulls: 1,
      fence: 'auto',
      assignment: { kind: 'group' },
      selector: { type: 'replicating' },
      security: {},
    });
    expect(config.channels['disk']).toEqual({
      type: 'file',
      capacityBytes: 20 * 1024 ** 3,
      minFreeDiskBytes: 2 * 1024 ** 3,
      compression: 'zstd',
    });
    expect(config.sinks['beijing']).toMatchObject({
      endpoint: { kind: 'namenodes', urls: ['http://nn1:9870', 'http://nn2:9870'] },
      filePrefix: 'FlumeData',
      timeZone: 'Asia/Shanghai',
      rollSizeBytes: 128 * 1024 ** 2,
      rollIntervalMs: 600_000,
      uploads: 2,
      onMissingTime: 'quarantine',
    });
    expect(config.alerts).toEqual({
      backlogBytes: 5 * 1024 ** 3,
      oldestEventMs: 7_200_000,
      heldPutMs: 600_000,
      landingStuckMs: 900_000,
      linkDownMs: 300_000,
      countdownMs: 43_200_000,
      silentPeerMs: 1_800_000,
      timeToFullMs: 7_200_000,
    });
    expect(JSON.parse(JSON.stringify(config))).toEqual(config);
  });

  test.each([
    ['hdfs.rollInterval: 600', { rollIntervalMs: 600_000 }],
    ['hdfs.rollInterval: 10min', { rollIntervalMs: 600_000 }],
    ['hdfs.idleTimeout: "90"', { idleTimeoutMs: 90_000 }],
    ['hdfs.callTimeout: 2500', { callTimeoutMs: 2_500 }],
    ['hdfs.rollSize: 1048576', { rollSizeBytes: 1_048_576 }],
    ['hdfs.codeC: org.apache.hadoop.io.compress.GzipCodec', { codec: 'gzip' }],
    ['hdfs.round: true', { rounding: { value: 1, unit: 'second' } }],
    ['hdfs.timeZone: UTC', { timeZone: 'UTC' }],
    ['serializer: TEXT', { serializer: 'text' }],
  ])('of a sink: %s', (line, expected) => {
    expect(configOf(`${SAMPLE}    ${line}\n`).sinks['beijing']).toMatchObject(expected);
  });

  test.each([
    ['batchDurationMillis: 250', { batchDurationMs: 250 }],
    ['kafka.consumer.auto.offset.reset: latest', { startAt: { kind: 'latest' } }],
    ['startAt: 2026-11-21T00:00:00+08:00', { startAt: { kind: 'time', timeMs: Date.UTC(2026, 10, 20, 16) } }],
    ['kafka.consumer.max.partition.fetch.bytes: 65536', { maxPartitionBytes: 65_536 }],
    [
      'assignment: fixed\n    partitions: { www: "0-2, 5" }',
      { assignment: { kind: 'fixed', partitions: { www: [0, 1, 2, 5] } } },
    ],
    ['header.trace: x-trace', { recordHeaders: { trace: 'x-trace' } }],
    [
      'security: { tls: { ca: /ca.pem, verifyHostname: false } }',
      { security: { tls: { caPath: '/ca.pem', isHostnameVerified: false } } },
    ],
  ])('of a source: %s', (line, expected) => {
    const text = sampleWith('    kafka.topics: [www]\n', `    kafka.topics: [www]\n    ${line}\n`);
    expect(configOf(text).sources['weblogs']).toMatchObject(expected);
  });

  test.each([
    ['DEFAULT', 'default'],
    ['default', 'default'],
    ['org.apache.flume.interceptor.RegexExtractorInterceptorPassThroughSerializer', 'passThrough'],
  ])('the serializer type %s is %s', (written, type) => {
    const text = sampleWith(
      "{ type: millis, name: timestamp, pattern: 'dd/MMM/yyyy:HH:mm:ss Z' }",
      `{ type: ${written}, name: a }`,
    );
    expect(configOf(text).sources['weblogs']?.interceptors[0]).toMatchObject({
      serializers: [{ type, name: 'a' }],
    });
  });

  test("Flume's class names and aliases of interceptors are taken in any case", () => {
    const types = [
      'org.apache.flume.interceptor.TimestampInterceptor$Builder',
      'HOST',
      'org.apache.flume.sink.solr.morphline.UUIDInterceptor$Builder',
    ];
    const text = sampleWith(
      '      - type: regex_extractor',
      `${types.map((type) => `      - type: ${type}\n`).join('')}      - type: regex_extractor`,
    );
    expect(configOf(text).sources['weblogs']?.interceptors.map(({ type }) => type)).toEqual([
      'timestamp',
      'host',
      'uuid',
      'regex_extractor',
    ]);
  });

  test.each([
    [
      'hdfs://site/logs',
      'hdfs.nameservices: { site: [http://a:9870, http://b:9870] }',
      ['http://a:9870', 'http://b:9870'],
    ],
    ['hdfs://nn7:8020/logs', 'paused: false', ['http://nn7:9870']],
  ])('the authority of %s is looked up', (path, line, urls) => {
    const text = sampleWith(
      '    hdfs.namenodes: [http://nn1:9870, http://nn2:9870]\n',
      `    ${line}\n`,
    ).replace('/logs/%{topic}/%Y-%m-%d/%H', path);
    expect(configOf(text).sinks['beijing']).toMatchObject({
      path: '/logs',
      endpoint: { kind: 'namenodes', urls },
    });
  });

  test('a directory sink has the keys without hdfs.', () => {
    const text = `${SAMPLE.slice(0, SAMPLE.indexOf('sinks:'))}sinks: { here: { type: directory, channel: disk, path: '/data/%Y', codeC: gzip, rollSize: 1MiB } }\n`;
    expect(configOf(text).sinks['here']).toMatchObject({
      type: 'directory',
      path: '/data/%Y',
      codec: 'gzip',
      rollSizeBytes: 1_048_576,
      timeZone: 'Asia/Shanghai',
    });
  });

  test('a files source takes a glob', () => {
    const text = sampleWith(
      '    type: kafka\n    kafka.bootstrap.servers: [kafka1:9092]\n    kafka.topics: [www]\n',
      '    type: files\n    directory: /in\n    pattern: "*.log"\n',
    );
    const source = configOf(text).sources['weblogs'];
    expect(source).toMatchObject({ type: 'files', directory: '/in', fileNameRegex: String.raw`^.*\.log$` });
  });

  test('a name that every object has is only a name', () => {
    const config = configOf(SAMPLE.replaceAll('disk', 'constructor'));
    expect(config.sinks['beijing']?.channel).toBe('constructor');
    expect(load(sampleWith('channel: disk', 'channel: toString')).config).toBeUndefined();
  });
});

describe('references', () => {
  test('are taken in flow maps, where YAML alone would not', () => {
    const text = sampleWith(
      '    kafka.topics: [www]\n',
      '    kafka.topics: [www]\n    security: { sasl: { mechanism: scram-sha-512, username: gw, password: ${env:PW} }, tls: { ca: /ca.pem } }\n',
    );
    const { config, problems } = load(text, { PW: 'pass, with: {all} [sorts] #of' });
    expect(problems).toEqual([]);
    expect(config?.sources['weblogs']).toMatchObject({
      security: { sasl: { password: 'pass, with: {all} [sorts] #of' }, tls: { caPath: '/ca.pem' } },
    });
  });

  test('a list may come from a variable; a dollar of another kind is left alone', () => {
    const text = sampleWith('[kafka1:9092]', '${env:BROKERS}').replace(
      '      - type: regex_extractor',
      () =>
        "      - { type: search_replace, searchPattern: a, replaceString: '${name} $${env:X}' }\n      - type: regex_extractor",
    );
    const source = load(text, { BROKERS: 'a:1,b:2' }).config?.sources['weblogs'];
    expect(source).toMatchObject({ bootstrapServers: ['a:1', 'b:2'] });
    expect(source?.interceptors[0]).toMatchObject({ replaceString: '${name} ${env:X}' });
  });
});

describe('files', () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'headgate-config-'));
  });
  afterEach(() => rm(folder, { recursive: true }));

  test('every shipped example is valid, and what is shown of it reads back as the same', async () => {
    for (const name of ['minimal', 'demo', 'full']) {
      const loaded = await readConfigFile(new URL(`${name}.yaml`, EXAMPLES).pathname, {
        environment: DEMO,
        defaultStateDir: '/state',
      });
      expect(loaded.problems, name).toEqual([]);
      const again = load(renderEffective(loaded) ?? '', DEMO);
      expect(again.problems, name).toEqual([]);
      expect(again.config, name).toEqual(loaded.config);
    }
  });

  test('full.yaml shows the true defaults', () => {
    const full = load(readFileSync(new URL('full.yaml', EXAMPLES), 'utf8'), DEMO).config;
    const bare = configOf(SAMPLE);
    // Without the section no directory is marked; with it, its keys have defaults.
    const own = { filePrefix: 0, fileSuffix: 0, hostMap: 0, permission: 0, endpoint: 0, completeness: 0 };
    expect(full?.sinks['beijing']?.completeness).toEqual({ marker: '_SUCCESS', graceMs: 600_000 });
    expect({ ...full?.sinks['beijing'], ...own }).toEqual({ ...bare.sinks['beijing'], ...own });
    expect(full?.alerts).toEqual(bare.alerts);
    expect(full?.channels).toEqual(bare.channels);
  });

  test('a relative ${file:} begins at the configuration’s folder, and loses one line end', async () => {
    await writeFile(join(folder, 'id.txt'), 'gw-from-file\n');
    const path = join(folder, 'headgate.yaml');
    await writeFile(path, sampleWith('gw-1', '${file:id.txt}'));
    const loaded = await readConfigFile(path);
    expect(usableConfig(loaded).gateway.id).toBe('gw-from-file');
    expect(loaded.referencedFiles).toEqual([join(folder, 'id.txt')]);
  });

  test.each([
    ['is missing', undefined, /does not exist/],
    ['is too large', Buffer.alloc(300 * 1024, 0x23), /larger than 256 KiB/],
    ['is not text', Buffer.from([0x67, 0xff, 0xfe, 0x00]), /not UTF-8/],
    ['is empty', Buffer.alloc(0), /is a map/],
    ['is nested without end', Buffer.from('['.repeat(100_000)), /./],
  ])('a file that %s is one problem', async (_what, content, message) => {
    const path = join(folder, 'headgate.yaml');
    if (content !== undefined) await writeFile(path, content);
    const loaded = await readConfigFile(path);
    expect(loaded.problems[0]?.message).toMatch(message);
    let thrown: unknown;
    try {
      usableConfig(loaded);
    } catch (error) {
      thrown = error;
    }
    expect(isGatewayError(thrown)).toBe(true);
  });

  test.each([
    [{ platform: 'linux', environment: {}, home: '/people/a', userId: 1 }, '/people/a/.local/state/headgate'],
    [
      { platform: 'linux', environment: { XDG_STATE_HOME: '/x' }, home: '/people/a', userId: 1 },
      '/x/headgate',
    ],
    [{ platform: 'linux', environment: {}, home: '/root', userId: 0 }, '/var/lib/headgate'],
    [
      { platform: 'linux', environment: { STATE_DIRECTORY: '/var/lib/hg' }, home: '/', userId: 99 },
      '/var/lib/hg',
    ],
    [
      { platform: 'darwin', environment: {}, home: '/people/a', userId: 501 },
      '/people/a/Library/Application Support/Headgate',
    ],
    [
      {
        platform: 'win32',
        environment: { ProgramData: 'C:\\ProgramData' },
        home: 'C:\\People\\a',
        userId: undefined,
      },
      'C:\\ProgramData\\Headgate',
    ],
  ] as const)('the state directory of %o is %s', (surroundings, expected) => {
    expect(defaultStateDirectory(surroundings)).toBe(expected);
  });
});
