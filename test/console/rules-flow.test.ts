/**
 * Goal: the rules of a gateway changed by an operator, from the first configuration to a mistake that is taken back: the wizard from nothing to
 * landed files; events in quarantine, the rule changed with a trial on them, retried, landed, and an audit that is clean; YAML that is
 * broken, and its line; a version applied and rolled back.
 * Method: a real Chromium on the console of a real engine, with Kafka and HDFS of the rig; what landed is read past the engine.
 */
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { en } from '../../renderer/text/en.ts';
import { describeVerdict, judge } from '../rig/judge.ts';
import { webHdfsTree } from '../rig/landed-tree.ts';
import { skipsWithoutJava } from '../rig/needs-java.ts';
import { nginxHourDirectory, nginxIdOf, nginxLines } from '../rig/nginx-lines.ts';
import { produceLines } from '../rig/produce.ts';
import { applyConfiguration, replaceInYaml } from './configuration-editing.ts';
import { consoleSite } from './console-site.ts';
import { NothingYet } from './nothing-yet.ts';

const EVENTS = 300;
const CASE_LIMIT_MS = 180_000;
const RIGHT_PATTERN = 'dd/MMM/yyyy:HH:mm:ss Z';
const WRONG_PATTERN = 'yyyy-MM-dd HH:mm:ss Z';

const text = en.configuration;

describe.skipIf(skipsWithoutJava('the console, rules'))('the console and the rules', () => {
  const site = consoleSite();

  it(
    'first run: from nothing but brokers and a cluster to files in HDFS, each event in the hour of its own time',
    async () => {
      const topic = 'first-run';
      await site.rig.kafka.createTopic(topic, 1);
      await produceLines({
        bootstrap: site.rig.kafka.directBootstrap,
        topic,
        lines: nginxLines(EVENTS, { partitions: 1, eventsPerSecond: 0.1 }),
      });
      await using nothing = await NothingYet.start();
      const { page } = await nothing.operator(site.browser);
      const onwards = page.getByRole('button', { name: en.setup.next, exact: true });
      const field = (name: string) => page.getByRole('textbox', { name: new RegExp(`^${name}`) });

      await field(en.setup.gateway.id).fill('xian-gw-1');
      await page.getByRole('combobox', { name: en.setup.gateway.timeZone }).fill('Asia/Shanghai');
      await page.getByRole('option', { name: 'Asia/Shanghai' }).click();
      await onwards.click();
      await field(en.setup.brokers.brokers).fill(site.rig.kafka.bootstrap);
      await page.keyboard.press('Enter');
      await page.getByText(en.setup.brokers.connected, { exact: true }).waitFor();
      await onwards.click();
      await page
        .getByRole('grid', { name: en.setup.topics.found })
        .getByRole('row')
        .filter({ hasText: topic })
        .click();
      await onwards.click();
      await page.getByText(/^Time read from (\d+) of \1 samples/).waitFor();
      await onwards.click();
      await field(en.setup.target.namenode).fill(site.rig.hdfs.webhdfs);
      await field(en.setup.target.user).fill('headgate');
      await field(en.setup.target.path).fill(`/logs/${topic}/%Y-%m-%d/%H`);
      await page.getByRole('button', { name: en.setup.target.check }).click();
      await page.getByText(en.setup.check.ready).waitFor();
      await onwards.click();
      expect(existsSync(nothing.configFile), 'nothing is written before the end').toBe(false);
      await page.getByRole('button', { name: en.setup.review.start }).click();
      const landNow = page.getByRole('button', { name: en.setup.starting.landNow });
      await page.getByText(`${EVENTS} events`).first().waitFor();
      await landNow.click();
      await page.getByRole('heading', { name: en.setup.starting.landed }).waitFor();
      await page.getByRole('link', { name: en.setup.starting.overview }).click();
      await page.getByText(en.overview.figures.backlogNone).waitFor();

      const verdict = await judge({
        tree: webHdfsTree(site.rig.hdfs.directWebhdfs, `/logs/${topic}`),
        produced: new Map([[0, EVENTS]]),
        identify: nginxIdOf,
        expectedDirectory: nginxHourDirectory,
      });
      expect(describeVerdict(verdict)).toMatch(/^clean/);
      const { versions } = await nothing.engine.client.call('configHistory', {});
      expect(versions).toMatchObject([{ number: 1, isRunning: true }]);
    },
    CASE_LIMIT_MS,
  );

  it(
    'quarantined events: the rule is changed on a trial of them, they are retried, land in their hours, and the audit is clean',
    async () => {
      await using gateway = await site.gateway('misread', {
        source: {
          interceptors: [
            {
              type: 'regex_extractor',
              regex: String.raw`\[([^\]]+)\]`,
              serializers: [{ type: 'millis', name: 'timestamp', pattern: WRONG_PATTERN }],
            },
          ],
        },
      });
      await gateway.startReady();
      await gateway.produce(EVENTS);
      await gateway.untilStatus(
        'all of it is in quarantine',
        ({ channels: [channel] }) => channel?.quarantined === EVENTS,
      );
      await using operator = await site.operator(gateway, 'overview', { operator: 'li.wei' });
      const { page } = operator;

      await page.getByRole('link', { name: '300 in quarantine' }).click();
      const groups = page.getByRole('grid', { name: en.quarantine.groups });
      await groups.getByRole('row').filter({ hasText: gateway.topic }).click();
      await page.getByRole('button', { name: en.quarantine.changeRule }).click();
      await page.getByRole('button', { name: text.try.run, exact: true }).click();
      await page.getByText('0 of 300 events would land.').waitFor();

      await replaceInYaml(page, WRONG_PATTERN, RIGHT_PATTERN);
      await page.getByText(text.try.outdated).waitFor();
      await page.getByRole('button', { name: text.try.run, exact: true }).click();
      await page.getByText('300 of 300 events would land.').waitFor();
      await page.getByText(text.try.differences.nowPlaced).first().waitFor();
      await page.getByRole('cell', { name: `${gateway.root}/2026-11-21/08` }).waitFor();
      expect((await gateway.judge()).files, 'a trial lands nothing').toBe(0);

      await applyConfiguration(page, 'the time was read by a wrong pattern');
      expect(await gateway.status()).toMatchObject({ configVersion: 2 });

      await operator.openPage(en.shell.pages.quarantine);
      await page.getByRole('button', { name: en.quarantine.retryAll }).click();
      await page.getByRole('dialog').getByRole('button', { name: en.quarantine.retry }).click();
      await page.getByText('0 events wait', { exact: true }).waitFor();

      await operator.openPage(en.shell.pages.landings);
      await gateway.untilLanded();
      await page
        .getByRole('grid', { name: en.landings.tabs.ledger })
        .getByRole('row')
        .filter({ hasText: `${gateway.root}/2026-11-21/08/` })
        .first()
        .waitFor();
      await page.getByText(en.landings.tabs.audit, { exact: true }).click();
      await page.getByRole('radio', { name: en.landings.audit.levels.deep.name }).check();
      await page.getByRole('button', { name: en.landings.audit.start }).click();
      await page.getByText(en.landings.audit.verdicts.clean).waitFor();
      await gateway.verdict();
      expect((await gateway.status()).channels[0]?.quarantined).toBe(0);
    },
    CASE_LIMIT_MS,
  );

  it(
    'broken YAML is shown at its line and can’t be applied; a change is applied and rolled back, and files are named by what ran',
    async () => {
      await using gateway = await site.gateway('versions');
      await gateway.startReady();
      await gateway.produce(EVENTS);
      await gateway.untilLanded();
      await using operator = await site.operator(gateway, 'configuration', { operator: 'li.wei' });
      const { page } = operator;
      const before = await readFile(gateway.configFile, 'utf8');

      const broken = before.split('\n').findIndex((line) => line.includes('timeZone:')) + 1;
      await page.locator('.cm-line', { hasText: 'timeZone:' }).click();
      await page.keyboard.press('End');
      await page.keyboard.type(': x');
      const problems = page.getByRole('region', { name: text.problems.title });
      await problems
        .getByRole('button', { name: new RegExp(`${broken}:\\d+`) })
        .first()
        .waitFor();
      await page.keyboard.press('Control+s');
      await expect
        .poll(() => page.getByRole('button', { name: text.apply }).getAttribute('aria-disabled'))
        .toBe('true');
      expect(await page.getByRole('dialog').count()).toBe(0);
      for (const _character of ': x') await page.keyboard.press('Backspace');
      await page.getByText(text.problems.none).waitFor();
      expect(await readFile(gateway.configFile, 'utf8')).toBe(before);

      await replaceInYaml(page, 'hdfs.fileSuffix: .log', 'hdfs.fileSuffix: .access');
      await applyConfiguration(page, 'another ending');
      await gateway.produce(EVENTS);
      await gateway.untilLanded();
      expect(await endings(gateway.root)).toEqual({ log: EVENTS, access: EVENTS });

      await page.getByRole('radiogroup', { name: text.view }).getByText(text.views.history).click();
      await page
        .getByRole('grid', { name: text.history.title })
        .getByRole('row')
        .filter({ hasText: text.history.byFile })
        .click();
      await page.getByRole('button', { name: text.history.rollback }).click();
      await page.getByRole('dialog').getByRole('button', { name: text.history.rollback }).click();
      await page.getByText('Version 1 runs again, as version 3.').waitFor();
      expect(await readFile(gateway.configFile, 'utf8')).toBe(before);
      await gateway.produce(EVENTS);
      await gateway.untilLanded();
      expect(await endings(gateway.root)).toEqual({ log: 2 * EVENTS, access: EVENTS });
      await gateway.verdict();
    },
    CASE_LIMIT_MS,
  );

  /** Lines that landed, by the ending of their file. */
  async function endings(root: string): Promise<Record<string, number>> {
    const tree = webHdfsTree(site.rig.hdfs.directWebhdfs, root);
    const lines: Record<string, number> = {};
    for (const file of await tree.files()) {
      const ending = file.name.split('.').at(-1) ?? '';
      let text = '';
      for await (const chunk of await tree.open(file)) text += String(chunk);
      lines[ending] = (lines[ending] ?? 0) + text.split('\n').length - 1;
    }
    return lines;
  }
});
