/**
 * Goal: the bridge answers the console's own page and nobody else, and lets nothing through that the contract does not know. Method:
 * hostile calls against the real bridge, and a property test with any value as name and input.
 */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Bridge, CALLS_MAX, type BridgeDelegate, type DesktopApi } from '../../main/desktop/bridge.ts';
import type { BridgeSender } from '../../main/desktop/bridge-sender.ts';
import { INPUT_BYTES_MAX, plainInput } from '../../main/desktop/plain-input.ts';
import { procedures } from '../../shared/contract/control.ts';
import { desktopProcedures } from '../../shared/contract/desktop.ts';

const PAGE: BridgeSender = { windowId: 1, url: 'app://headgate/#/backlog', isTopFrame: true };

interface Calls {
  readonly bridge: Bridge;
  readonly made: { readonly name: string; readonly input: unknown; readonly signal: AbortSignal }[];
}

function bridgeWith(callEngine?: BridgeDelegate['callEngine']): Calls {
  const made: { name: string; input: unknown; signal: AbortSignal }[] = [];
  const desktop = Object.fromEntries(
    Object.keys(desktopProcedures).map((name) => [name, async () => ({ answered: name })]),
  ) as unknown as DesktopApi;
  const bridge = new Bridge({
    desktop,
    user: 'wang',
    isOurWindow: (id) => id === 1,
    callEngine: async (name, input, signal) => {
      made.push({ name, input, signal });
      return callEngine?.(name, input, signal) ?? { done: true };
    },
  });
  return { bridge, made };
}

describe('who may call', () => {
  test.each([
    ['another window', { ...PAGE, windowId: 2 }],
    ['a frame inside the page', { ...PAGE, isTopFrame: false }],
    ['a frame that is gone', { ...PAGE, url: undefined }],
    ['a page of the web', { ...PAGE, url: 'https://headgate/' }],
    ['a file', { ...PAGE, url: 'file:///headgate/index.html' }],
    ['another host of the scheme', { ...PAGE, url: 'app://headgate.evil/' }],
    ['another port', { ...PAGE, url: 'app://headgate:81/' }],
    ['a user in the address', { ...PAGE, url: 'app://headgate@evil/' }],
    ['a user before the host', { ...PAGE, url: 'app://x:y@headgate/' }],
    ['another scheme with our name in it', { ...PAGE, url: 'apps://headgate/' }],
    ['no address at all', { ...PAGE, url: 'about:blank' }],
  ])('%s is refused before anything is looked at', async (_who, sender) => {
    const { bridge, made } = bridgeWith();
    for (const name of ['pause', 'desktop.settings', 'nonsense']) {
      const answer = await bridge.call(sender, name, {});
      expect(answer).toMatchObject({ ok: false, error: { code: 'permission-denied' } });
    }
    expect(made).toEqual([]);
  });
});

describe('what may be called', () => {
  test('calls of the engine and of the desktop are answered', async () => {
    const { bridge, made } = bridgeWith();
    expect(await bridge.call(PAGE, 'status', undefined)).toEqual({ ok: true, value: { done: true } });
    expect(await bridge.call(PAGE, 'desktop.settings', {})).toEqual({
      ok: true,
      value: { answered: 'desktop.settings' },
    });
    expect(made.map(({ name }) => name)).toEqual(['status']);
  });

  test.each(['subscribe', 'toString', '__proto__', 'constructor', 'hasOwnProperty', '', 'status ', 'STATUS'])(
    'there is no call %j',
    async (name) => {
      const { bridge, made } = bridgeWith();
      expect(await bridge.call(PAGE, name, {})).toMatchObject({
        ok: false,
        error: { code: 'contract-mismatch' },
      });
      expect(made).toEqual([]);
    },
  );

  test.each<[string, unknown]>([
    ['a number', 7],
    ['an object that says status', { toString: () => 'status' }],
    ['a list', ['status']],
    ['nothing', undefined],
  ])('%s is no name', async (_what, name) => {
    const { bridge, made } = bridgeWith();
    expect(await bridge.call(PAGE, name, {})).toMatchObject({ ok: false });
    expect(made).toEqual([]);
  });

  test.each<[string, string, unknown]>([
    ['a wrong type', 'pause', { sink: 7 }],
    ['a missing member', 'backlogPeek', {}],
    ['a number out of range', 'backlogList', { limit: 100_000 }],
    ['a list for an object', 'status', []],
    ['a text for an object', 'pause', 'all'],
    ['an unknown member of the desktop’s own', 'desktop.setSettings', { isAdmin: true }],
    ['an unknown page', 'desktop.openPage', { page: '../secret' }],
    ['a poisoned member', 'pause', JSON.parse('{"__proto__": {"by": "x"}}')],
    ['a poisoned member deep inside', 'desktop.setSettings', JSON.parse('{"engine": {"__proto__": {}}}')],
    ['a constructor', 'status', { constructor: { prototype: { isAdmin: true } } }],
    ['a date', 'pause', { why: new Date(0) }],
    ['a map', 'status', new Map([['a', 1]])],
    ['bytes', 'configCheck', { text: new Uint8Array(8) }],
    ['a big integer', 'backlogChunks', { landingKeyId: 7n }],
    ['a function', 'pause', { why: () => 'x' }],
    ['not a number', 'backlogChunks', { landingKeyId: Number.NaN }],
    ['a getter', 'pause', Object.defineProperty({}, 'why', { get: () => 'x', enumerable: true })],
    ['an oversized text', 'configCheck', { text: 'x'.repeat(INPUT_BYTES_MAX + 1) }],
    ['an oversized text of wide letters', 'configCheck', { text: '界'.repeat(INPUT_BYTES_MAX / 3 + 1) }],
    ['a long list', 'backlogExportStart', { landingKeyIds: Array.from({ length: 200_000 }, () => 1) }],
    ['deep nesting', 'pause', nested(1000)],
    ['a circle', 'pause', circle()],
  ])('%s is refused, and the engine is not asked', async (_what, name, input) => {
    const { bridge, made } = bridgeWith();
    expect(await bridge.call(PAGE, name, input)).toMatchObject({ ok: false, error: { code: 'usage' } });
    expect(made).toEqual([]);
    expect(Reflect.get({}, 'isAdmin')).toBeUndefined();
  });

  test('whatever is called with whatever: an answer comes, and what passes fits the contract', async () => {
    const { bridge, made } = bridgeWith();
    const names = fc.oneof(fc.constantFrom(...Object.keys(procedures)), fc.string(), fc.anything());
    const inputs = fc.oneof(fc.anything({ withBigInt: true, withDate: true, withMap: true }), fc.jsonValue());
    await fc.assert(
      fc.asyncProperty(names, inputs, async (name, input) => {
        const before = made.length;
        const answer = await bridge.call(PAGE, name, input);
        if (!answer.ok) expect(typeof answer.error.code).toBe('string');
        for (const call of made.slice(before)) {
          const parsed = procedures[call.name as keyof typeof procedures].input.safeParse(call.input);
          expect(parsed.success).toBe(true);
        }
      }),
      { numRuns: 300, verbose: 1 },
    );
  });

  test('a plain value comes out as it went in', () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 5 }), (value) => {
        const text = JSON.stringify(value);
        fc.pre(!/"(__proto__|constructor|prototype)":/.test(text));
        expect(JSON.stringify(plainInput(JSON.parse(text)))).toBe(text);
      }),
    );
  });
});

describe('a call that is let through', () => {
  test('names the user of the operating system, whatever the page says', async () => {
    const { bridge, made } = bridgeWith();
    await bridge.call(PAGE, 'pause', { by: 'somebody else', why: 'x' });
    await bridge.call(PAGE, 'resume', {});
    expect(made.map(({ input }) => input)).toEqual([{ by: 'wang', why: 'x' }, { by: 'wang' }]);
  });

  test('comes back as a report when it fails, without a stack and without secrets', async () => {
    const { bridge } = bridgeWith(async () => {
      throw new Error('no way to amqp://user:hunter2@host');
    });
    const answer = await bridge.call(PAGE, 'status', {});
    expect(answer).toMatchObject({ ok: false, error: { code: 'unknown' } });
    expect(JSON.stringify(answer)).not.toMatch(/hunter2|bridge\.ts/);
  });

  test('is given up when its window goes; calls of the next window are not', async () => {
    const { bridge, made } = bridgeWith(
      (_name, _input, signal) =>
        new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(new Error('gone')))),
    );
    const waiting = bridge.call(PAGE, 'status', {});
    bridge.forget(1);
    expect(await waiting).toMatchObject({ ok: false, error: { message: 'gone' } });
    void bridge.call(PAGE, 'status', {});
    expect(made[1]?.signal.aborted).toBe(false);
    bridge.forget(1);
  });

  test(`is refused beside ${CALLS_MAX} others, and taken again when one has ended`, async () => {
    let finish = (): void => undefined;
    const ended = new Promise<void>((resolve) => (finish = resolve));
    const { bridge } = bridgeWith(() => ended);
    const open = Array.from({ length: CALLS_MAX }, () => bridge.call(PAGE, 'status', {}));
    expect(await bridge.call(PAGE, 'status', {})).toMatchObject({
      ok: false,
      error: { code: 'usage', retry: 'backoff' },
    });
    finish();
    await Promise.all(open);
    expect(await bridge.call(PAGE, 'status', {})).toMatchObject({ ok: true });
  });
});

function nested(depth: number): unknown {
  let value: unknown = 'x';
  for (let level = 0; level < depth; level++) value = { why: value };
  return value;
}

function circle(): unknown {
  const value: Record<string, unknown> = {};
  value['why'] = value;
  return value;
}
