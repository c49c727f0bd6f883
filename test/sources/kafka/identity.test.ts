/**
 * Goal: a whole source (pulls, fence, membership) works over TLS with a password and the rights that the documentation names; what is
 * refused is said with its cause, and a user who may not write transactions can work without a fence.
 * Method: one real broker with TLS, SCRAM and ACLs; two users, of whom one has no right to transactional ids.
 */
import { AclOperations, AclPermissionTypes, ResourcePatternTypes, ResourceTypes } from '@platformatic/kafka';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { startKafka, type KafkaRig } from '../../rig/kafka-rig.ts';
import { produceLines } from '../../rig/produce.ts';
import { isWithoutKafka } from './kafka-suite.ts';
import { ids, TestGateway, until, type GatewayOptions } from './test-gateway.ts';

const FULL = { username: 'full', password: 'full-secret' };
const POOR = { username: 'poor', password: 'poor-secret' };
const TOPIC = 'secret';

describe.skipIf(isWithoutKafka)('a source with an identity', () => {
  let kafka: KafkaRig;
  const gateways: TestGateway[] = [];

  beforeAll(async () => {
    kafka = await startKafka({
      sasl: 'scram',
      isTls: true,
      users: [FULL, POOR],
      properties: {
        'authorizer.class.name': 'org.apache.kafka.metadata.authorizer.StandardAuthorizer',
        // The rig's own listeners have no users.
        'super.users': 'User:ANONYMOUS',
      },
    });
    await kafka.createTopic(TOPIC, 1);
    await produceLines({
      bootstrap: kafka.directBootstrap,
      topic: TOPIC,
      lines: ids(0, 5).map((value) => ({ value })),
    });
    const { READ, DESCRIBE, WRITE } = AclOperations;
    for (const { username } of [FULL, POOR]) {
      await allow(username, 'TOPIC', TOPIC, [READ, DESCRIBE]);
      await allow(username, 'GROUP', `group-${username}`, [READ]);
    }
    await allow(FULL.username, 'TRANSACTIONAL_ID', 'headgate:', [WRITE, DESCRIBE]);
    return () => kafka.stop();
  });
  afterEach(async () => {
    await Promise.all(gateways.splice(0).map((one) => one.stop()));
  });

  async function allow(
    user: string,
    kind: 'TOPIC' | 'GROUP' | 'TRANSACTIONAL_ID',
    prefix: string,
    operations: readonly (typeof AclOperations)[keyof typeof AclOperations][],
  ): Promise<void> {
    const creations = operations.map((operation) => ({
      resourceType: ResourceTypes[kind],
      resourceName: prefix,
      resourcePatternType: ResourcePatternTypes.PREFIXED,
      principal: `User:${user}`,
      host: '*',
      operation,
      permissionType: AclPermissionTypes.ALLOW,
    }));
    await kafka.withAdmin((admin) => admin.createAcls({ creations }));
  }

  function gateway(user: typeof FULL, more: Partial<GatewayOptions> = {}): TestGateway {
    const one = new TestGateway({
      bootstrap: kafka.bootstrap,
      topicNames: [TOPIC],
      groupId: `group-${user.username}`,
      tls: { ca: kafka.caPem ?? '' },
      sasl: { mechanism: 'scram-sha-512', ...user },
      ...more,
    });
    gateways.push(one);
    return one;
  }

  it('works over TLS and SCRAM with exactly the documented rights, its fence included', async () => {
    const a = gateway(FULL).start();
    await until('the records land', () => a.landable().length === 5);
    expect(a.source?.status().fence).toBe('transactions');
    const other = gateway(FULL, {
      groupId: 'group-full-256',
      sasl: { mechanism: 'scram-sha-256', ...FULL },
    }).start();
    await until('SHA-256 too', () => other.landable().length === 5);
  });

  it('with a wrong password is told so, waits, and puts nothing', async () => {
    const a = gateway({ ...FULL, password: 'wrong' }).start();
    await until('it says why', () => a.has('restarted'));
    expect(a.source?.status()).toMatchObject({ state: 'waiting' });
    expect(a.source?.status().cause).toMatch(/auth/i);
    expect(a.store.puts).toEqual([]);
  });

  it('without the certificate authority does not connect', async () => {
    const a = gateway(FULL, { tls: {} }).start();
    await until('it says why', () => a.has('restarted'));
    expect(a.source?.status().cause).toMatch(/TLS|certificate/i);
  });

  it('without rights to transactions waits and says which; with fence: none it works, and status says so', async () => {
    const refused = gateway(POOR).start();
    await until('it says why', () => refused.has('restarted', 'TRANSACTIONAL_ID_AUTHORIZATION_FAILED'));
    expect(refused.events.find((event) => event.code === 'restarted')?.hint).toMatch(/fence: none/);
    expect(refused.store.puts).toEqual([]);
    await refused.stop();
    const a = gateway(POOR, { fence: 'none' }).start();
    await until('the records land', () => a.landable().length === 5);
    expect(a.source?.status().fence).toBe('none');
  });
});
