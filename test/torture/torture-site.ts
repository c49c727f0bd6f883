import { startHdfs, type HdfsRig } from '../rig/hdfs-rig.ts';
import type { TcpProxy } from '../rig/tcp-proxy.ts';
import { until } from '../rig/until.ts';
import { BrokerCluster } from './broker-cluster.ts';
import { DeletedLog } from './deleted-log.ts';
import { STREAMS } from './numbered-events.ts';
import { TorturedGateway } from './tortured-gateway.ts';

export const ROOT = '/torture';
export const TOPICS = [...new Set(STREAMS.map(({ topic }) => topic))];
const GROUP = 'torture';
const HEAL_LIMIT_MS = 120_000;

export interface SiteOptions {
  readonly directory: string;
  readonly gateways: number;
  /** 1 or 3. */
  readonly brokers: number;
  /** 1 or 2. */
  readonly namenodes: number;
  readonly datanodes: number;
  readonly replication: number;
}

/** A link that may fail: its proxy and between whom it is. */
export interface Link {
  readonly name: string;
  readonly proxy: TcpProxy;
  readonly kind: 'broker' | 'namenode' | 'datanode';
}

/** The servers, the gateways and all links between them. */
export class TortureSite {
  readonly kafka: BrokerCluster;
  readonly hdfs: HdfsRig;
  readonly gateways: readonly TorturedGateway[];
  readonly links: readonly Link[];
  /** What retention took. */
  readonly deleted = new DeletedLog(
    () => ({ jars: this.kafka.jars, bootstrap: this.kafka.directBootstrap }),
    GROUP,
  );
  /** What only a Java program of Hadoop's takes back: seconds each, so it is done where it is needed only. */
  readonly toTakeBack = new Set<'safe-mode' | 'quota'>();

  private constructor(parts: {
    kafka: BrokerCluster;
    hdfs: HdfsRig;
    gateways: readonly TorturedGateway[];
    links: readonly Link[];
  }) {
    this.kafka = parts.kafka;
    this.hdfs = parts.hdfs;
    this.gateways = parts.gateways;
    this.links = parts.links;
  }

  static async start(options: SiteOptions): Promise<TortureSite> {
    const [kafka, hdfs] = await Promise.allSettled([BrokerCluster.start(options), startCluster(options)]);
    if (kafka.status === 'rejected' || hdfs.status === 'rejected') {
      if (kafka.status === 'fulfilled') await kafka.value.stop();
      if (hdfs.status === 'fulfilled') await hdfs.value.stop();
      throw kafka.status === 'rejected' ? kafka.reason : (hdfs as PromiseRejectedResult).reason;
    }
    return TortureSite.#on(kafka.value, hdfs.value, options);
  }

  static async #on(kafka: BrokerCluster, hdfs: HdfsRig, options: SiteOptions): Promise<TortureSite> {
    for (const topic of TOPICS)
      await kafka.createTopic(topic, STREAMS.filter((stream) => stream.topic === topic).length);
    await hdfs.superuserCall('PUT', ROOT, { op: 'MKDIRS', permission: '777' });
    await hdfs.superuserCall('PUT', ROOT, { op: 'SETPERMISSION', permission: '777' });
    // All gateways name the same addresses: a gateway that names others lands elsewhere, for all the fence can know.
    const links: Link[] = [
      ...hdfs.datanodes.map(({ proxy }, index): Link => ({
        name: `datanode-${index}`,
        proxy,
        kind: 'datanode',
      })),
      ...hdfs.namenodes.map(({ proxy }, index): Link => ({
        name: `namenode-${index + 1}`,
        proxy,
        kind: 'namenode',
      })),
    ];
    const gateways: TorturedGateway[] = [];
    for (let index = 0; index < options.gateways; index++) {
      const id = `gw${index + 1}`;
      for (const { name, proxies } of kafka.brokers) {
        const proxy = proxies[index];
        if (proxy !== undefined) links.push({ name: `${id}-${name}`, proxy, kind: 'broker' });
      }
      gateways.push(
        new TorturedGateway({
          id,
          directory: options.directory,
          group: GROUP,
          topics: TOPICS,
          bootstrap: kafka.bootstrapOf(index),
          namenodes: hdfs.webhdfsUrls,
          root: ROOT,
        }),
      );
    }
    return new TortureSite({ kafka, hdfs, gateways, links });
  }

  /** Everything that the adversary may have left: servers, links, rights, switches, clocks, files. Engines run afterwards. */
  async heal(note: (what: string) => void): Promise<void> {
    for (const { proxy } of this.links) await proxy.heal();
    for (const { server } of this.kafka.brokers) {
      server.continue();
      if (!server.isRunning) await server.start();
    }
    await this.#healHdfs(note);
    await this.kafka.untilServing();
    for (const gateway of this.gateways) {
      gateway.forgetCrash();
      gateway.thaw();
      await gateway.emptyDisk();
      await gateway.moveClock(0);
      await gateway.edit({});
    }
    for (const gateway of this.gateways) {
      await gateway.ready();
      await gateway.engine.client.call('resume', { by: 'torture' });
    }
  }

  async #healHdfs(note: (what: string) => void): Promise<void> {
    const { hdfs } = this;
    for (const { server } of [...hdfs.namenodes, ...hdfs.datanodes]) {
      server.continue();
      if (!server.isRunning) await server.start();
    }
    await this.ensureActive(note);
    if (this.toTakeBack.has('safe-mode')) await this.safeMode('leave');
    await until(
      'all DataNodes are known',
      () => hdfs.waitForDataNodes(hdfs.datanodes.length).then(() => true),
      HEAL_LIMIT_MS,
    );
    await hdfs.superuserCall('PUT', ROOT, { op: 'SETPERMISSION', permission: '777' });
    if (this.toTakeBack.has('quota')) await this.quota('none');
  }

  async safeMode(action: 'enter' | 'leave'): Promise<void> {
    this.toTakeBack.add('safe-mode');
    await this.hdfs.safeMode(action);
    if (action === 'leave') this.toTakeBack.delete('safe-mode');
  }

  async quota(quota: { names?: number; bytes?: number } | 'none'): Promise<void> {
    this.toTakeBack.add('quota');
    await this.hdfs.setQuota(ROOT, quota);
    if (quota === 'none') this.toTakeBack.delete('quota');
  }

  /** One NameNode is active, whatever happened to the pair. */
  async ensureActive(note: (what: string) => void): Promise<void> {
    if (this.hdfs.namenodes.length === 1) return;
    await until(
      'a NameNode is active',
      async () => {
        const states = await this.hdfs.states();
        if (states.includes('active')) return true;
        if (!states.includes('standby')) return false;
        await this.hdfs
          .failover()
          .catch((error: unknown) => note(`fail-over: ${String(error).slice(0, 300)}`));
        return false;
      },
      HEAL_LIMIT_MS,
    );
  }

  async stop(): Promise<void> {
    await Promise.all(this.gateways.map((gateway) => gateway.rest()));
    for (const { proxy } of this.links) await proxy.stop();
    await Promise.all([this.kafka.stop(), this.hdfs.stop()]);
  }
}

function startCluster(options: SiteOptions): Promise<HdfsRig> {
  return startHdfs({
    isProxied: true,
    isHa: options.namenodes > 1,
    datanodes: options.datanodes,
    replication: options.replication,
    properties: {
      // A NameNode that is only slow must not be passed over by a fail-over: with shared edits on a plain disk nothing would fence it.
      'ha.failover-controller.graceful-fence.rpc-timeout.ms': '60000',
    },
  });
}
