/**
 * Goal: an HA pair is one target: whoever is active is found, in at most one round a call, and the identity is the same at both.
 * Method: a real pair; fail-over by hand, then by the death of the active one. HttpFS differs from the pair in nothing but its address.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createTarget } from '../../main/sinks/create-target.ts';
import type { Target } from '../../main/landing/target.ts';
import { startHdfs, type HdfsRig } from '../rig/hdfs-rig.ts';
import { skipsWithoutJava } from '../rig/needs-java.ts';
import { until } from '../rig/until.ts';
import { calm, failureOf, upload } from './bytes.ts';

describe.skipIf(skipsWithoutJava('an HA pair'))('an HA pair', () => {
  let hdfs: HdfsRig;
  let target: Target;
  const connect = (urls: readonly string[]): Target =>
    createTarget({ type: 'hdfs', server: 'namenode', urls, user: 'gateway', root: '/t' });

  beforeAll(async () => {
    hdfs = await startHdfs({ isHa: true });
    target = connect(hdfs.webhdfsUrls);
    await target.mkdirs('/t', calm);
  });
  afterAll(async () => {
    await target.close();
    await hdfs.stop();
  });

  test('the standby is passed over, whichever stands first in the configuration', async () => {
    const turned = connect([...hdfs.webhdfsUrls].reverse());
    await turned.mkdirs('/t/turned', calm);
    const made = await turned.create('/t/turned/.a', upload(1000), calm);
    expect(await turned.checksum('/t/turned/.a', calm)).toEqual({ value: made.checksum });
    expect(await turned.rename('/t/turned/.a', '/t/turned/a', calm)).toEqual({ renamed: true });
    await turned.close();
  });

  test('both NameNodes tell the same identity', async () => {
    const ids = await Promise.all(hdfs.webhdfsUrls.map((url) => connect([url]).namespace(calm)));
    expect(ids[0]).toBe(ids[1]);
    expect(ids[0]).toMatch(/^hdfs:BP-/);
  });

  test('only a standby to ask: that is said, and waits', async () => {
    const standby = hdfs.webhdfsUrls[1] ?? '';
    const alone = connect([standby]);
    expect(await failureOf(alone.mkdirs('/t/x', calm))).toMatchObject({ code: 'standby', retry: 'backoff' });
    await alone.close();
  });

  test('after a fail-over, and after the death of the active one, the other is found', async () => {
    expect(await target.stat('/t', calm)).toBeDefined();
    await hdfs.failover();
    await target.mkdirs('/t/after-failover', calm);
    expect(await target.create('/t/after-failover/.a', upload(10), calm)).toMatchObject({ lengthBytes: 10 });
    const active = (await hdfs.states()).indexOf('active');
    await hdfs.namenodes[active]?.kill();
    const failure = await failureOf(target.mkdirs('/t/nobody', calm));
    expect(failure).toMatchObject({ code: 'namenode-unreachable', retry: 'backoff' });
    expect(failure.message).toContain('standby');
    await hdfs.failover();
    await until(
      'the survivor answers',
      async () => (await target.stat('/t/after-failover/.a', calm))?.lengthBytes === 10,
    );
    expect(await target.rename('/t/after-failover/.a', '/t/after-failover/a', calm)).toEqual({
      renamed: true,
    });
  });
});
