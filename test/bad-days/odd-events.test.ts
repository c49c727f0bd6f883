/**
 * Goal: whatever an event carries, it lands whole under the root or is in quarantine with its reason; no header leaves the root or
 * breaks a name. Method: one engine from files to a directory whose path is made of what the lines say; then random headers on the real
 * maker of landing keys and names, against what HDFS and file systems take. fast-check prints its seed.
 */
import { appendFileSync, readdirSync, readFileSync } from 'node:fs';
import { basename, join, relative } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { finalName, FINAL_NAME_BYTES_MAX } from '../../main/landing/file-name.ts';
import { makeLandingKeyMaker } from '../../main/landing/landing-key-maker.ts';
import { EventBatch } from '../../shared/event-batch.ts';
import { fileId } from '../../shared/model/brand.ts';
import { until } from '../rig/until.ts';
import { FileGateway } from '../engine/file-gateway.ts';

/** Each step has a limit of its own; a machine that runs other suites beside needs more than the default for the sum. */
vi.setConfig({ testTimeout: 240_000 });

describe('through the engine', () => {
  let gateway: FileGateway;
  beforeAll(async () => {
    gateway = new FileGateway();
    const root = `${gateway.output}/%{topic}/%{place}`;
    gateway.configure({
      source: {
        interceptors: [
          { type: 'regex_extractor', regex: '^place=([^;]*);', serializers: [{ name: 'place' }] },
        ],
      },
      sink: { path: root, filePrefix: '%{place}', idleTimeout: '100ms' },
    });
    await gateway.start();
  });
  afterAll(() => gateway[Symbol.asyncDispose]());

  const committed = (topic: string): string[] =>
    gateway.landedFiles().filter((path) => relative(gateway.output, path).startsWith(`${topic}/`));

  async function bytesOf(topic: string, length: number): Promise<Buffer> {
    return until(`${length} bytes of ${topic}`, async () => {
      await gateway.client.call('landNow', {});
      const bytes = Buffer.concat(committed(topic).map((path) => readFileSync(path)));
      return bytes.length >= length ? bytes : undefined;
    });
  }

  test('bodies of 0 bytes, of 10 MB and of bytes that are no UTF-8 land as they are', async () => {
    const large = Buffer.alloc(10_000_000, 'x');
    const binary = Buffer.from(
      Array.from({ length: 256 }, (_, at) => at).filter((at) => at !== 10 && at !== 13),
    );
    const newline = Buffer.from('\n');
    const whole = Buffer.concat([newline, newline, large, newline, binary, newline]);
    appendFileSync(join(gateway.input, 'bodies.log'), whole);
    expect((await bytesOf('bodies', whole.length)).equals(whole)).toBe(true);
    const { sources } = await gateway.status();
    expect(sources[0]?.partitions.find(({ topic }) => topic === 'bodies')?.position).toBe(4);
  });

  test('headers with /, .., control characters and 300 bytes stay under the root, in names that every file system takes', async () => {
    const places = [
      '..',
      '../../../outside',
      '.',
      '/',
      '/etc/passwd',
      'a/../../b',
      '..\\..\\c',
      '\u0000\u0001\u001b[31m\u007f',
      'x'.repeat(300),
      'é'.repeat(200),
      '',
      '.hidden',
      '_hidden',
      'a b:c*d?e',
      '%{topic}',
      '\u202eback',
    ];
    const lines = places.map((place, at) => `place=${place};${at}`);
    appendFileSync(join(gateway.input, 'headers.log'), lines.map((line) => `${line}\n`).join(''));
    const before = readdirSync(gateway.directory).sort();
    const expected = Buffer.from(lines.map((line) => `${line}\n`).join(''));
    const landed = await bytesOf('headers', expected.length);
    expect(landed.toString().split('\n').sort()).toEqual(expected.toString().split('\n').sort());
    expect(readdirSync(gateway.directory).sort()).toEqual(before);
    for (const path of committed('headers')) {
      for (const part of relative(gateway.output, path).split('/')) {
        expect(Buffer.byteLength(part)).toBeLessThanOrEqual(255);
        expect(part).not.toMatch(/[\u0000-\u001f\u007f\\:]/);
        expect(part).not.toMatch(/^\.\.?$/);
      }
      expect(basename(path)).not.toMatch(/^[._]/);
    }
    const { audit } = await gateway.verdict();
    expect(audit).toMatchObject({ verdict: 'clean', findings: [] });
  });
});

describe('an event that no rule can place', () => {
  test('is in quarantine, whole and with its reason, and does not stop the others', async () => {
    await using gateway = new FileGateway();
    gateway.configure({
      source: {
        interceptors: [
          {
            type: 'regex_extractor',
            regex: 'at=(\\S*)',
            serializers: [{ type: 'millis', name: 'timestamp', pattern: 'yyyy-MM-dd' }],
          },
        ],
      },
      sink: { path: `${gateway.output}/%Y` },
    });
    appendFileSync(join(gateway.input, 'poison.log'), 'at=2024-02-30 poison\nat=2024-02-28 good\n');
    await gateway.start();
    await until('the good one has landed', async () => {
      await gateway.client.call('landNow', {});
      return (await gateway.landed()).length === 1;
    });
    const { rows, total } = await gateway.client.call('quarantineList', {});
    expect(total).toBe(1);
    expect(rows[0]).toMatchObject({ topic: 'poison', offset: 0, preview: 'at=2024-02-30 poison' });
    expect(rows[0]?.reason).toMatch(/2024-02-30/);
    const { body } = await gateway.client.call('quarantineShow', { id: rows[0]?.id ?? 0 });
    expect(body).toBe('at=2024-02-30 poison');
    expect((await gateway.verdict()).audit).toMatchObject({ verdict: 'clean' });
  });
});

const texts = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 400 }),
  fc
    .array(
      fc.constantFrom(
        '/',
        '..',
        '.',
        '\\',
        '\u0000',
        '\n',
        '%',
        '%{h}',
        '%Y',
        'x',
        'é',
        '😀',
        ' ',
        '~',
        ':',
        '\ud800',
      ),
      {
        maxLength: 80,
      },
    )
    .map((parts) => parts.join('')),
);

describe('random headers', () => {
  test('never leave the root, never break a name, and give the same key for the same header', () => {
    const maker = makeLandingKeyMaker(
      {
        sink: 'out',
        path: '/logs/%{h}/%{topic}',
        filePrefix: '%{h}',
        suffix: '.log',
        codec: 'none',
        serializer: 'text',
        version: 1,
        timeZone: 'UTC',
        rounding: undefined,
        usesLocalTime: false,
        onMissingTime: 'quarantine',
      },
      { host: { hostName: 'h', ipAddress: '127.0.0.1', canonicalHostName: 'h' }, nowMs: () => 0 },
    );
    fc.assert(
      fc.property(fc.array(texts, { minLength: 1, maxLength: 5 }), texts, (values, topic) => {
        const batch = new EventBatch({
          count: values.length,
          offsets: Float64Array.from(values, (_, at) => at),
          sources: [Buffer.alloc(0)],
          sourceOf: new Uint16Array(values.length),
          starts: new Int32Array(values.length),
          ends: new Int32Array(values.length),
          timestamps: new Float64Array(values.length).fill(1),
          sharedHeaders: { topic },
        });
        values.forEach((value, index) => batch.setHeader(index, 'h', value));
        values.forEach((value, index) => {
          const placed = maker.keyFor(batch, index);
          if ('unplaceable' in placed) {
            expect(placed.unplaceable).toMatch(/\S/);
            return;
          }
          const { directory } = placed.key;
          expect(directory === '/logs' || directory.startsWith('/logs/')).toBe(true);
          const name = finalName(placed.key, fileId('20261121-115830123-abcdefgh-00012345'), {
            gatewayId: 'gw-1',
            hasCodecExtensionBeforeSuffix: false,
          });
          expect(Buffer.byteLength(name)).toBeLessThanOrEqual(FINAL_NAME_BYTES_MAX);
          for (const part of [...directory.split('/').slice(1), name]) {
            expect(part).not.toBe('');
            expect(part).not.toMatch(/^\.\.?$/);
            expect(Buffer.byteLength(part)).toBeLessThanOrEqual(255);
            expect(part).not.toMatch(/[\u0000-\u001f\u007f/\\:]/);
            expect(Buffer.from(part, 'utf8').toString('utf8')).toBe(part);
          }
          expect(name).not.toMatch(/^[._]/);
          expect(maker.keyFor(batch, index)).toEqual(placed);
          expect(maker.keyFor(batch, values.indexOf(value))).toEqual(placed);
        });
      }),
      { numRuns: 1_000 },
    );
  });
});
