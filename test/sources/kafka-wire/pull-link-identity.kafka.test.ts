/**
 * Goal: the link proves who it is and whom it talks to, and says plainly when that fails. Method: real brokers with TLS, SASL
 * PLAIN and SCRAM; wrong passwords, authorities and ports.
 */
import { createServer } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { isGatewayError } from '../../../shared/errors.ts';
import { PullLink, type PullLinkOptions } from '../../../main/sources/kafka/wire/pull-link.ts';
import { freePort } from '../../rig/free-port.ts';
import { startKafka, type KafkaOptions, type KafkaRig } from '../../rig/kafka-rig.ts';
import { skipsWithoutJava } from '../../rig/needs-java.ts';
import { produceLines } from '../../rig/produce.ts';

const never = new AbortController().signal;
const stops: (() => Promise<unknown>)[] = [];

afterEach(async () => {
  for (const stop of stops.splice(0)) await stop();
});

async function kafkaWith(options: KafkaOptions): Promise<KafkaRig> {
  const kafka = await startKafka(options);
  stops.unshift(() => kafka.stop());
  await kafka.createTopic('t', 1);
  await produceLines({ bootstrap: kafka.directBootstrap, topic: 't', lines: [{ partition: 0, value: 'x' }] });
  return kafka;
}

function link(bootstrap: string, more: Partial<PullLinkOptions>): { link: PullLink; log: string[] } {
  const log: string[] = [];
  const link = new PullLink({
    bootstrapServers: [bootstrap],
    clientId: 'headgate-test',
    connectTimeoutMs: 5_000,
    requestTimeoutMs: 5_000,
    log: ({ message }) => log.push(message),
    ...more,
  });
  stops.unshift(() => link.close());
  return { link, log };
}

async function bytesFrom(pulled: PullLink): Promise<number> {
  const partitions = [{ topic: 't', partition: 0, offset: 0, maxBytes: 1_000 }];
  const [fetched] = await pulled.fetch(
    { node: 1, partitions, maxBytes: 1_000, minBytes: 1, maxWaitMs: 500 },
    never,
  );
  return fetched?.records.length ?? 0;
}

async function codeOf(promise: Promise<unknown>): Promise<string> {
  try {
    await promise;
    return 'no error';
  } catch (error) {
    return isGatewayError(error) ? error.code : String(error);
  }
}

const right = { username: 'headgate', password: 'headgate-secret' };

describe.skipIf(skipsWithoutJava('pull link identity'))('a pull link', () => {
  it('speaks SASL PLAIN over TLS, and says which of the two was refused', async () => {
    const kafka = await kafkaWith({ sasl: 'plain', isTls: true });
    const tls = { ca: kafka.caPem ?? '' };
    const plain = { mechanism: 'plain', ...right } as const;
    expect(await bytesFrom(link(kafka.bootstrap, { tls, sasl: plain }).link)).toBeGreaterThan(0);
    const wrong = link(kafka.bootstrap, { tls, sasl: { ...plain, password: 'not-it-at-all' } });
    expect(await codeOf(wrong.link.connect(never))).toBe('auth-failed');
    expect(wrong.log.join('\n')).not.toContain('not-it-at-all');
    expect(await codeOf(link(kafka.bootstrap, { tls: {}, sasl: plain }).link.connect(never))).toBe(
      'tls-failed',
    );
    // Without TLS, a TLS port's alert looks like an answer of half a gigabyte, or the broker hangs up.
    expect(await codeOf(link(kafka.bootstrap, { sasl: plain }).link.connect(never))).toMatch(
      /^(?:transport|timeout)$/,
    );
  });

  it('speaks SCRAM, and leaves the caller’s identity as it was', async () => {
    const kafka = await kafkaWith({ sasl: 'scram' });
    for (const mechanism of ['scram-sha-256', 'scram-sha-512'] as const) {
      const sasl = { mechanism, ...right };
      expect(await bytesFrom(link(kafka.bootstrap, { sasl }).link)).toBeGreaterThan(0);
      expect(Object.keys(sasl)).toEqual(['mechanism', 'username', 'password']);
    }
    const sasl = { mechanism: 'scram-sha-256', ...right, password: 'wrong' } as const;
    expect(await codeOf(link(kafka.bootstrap, { sasl }).link.connect(never))).toBe('auth-failed');
  });

  it('does not hang at a port that never speaks', async () => {
    const server = createServer((socket) => socket.on('error', () => undefined).resume());
    const port = await freePort();
    await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
    stops.unshift(() => new Promise((resolve) => server.close(resolve)));
    const silent = link(`127.0.0.1:${port}`, { tls: {}, connectTimeoutMs: 300 });
    expect(await codeOf(silent.link.connect(never))).toBe('timeout');
  });

  it('names a host without an address, and a port where nobody listens', async () => {
    expect(await codeOf(link('nowhere.invalid:9092', {}).link.connect(never))).toBe('name-unresolved');
    expect(await codeOf(link(`127.0.0.1:${await freePort()}`, {}).link.connect(never))).toBe(
      'broker-unreachable',
    );
    expect(() => link('no-port', {})).toThrow(expect.objectContaining({ code: 'config-invalid' }));
  });

  it('refuses an answer larger than its limit without buffering it', async () => {
    const server = createServer((socket) => {
      socket.on('error', () => undefined);
      socket.on('data', () => socket.write('HTTP/1.1 400 Bad Request\r\n\r\n'));
    });
    const port = await freePort();
    await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
    stops.unshift(() => new Promise((resolve) => server.close(resolve)));
    expect(await codeOf(link(`127.0.0.1:${port}`, {}).link.connect(never))).toBe('transport');
  });

  it('asks the next bootstrap server when one is dead', async () => {
    const kafka = await kafkaWith({});
    const dead = `127.0.0.1:${await freePort()}`;
    for (const bootstrapServers of [
      [dead, kafka.bootstrap],
      [kafka.bootstrap, dead],
    ]) {
      const pulled = link(dead, { bootstrapServers }).link;
      expect(await bytesFrom(pulled)).toBeGreaterThan(0);
      expect(await codeOf(pulled.refreshBrokers(never))).toBe('no error');
    }
    const unknown = link(kafka.bootstrap, {}).link;
    const partitions = [{ topic: 't', partition: 0, offset: 0, maxBytes: 1_000 }];
    expect(
      await codeOf(unknown.fetch({ node: 99, partitions, maxBytes: 1, minBytes: 1, maxWaitMs: 1 }, never)),
    ).toBe('broker-unreachable');
  });
});
