/** Goal: the small pieces that pages rely on. Method: known values, and properties where the space is large. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { hrefOf, routeOf } from '../../renderer/app/route.ts';
import { reconnectDelayMs } from '../../renderer/client/reconnect-delay.ts';
import { takeTokenFromAddress } from '../../renderer/client/session-token.ts';
import { jsonLines } from '../../renderer/client/json-lines.ts';
import { activeAlerts } from '../../renderer/client/active-alerts.ts';
import { figuresOf } from '../../renderer/pages/overview/figures-of.ts';
import { linksOf } from '../../renderer/pages/overview/pipeline-links.ts';
import { languageOfBrowser, makeLanguageUsable } from '../../renderer/text/languages.ts';
import { hostileParts } from '../../renderer/widgets/hostile-text.ts';
import { sparkPath } from '../../renderer/widgets/sparkline.tsx';
import { columnTemplate } from '../../renderer/widgets/table-column.ts';
import type { Alert, ChannelStatusRow, EngineStatus } from '../../shared/contract/control-status.ts';

describe('hostile text', () => {
  test('what turns text round, hides or moves the cursor is shown by its code', () => {
    const parts = hostileParts('a\u202eb\u001b[2J\u200bc\r\u0000', false);
    expect(parts.filter(({ code }) => code !== undefined).map(({ code }) => code)).toEqual([
      'U+202E',
      'U+001B',
      'U+200B',
      'U+000D',
      'U+0000',
    ]);
  });

  test('nothing that is drawn can act on the text around it, and what is plain stays as it is', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        const drawn = hostileParts(text, false)
          .map((part) => part.text)
          .join('');
        expect(drawn).not.toMatch(/[\u0000-\u001f\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069]/);
      }),
    );
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme-ascii' }), (text) => {
        expect(hostileParts(`日志${text}é`, false)).toEqual([{ text: `日志${text}é` }]);
      }),
    );
  });
});

describe('much hostile text', () => {
  test('is as harmless as little, in a number of parts that a page can hold', () => {
    const parts = hostileParts('a\u001b\n\u202e'.repeat(50_000), true);
    expect(parts.length).toBeLessThan(3_000);
    const drawn = parts.map(({ text }) => text).join('');
    expect(drawn).toBe('a␛\n‹202E›'.repeat(50_000));
  });
});

describe('language', () => {
  test('a browser without a locale does not stop the page', () => {
    const view = { navigator: { language: 'en-US@posix' } } as unknown as Window;
    makeLanguageUsable(view);
    expect(view.navigator.language).toBe('en');
    expect(languageOfBrowser(['en-US@posix'])).toBe('en');
    expect(languageOfBrowser(['zh-Hans-CN', 'en'])).toBe('zh');
    expect(languageOfBrowser(['de', 'zh-TW'])).toBe('zh');
  });
});

describe('routes', () => {
  test('what is put into an address is read back', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.stringMatching(/^[a-z]{1,8}$/), fc.string({ minLength: 1 })), (params) => {
        const route = routeOf(hrefOf('backlog', params));
        expect(route.page).toBe('backlog');
        expect(Object.fromEntries(route.params)).toEqual(params);
      }),
    );
  });

  test('an empty filter leaves the address', () => {
    expect(hrefOf('landings', { text: '', topic: undefined })).toBe('#/landings');
  });
});

describe('session token', () => {
  test('it leaves the address at once', () => {
    const seen: string[] = [];
    const view = {
      location: { hash: '#token=a%2Bb', pathname: '/', search: '' },
      history: { replaceState: (_state: unknown, _title: string, url: string) => seen.push(url) },
    };
    expect(takeTokenFromAddress(view as unknown as Window)).toBe('a+b');
    expect(seen).toEqual(['/#/']);
  });

  test('an address without one is left alone', () => {
    const view = { location: { hash: '#/backlog' } };
    expect(takeTokenFromAddress(view as unknown as Window)).toBeUndefined();
  });
});

describe('reconnecting', () => {
  test('the wait grows, has a longest, and is never the same for all', () => {
    expect(reconnectDelayMs(0, () => 0)).toBe(125);
    expect(reconnectDelayMs(0, () => 1)).toBe(250);
    expect(reconnectDelayMs(50, () => 1)).toBe(10_000);
    expect(reconnectDelayMs(50, () => 0)).toBe(5_000);
  });

  test('lines are read whole, wherever the pieces were cut', async () => {
    const values = [{ a: 'ä中𝄞' }, { b: [1, 2] }, { c: 'x'.repeat(500) }];
    const bytes = new TextEncoder().encode(values.map((value) => `${JSON.stringify(value)}\n`).join(''));
    await fc.assert(
      fc.asyncProperty(fc.array(fc.nat(bytes.length), { maxLength: 8 }), async (cuts) => {
        const places = [0, ...cuts.sort((a, b) => a - b), bytes.length];
        const pieces = places.slice(1).map((end, place) => bytes.slice(places[place], end));
        const read: unknown[] = [];
        for await (const value of jsonLines(streamOf(pieces))) read.push(value);
        expect(read).toEqual(values);
      }),
    );
  });
});

describe('overview', () => {
  const channel = (part: Partial<ChannelStatusRow>): ChannelStatusRow => ({
    name: 'disk',
    type: 'file',
    state: 'open',
    events: 10,
    heldEvents: 0,
    rawBytes: 100,
    storedBytes: 50,
    capacityBytes: 1_000,
    usedBytes: 900,
    freeDiskBytes: 5_000,
    minFreeDiskBytes: 100,
    quarantined: 0,
    damagedChunks: 0,
    ...part,
  });
  const status = (channels: ChannelStatusRow[]) =>
    ({ sources: [], sinks: [], channels }) as unknown as EngineStatus;

  test('the room is that of the channel which is full first', () => {
    expect(figuresOf(status([channel({}), channel({ usedBytes: 100, roomBytes: 30 })])).roomBytes).toBe(30);
    expect(figuresOf(status([channel({})])).roomBytes).toBe(100);
  });

  test('a backlog is drained when the slowest channel is, and never while one does not shrink', () => {
    expect(
      figuresOf(status([channel({ drainSeconds: 5 }), channel({ drainSeconds: 60 })])).drainSeconds,
    ).toBe(60);
    expect(figuresOf(status([channel({ drainSeconds: 5 }), channel({})])).drainSeconds).toBeUndefined();
    expect(figuresOf(status([channel({ drainSeconds: 5 }), channel({ events: 0 })])).drainSeconds).toBe(5);
  });

  test('alerts that are over are not active, and the worst come first', () => {
    const alert = (part: Partial<Alert>) => ({ level: 'warn', sinceMs: 1, ...part }) as Alert;
    const list = [
      alert({ id: 'over', clearedMs: 2 }),
      alert({ id: 'old' }),
      alert({ id: 'new', sinceMs: 9 }),
      alert({ id: 'bad', level: 'error' }),
    ];
    expect(activeAlerts(list).map(({ id }) => id)).toEqual(['bad', 'new', 'old']);
  });

  test('a source’s figures stand on one of its lines only', () => {
    const links = linksOf({
      sources: [
        { name: 's', state: 'flowing', eventsPerSecond: 5, bytesPerSecond: 9, channels: ['a', 'b', 'gone'] },
      ],
      channels: [channel({ name: 'a' }), channel({ name: 'b' })],
      sinks: [{ name: 'k', channel: 'b', state: 'paused', eventsPerSecond: 0, bytesPerSecond: 0 }],
    } as unknown as EngineStatus);
    expect(links.map(({ from, to, figuresAt, tone }) => [from, to, figuresAt, tone])).toEqual([
      ['source:s', 'channel:a', 'from', 'ok'],
      ['source:s', 'channel:b', 'nowhere', 'ok'],
      ['channel:b', 'sink:k', 'to', 'paused'],
    ]);
  });
});

describe('drawing', () => {
  test('a hole in a series stays a hole', () => {
    expect(sparkPath([1, null, 2, 4], { width: 30, height: 12, max: 4 })).toBe('M0.0 8.5M20.0 6.0L30.0 1.0');
  });

  test('a column whose width was dragged no longer grows', () => {
    const columns = [
      { id: 'a', header: '', width: 100, isGrowing: true, cell: () => '' },
      { id: 'b', header: '', width: 50, cell: () => '' },
    ];
    expect(columnTemplate(columns, {}, false)).toBe('minmax(100px, 1fr) 50px');
    expect(columnTemplate(columns, { a: 240 }, true)).toBe('32px 240px 50px');
  });
});

function streamOf(pieces: readonly Uint8Array[]): ReadableStream<Uint8Array> {
  return new ReadableStream({
    start(controller) {
      for (const piece of pieces) controller.enqueue(piece);
      controller.close();
    },
  });
}
