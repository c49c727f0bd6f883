/**
 * Goal: names of landed and temporary files are unique, sortable, never too long, and read as config.md says.
 * Method: examples for the rules, properties for the limits.
 */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import { FileIdMaker } from '../../main/landing/file-id.ts';
import { finalName, NAME_BYTES_MAX, tempPath } from '../../main/landing/file-name.ts';
import { fileId } from '../../shared/model/brand.ts';
import type { LandingKey } from '../../shared/model/landing-key.ts';
import { FakeClock, seededRandom } from './fake-clock.ts';

const ID = fileId('20261121-115830123-a1b2c3d4-000zzzzz');
const GATEWAY = { gatewayId: 'xian-gw-1', hasCodecExtensionBeforeSuffix: false };

function key(change: Partial<LandingKey>): LandingKey {
  const whole = {
    sink: 's',
    directory: '/d',
    prefix: 'www',
    suffix: '',
    codec: 'none',
    serializer: 'text',
    version: 1,
  } as const;
  return { ...whole, ...change };
}

describe('a final name', () => {
  test('is prefix, gateway, file id and suffix', () => {
    expect(finalName(key({ suffix: '.log' }), ID, GATEWAY)).toBe(`www.xian-gw-1.${ID}.log`);
    expect(finalName(key({ prefix: '' }), ID, GATEWAY)).toBe(`xian-gw-1.${ID}`);
  });

  test('ends with the codec’s extension when the suffix is empty, and keeps a suffix that is set last', () => {
    expect(finalName(key({ codec: 'gzip' }), ID, GATEWAY)).toMatch(/\.gz$/);
    expect(finalName(key({ codec: 'zstd' }), ID, GATEWAY)).toMatch(/\.zst$/);
    expect(finalName(key({ codec: 'gzip', suffix: '.log' }), ID, GATEWAY)).toBe(`www.xian-gw-1.${ID}.log`);
    const asked = { ...GATEWAY, hasCodecExtensionBeforeSuffix: true };
    expect(finalName(key({ codec: 'gzip', suffix: '.log' }), ID, asked)).toBe(`www.xian-gw-1.${ID}.gz.log`);
  });

  test('and its temp name fit any file system whatever the prefix and the in-use texts are, and the temp name is hidden', () => {
    const text = fc.string({ unit: 'grapheme', maxLength: 300 }).map((value) => value.replaceAll('/', '-'));
    fc.assert(
      fc.property(
        text,
        text,
        text,
        fc.integer({ min: 1, max: 1e6 }),
        (prefix, inUsePrefix, inUseSuffix, attempt) => {
          const name = finalName(key({ prefix, suffix: '.log' }), ID, GATEWAY);
          expect(Buffer.byteLength(name)).toBeLessThanOrEqual(200);
          expect(name).toContain(ID);
          expect(name).not.toContain('\ufffd');
          const temp = tempPath(`/d/${name}`, ID, { attempt, nonce: 'abc123', inUsePrefix, inUseSuffix });
          expect(temp).toMatch(/^\/d\/[._]/);
          expect(Buffer.byteLength(temp.slice(3))).toBeLessThanOrEqual(NAME_BYTES_MAX);
          expect(temp).toContain(`${ID}`);
          expect(temp).toContain(`${attempt}-abc123`);
        },
      ),
    );
  });

  test('is refused when the suffix leaves no room', () => {
    expect(() => finalName(key({ suffix: 'x'.repeat(200) }), ID, GATEWAY)).toThrow(/leaves no room/);
  });

  test('a temp name takes Flume’s in-use texts and begins with a dot or an underscore', () => {
    const at = (inUsePrefix: string): string =>
      tempPath('/d/f.log', ID, { attempt: 2, nonce: 'n', inUsePrefix, inUseSuffix: '.tmp' });
    expect(at('')).toBe('/d/.f.log.2-n.tmp');
    expect(at('_')).toBe('/d/_f.log.2-n.tmp');
    expect(at('tmp-')).toBe('/d/.tmp-f.log.2-n.tmp');
  });
});

describe('file ids', () => {
  test('sort by time as text and never repeat, also when the clock is set back', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: -5_000, max: 5_000 }), { maxLength: 100 }), (steps) => {
        const clock = new FakeClock();
        const maker = new FileIdMaker('a1b2c3d4e5', clock, seededRandom(1));
        const ids = steps.map((step) => {
          clock.jump(step);
          return maker.next();
        });
        expect([...ids].sort()).toEqual(ids);
        expect(new Set(ids).size).toBe(ids.length);
      }),
    );
  });

  test('go on growing when more are made in a millisecond than the counter holds', () => {
    const maker = new FileIdMaker('a1b2c3d4e5', new FakeClock(), seededRandom(1));
    let last = maker.next();
    for (let made = 0; made < 36 ** 3 + 10; made++) {
      const next = maker.next();
      if (!(next > last)) expect.fail(`${next} after ${last}`);
      last = next;
    }
  });

  test('differ between two makers of one gateway at the same moment', () => {
    const clock = new FakeClock();
    const first = new FileIdMaker('a1b2c3d4e5', clock, seededRandom(1)).next();
    expect(new FileIdMaker('a1b2c3d4e5', clock, seededRandom(2)).next()).not.toBe(first);
    expect(new FileIdMaker('Ä/…', clock, seededRandom(1)).next()).toMatch(
      /^20261121-120000000-[0-9a-f]{8}-[0-9a-z]{8}$/,
    );
  });
});
