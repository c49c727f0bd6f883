/**
 * Goal: an applied text is the file, what runs and the newest version, and a refused one is none of them; nobody's edit is written over
 * silently; no answer holds a secret. Method: the whole engine with its real watch and file; clients on its socket, editors on its file.
 */
import {
  chmodSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  watch,
  writeFileSync,
} from 'node:fs';
import { createHash } from 'node:crypto';
import { basename, dirname, join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { SECRET_KEPT } from '../../shared/contract/control-config.ts';
import type { Output } from '../../shared/contract/control.ts';
import { until } from '../rig/until.ts';
import { CHANNEL, FileGateway, SINK, type GatewayChanges } from './file-gateway.ts';

vi.setConfig({ testTimeout: 120_000 });

const seed = Number(process.env['HEADGATE_SEED'] ?? Date.now() % 2 ** 31);
console.log(`config-apply: seed ${seed}`);

const SECRET = 'hunter2-literal';
/** Never reaches a broker: it waits, and its password stands in the file. */
const withSecret = (more: Readonly<Record<string, unknown>> = {}): GatewayChanges => ({
  more: {
    sources: {
      lines: {
        type: 'files',
        directory: gateway.input,
        pattern: '*.log',
        pollInterval: '20ms',
        channels: [CHANNEL],
      },
      remote: {
        type: 'kafka',
        'kafka.bootstrap.servers': ['127.0.0.1:1'],
        'kafka.topics': ['www'],
        security: {
          sasl: { mechanism: 'plain', username: 'gw', password: SECRET },
          tls: { passphrase: '${env:HEADGATE_TEST_PW}' },
        },
        channels: [CHANNEL],
        ...more,
      },
    },
  },
});

let gateway: FileGateway;
beforeEach(async () => {
  process.env['HEADGATE_TEST_PW'] = 'hunter2-variable';
  gateway = new FileGateway();
  writeFileSync(gateway.configFile, `# a comment of ours\n${gateway.configText(withSecret())}`);
  await gateway.start();
});
afterEach(async () => {
  await gateway[Symbol.asyncDispose]();
  delete process.env['HEADGATE_TEST_PW'];
});

const fileText = (): string => readFileSync(gateway.configFile, 'utf8');
const shownFile = (): Promise<Output<'configText'>> =>
  gateway.client.call('configText', { of: { kind: 'file' } });
const versions = async (): Promise<Output<'configHistory'>['versions']> =>
  (await gateway.client.call('configHistory', {})).versions;

async function apply(edit: (text: string) => string, note = ''): Promise<Output<'configApply'>> {
  const { text, sha256 } = await shownFile();
  const edited = edit(text);
  expect(edited).not.toBe(text);
  return gateway.client.call('configApply', { text: edited, baseSha256: sha256, by: 'li', note });
}

/** The file, what runs and the newest version are one text. */
async function expectOneTruth(): Promise<void> {
  const [newest] = await versions();
  const { configVersion, configProblems } = await gateway.status();
  const running = await gateway.client.call('configText', { of: { kind: 'running' } });
  const file = await shownFile();
  expect(newest).toMatchObject({ isRunning: true, number: configVersion, sha256: running.sha256 });
  expect(file).toMatchObject({ sha256: running.sha256, isRunning: true });
  expect(configProblems).toEqual([]);
}

describe('an edit at the console', () => {
  test('is written, run and recorded with who and why; comments, order and secrets stay', async () => {
    chmodSync(gateway.configFile, 0o640);
    const before = fileText();
    const applied = await apply((text) => text.replace('20ms', '30ms'), 'slower');
    expect(applied).toMatchObject({
      version: 2,
      change: { components: [{ kind: 'source', name: 'lines', change: 'changed' }], isEmpty: false },
    });
    expect(fileText()).toBe(before.replace('20ms', '30ms'));
    expect(statSync(gateway.configFile).mode & 0o777).toBe(0o640);
    expect(createHash('sha256').update(fileText()).digest('hex')).toBe(applied.sha256);
    expect(await versions()).toMatchObject([
      { number: 2, by: 'li', note: 'slower', isRunning: true },
      { number: 1, isRunning: false },
    ]);
    await expectOneTruth();
    gateway.write(100);
    await gateway.allLanded();
  });

  test('is not taken a second time by the watch; a hand edit after it is', async () => {
    await apply((text) => text.replace('20ms', '30ms'));
    writeFileSync(gateway.configFile, fileText().replace('30ms', '40ms'));
    await gateway.statusIs('the hand edit is taken', ({ configVersion }) => configVersion === 3);
    expect(gateway.logged('configuration applied').map(({ fields }) => fields['by'])).toEqual(['li', 'file']);
    expect((await versions()).map(({ by }) => by)[0]).toBe('file');
    await expectOneTruth();
  });

  test('through a link is written to what it leads to', async () => {
    const real = join(gateway.directory, 'real.yaml');
    renameSync(gateway.configFile, real);
    symlinkSync(real, gateway.configFile);
    await apply((text) => text.replace('20ms', '30ms'));
    expect(readFileSync(real, 'utf8')).toContain('30ms');
    await expectOneTruth();
  });

  test('can exchange a secret, and no answer shows the old one or the new one', async () => {
    await apply((text) => text.replace(`'${SECRET_KEPT}'`, 'hunter2-new'));
    expect(fileText()).toContain('password: hunter2-new');
    const { client } = gateway;
    const running = { kind: 'running' } as const;
    const answers = [
      await shownFile(),
      await client.call('configText', { of: running }),
      await client.call('configText', { of: { kind: 'version', number: 1 } }),
      await client.call('configText', { of: { kind: 'text', text: fileText() } }),
      await client.call('configDiff', { from: { kind: 'version', number: 1 }, to: running }),
      await client.call('configCheck', { text: fileText().replace('type: kafka', 'type: kafkaa') }),
      await client.call('configShow', {}),
      await client.call('configHistory', {}),
    ];
    expect(JSON.stringify([answers, gateway.log])).not.toContain('hunter2');
    const difference = answers[4] as Output<'configDiff'>;
    expect(difference.lines.filter(({ kind }) => kind !== 'same').map(({ text }) => text.trim())).toEqual([
      `password: '${SECRET_KEPT}'`,
      `password: '${SECRET_KEPT}'`,
    ]);
    expect(difference.change?.components).toMatchObject([{ name: 'remote', keys: ['security'] }]);
  });

  test('whose marks have no secret is refused at their line and column', async () => {
    const { text, sha256 } = await shownFile();
    const renamed = text.replace('remote:', 'moved:');
    const line = renamed.split('\n').findIndex((one) => one.includes(SECRET_KEPT)) + 1;
    const column = (renamed.split('\n')[line - 1] ?? '').indexOf("'*") + 1;
    const before = fileText();
    await expect(
      gateway.client.call('configApply', { text: renamed, baseSha256: sha256, by: 'li' }),
    ).rejects.toMatchObject({ code: 'config-invalid', place: `${gateway.configFile}:${line}:${column}` });
    const { problems, isUsable } = await gateway.client.call('configCheck', { text: renamed });
    expect(isUsable).toBe(false);
    expect(problems).toContainEqual(expect.objectContaining({ line, column, severity: 'error' }));
    expect(fileText()).toBe(before);
    await expectOneTruth();
  });

  test('that is invalid changes nothing', async () => {
    const before = fileText();
    await expect(apply((text) => text.replace('20ms', 'soon'))).rejects.toMatchObject({
      code: 'config-invalid',
    });
    expect(fileText()).toBe(before);
    await expectOneTruth();
  });

  test('that would orphan held data is refused, and the file stays', async () => {
    await gateway.client.call('pause', { by: 'test' });
    gateway.write(100);
    await gateway.statusIs('all is held', ({ channels }) => channels[0]?.events === 100);
    const before = fileText();
    await expect(apply((text) => text.replace(`  ${SINK}:`, '  renamed:'))).rejects.toMatchObject({
      code: 'config-change-refused',
    });
    expect(fileText()).toBe(before);
    await expectOneTruth();
    const { change } = await gateway.client.call('configDiff', {
      from: { kind: 'running' },
      to: { kind: 'text', text: (await shownFile()).text.replace(`  ${SINK}:`, '  renamed:') },
    });
    expect(change?.refused).toMatchObject([{ kind: 'sink', name: SINK }]);
  });

  test('whose version can’t be recorded gives the file its old text back', async () => {
    const history = join(gateway.stateDir, 'config-history');
    mkdirSync(join(history, '000002.json', 'in-the-way'), { recursive: true });
    const before = fileText();
    await expect(apply((text) => text.replace('20ms', '30ms'))).rejects.toMatchObject({ code: 'io-error' });
    expect(fileText()).toBe(before);
    rmSync(join(history, '000002.json'), { recursive: true });
    await expectOneTruth();
    gateway.write(50);
    await gateway.allLanded();
    await apply((text) => text.replace('20ms', '30ms'));
    await expectOneTruth();
  });

  test('of a file that is read-only is refused with the reason', async () => {
    chmodSync(gateway.configFile, 0o444);
    await expect(apply((text) => text.replace('20ms', '30ms'))).rejects.toMatchObject({
      code: 'permission-denied',
    });
    await expectOneTruth();
    expect(await versions()).toHaveLength(1);
  });
});

describe('two at once', () => {
  test('the second console gets a conflict with a hint, and nothing is lost of the first', async () => {
    const { text, sha256: baseSha256 } = await shownFile();
    const edits = ['30ms', '40ms', '50ms'].map((interval) =>
      gateway.client.call('configApply', { text: text.replace('20ms', interval), baseSha256, by: interval }),
    );
    const outcomes = await Promise.allSettled(edits);
    const taken = outcomes.filter(({ status }) => status === 'fulfilled');
    expect(taken).toHaveLength(1);
    for (const one of outcomes)
      if (one.status === 'rejected')
        expect(one.reason).toMatchObject({
          code: 'config-conflict',
          hint: expect.stringContaining('Load the file again') as string,
        });
    const winner = ['30ms', '40ms', '50ms'][outcomes.findIndex(({ status }) => status === 'fulfilled')];
    expect(fileText()).toContain(`pollInterval: ${winner}`);
    await expectOneTruth();
  });

  test.each(['in place', 'by rename'])(
    'a hand edit %s since the text was loaded is a conflict',
    async (how) => {
      const { text, sha256 } = await shownFile();
      const byHand = fileText().replace('20ms', '60ms');
      if (how === 'in place') writeFileSync(gateway.configFile, byHand);
      else {
        writeFileSync(`${gateway.configFile}.swp`, byHand);
        renameSync(`${gateway.configFile}.swp`, gateway.configFile);
      }
      await expect(
        gateway.client.call('configApply', {
          text: text.replace('20ms', '30ms'),
          baseSha256: sha256,
          by: 'li',
        }),
      ).rejects.toMatchObject({ code: 'config-conflict' });
      expect(fileText()).toBe(byHand);
      await gateway.statusIs('the hand edit is taken', ({ configVersion }) => configVersion === 2);
      await expectOneTruth();
    },
  );

  test('a hand edit while the new text is on its way is a conflict, and stays', async () => {
    const folder = dirname(gateway.configFile);
    const { text, sha256: baseSha256 } = await shownFile();
    const byHand = fileText().replace('20ms', '60ms');
    // The staged text lies beside the file long before it takes its place.
    const watcher = watch(folder, (_event, name) => {
      if (name?.endsWith('.headgate-new') !== true) return;
      watcher.close();
      writeFileSync(gateway.configFile, byHand);
    });
    const edited = text.replace('20ms', '30ms');
    await expect(
      gateway.client.call('configApply', { text: edited, baseSha256, by: 'li' }),
    ).rejects.toMatchObject({ code: 'config-conflict' });
    expect(fileText()).toBe(byHand);
    expect(readdirSync(folder)).toEqual([basename(gateway.configFile)]);
    await gateway.statusIs('the hand edit is taken', ({ configVersion }) => configVersion === 2);
    await expectOneTruth();
    gateway.write(50);
    await gateway.allLanded();
  });

  test('hand edits and console edits in a storm: each is taken or told, and all agree at the end', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.record({ isHand: fc.boolean(), ms: fc.integer({ min: 20, max: 90 }) }), {
          minLength: 3,
          maxLength: 8,
        }),
        async (steps) => {
          let last = '';
          const edits = steps.map(async ({ isHand, ms }) => {
            if (isHand) {
              writeFileSync(
                gateway.configFile,
                fileText().replace(/pollInterval: \d+ms/, `pollInterval: ${ms}ms`),
              );
              last = `${ms}ms`;
              return;
            }
            try {
              const { text, sha256: baseSha256 } = await shownFile();
              const edited = text.replace(/pollInterval: \d+ms/, `pollInterval: ${ms}ms`);
              await gateway.client.call('configApply', { text: edited, baseSha256, by: 'storm' });
              last = `${ms}ms`;
            } catch (error) {
              expect(error).toMatchObject({ code: 'config-conflict' });
            }
          });
          await Promise.all(edits);
          const running = (): Promise<Output<'configText'>> =>
            gateway.client.call('configText', { of: { kind: 'running' } });
          await until(
            'what runs is the file',
            async () => (await running()).sha256 === (await shownFile()).sha256,
          );
          await expectOneTruth();
          expect(last === '' || /pollInterval: \d+ms/.test(fileText())).toBe(true);
        },
      ),
      { seed, numRuns: 5 },
    );
  });
});

describe('going back', () => {
  test('brings a version back whole, secrets included, as the newest one', async () => {
    const first = fileText();
    await apply((text) => text.replace('20ms', '30ms').replace(`'${SECRET_KEPT}'`, 'hunter2-new'));
    const { sha256: baseSha256 } = await shownFile();
    const back = await gateway.client.call('configRollback', { number: 1, baseSha256, by: 'li' });
    expect(back.version).toBe(3);
    expect(fileText()).toBe(first);
    expect((await versions())[0]).toMatchObject({ number: 3, by: 'li', note: 'back to version 1' });
    await expectOneTruth();
  });

  test('over somebody’s hand edit is a conflict; to a version that is not there is said', async () => {
    const { sha256: baseSha256 } = await shownFile();
    await expect(
      gateway.client.call('configRollback', { number: 9, baseSha256, by: 'li' }),
    ).rejects.toMatchObject({ code: 'file-missing' });
    writeFileSync(gateway.configFile, fileText().replace('20ms', '60ms'));
    await expect(
      gateway.client.call('configRollback', { number: 1, baseSha256, by: 'li' }),
    ).rejects.toMatchObject({ code: 'config-conflict' });
  });
});
