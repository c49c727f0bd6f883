/**
 * Goal: the file may be edited while events flow: a good edit is taken without losing or doubling one, a bad one is reported and
 * changes nothing, and one that would orphan what is held is refused.
 * Method: real servers, a real engine process, the file written as editors write it; the judge reads HDFS at the end.
 */
import { describe, expect, it } from 'vitest';
import type { EngineStatus } from '../../shared/contract/control-status.ts';
import { skipsWithoutJava } from '../rig/needs-java.ts';
import { nginxLines } from '../rig/nginx-lines.ts';
import { produceLines } from '../rig/produce.ts';
import { gatewaySite } from './gateway-site.ts';
import { CHANNEL, SINK } from './test-gateway.ts';
import type { TestGateway } from './test-gateway.ts';

const EVENTS = 10_000;
const CASE_LIMIT_MS = 180_000;
/** Lines of the second topic carry ids of a partition that the first one does not have. */
const SECOND_STREAM = 10;

const isConfigInvalid = ({ alerts }: EngineStatus): boolean =>
  alerts.some(({ code, clearedMs }) => code === 'config-invalid' && clearedMs === undefined);

describe.skipIf(skipsWithoutJava('hot reload'))(
  'the configuration file is edited while the engine runs',
  () => {
    const site = gatewaySite();

    function untilVersion(gateway: TestGateway, version: number): Promise<EngineStatus> {
      return gateway.untilStatus(
        `version ${version} is in force`,
        (status) => status.configVersion === version && status.configProblems.length === 0,
      );
    }

    it.concurrent(
      'path, rolling, pull size and topics change under traffic: each event lands once, later ones in the new directories',
      async () => {
        await using gateway = await site.gateway('edited');
        const { pid } = await gateway.startReady();
        let isProducing = true;
        const traffic = (async () => {
          while (isProducing) await gateway.produce(EVENTS / 10);
        })();
        await gateway.untilLanded(EVENTS / 10);

        await gateway.writeConfig({ sink: { 'hdfs.rollInterval': '1s', uploads: 3 } });
        await untilVersion(gateway, 2);
        await gateway.writeConfig({ source: { batchSize: 500 } });
        await untilVersion(gateway, 3);
        await gateway.writeConfig({ sink: { 'hdfs.path': `${gateway.root}/new/%Y-%m-%d/%H` } });
        await untilVersion(gateway, 4);
        const second = 'edited-second';
        await site.rig.kafka.createTopic(second, 1);
        await gateway.writeConfig({ source: { 'kafka.topics': [gateway.topic, second] } });
        await untilVersion(gateway, 5);

        function* lines() {
          for (const { value } of nginxLines(EVENTS, { partitions: 1 }))
            yield { value: value.replace('id=0-', `id=${SECOND_STREAM}-`) };
        }
        await produceLines({ bootstrap: site.rig.kafka.directBootstrap, topic: second, lines: lines() });
        gateway.produced.set(SECOND_STREAM, EVENTS);
        isProducing = false;
        await traffic;
        await gateway.produce(EVENTS / 10);

        await gateway.untilLanded();
        // Two layouts of directories, so the judge looks at everything but them.
        const verdict = await gateway.judge({ isTimed: false });
        expect(verdict.isClean, JSON.stringify(verdict)).toBe(true);
        const directories = [...verdict.linesByDirectory.keys()];
        expect(directories.some((one) => one.startsWith('new/'))).toBe(true);
        expect(directories.some((one) => !one.startsWith('new/'))).toBe(true);
        const { state, verdict: audited, findings } = await gateway.audit('hdfs');
        expect({ state, audited, findings }).toEqual({ state: 'done', audited: 'clean', findings: [] });
        expect((await gateway.status()).pid).toBe(pid);
      },
      CASE_LIMIT_MS,
    );

    it.concurrent(
      'an edit that can’t be used is reported with its line, and what runs goes on running',
      async () => {
        await using gateway = await site.gateway('spoilt');
        await gateway.startReady();
        await gateway.writeConfigText(
          'gateway: { id: spoilt }\nsources: { weblogs: { type: kafka, kafka.topicz: [a] } }\n',
        );
        const status = await gateway.untilStatus('the edit is reported', isConfigInvalid);
        expect(status.configProblems.join('\n')).toMatch(/line 2, column \d+.*topicz/s);
        expect(status.configVersion).toBe(1);
        await gateway.produce(EVENTS);
        await gateway.untilLanded();
        await gateway.writeConfig({ sink: { 'hdfs.rollInterval': '5s' } });
        await untilVersion(gateway, 2);
        await gateway.untilStatus('the alert is over', (one) => !isConfigInvalid(one));
        await gateway.produce(EVENTS);
        await gateway.verdict();
      },
      CASE_LIMIT_MS,
    );

    it.concurrent(
      'an edit that renames the sink and its channel while they hold events is refused, and the events land',
      async () => {
        await using gateway = await site.gateway('orphaned');
        const { client } = await gateway.startReady();
        await client.call('pause', { by: 'test' });
        await gateway.produce(EVENTS);
        await gateway.untilStatus(
          'the channel holds all',
          ({ channels: [channel] }) => channel?.events === EVENTS,
        );

        const config = gateway.config();
        const rename = (text: string): string =>
          text.replaceAll(CHANNEL, 'other').replaceAll(SINK, 'elsewhere');
        const renamed = JSON.parse(rename(JSON.stringify(config))) as unknown;
        await gateway.writeConfigText(JSON.stringify(renamed));
        const status = await gateway.untilStatus('the edit is refused', isConfigInvalid);
        expect(status.configProblems.join('\n')).toContain('still holds');
        expect(status.configVersion).toBe(1);
        expect(status.channels[0]?.events).toBe(EVENTS);

        await gateway.writeConfig();
        await gateway.untilStatus('the old text is back', (one) => !isConfigInvalid(one));
        await client.call('resume', { by: 'test' });
        await gateway.verdict();
      },
      CASE_LIMIT_MS,
    );
  },
);
