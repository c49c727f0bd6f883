import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { freePorts } from '../rig/free-port.ts';
import { ensureJars } from '../rig/jars.ts';
import { isPortOpen, JavaServer } from '../rig/java-process.ts';
import { formatKafka, kafkaCommand, propertiesText, serverProperties } from '../rig/kafka-configuration.ts';
import { createInternalTopics, withAdminAt } from '../rig/kafka-rig.ts';
import { makeRunDirectory, removeRunDirectory } from '../rig/run-directory.ts';
import { startProxy, type TcpProxy } from '../rig/tcp-proxy.ts';
import { until } from '../rig/until.ts';

const HEAP_MB = 384;
const SERVING_LIMIT_MS = 90_000;
/** On a machine with two cores that others use as well, three brokers that start together take their time. */
const READY_LIMIT_MS = 180_000;

export interface BrokerClusterOptions {
  /** 1 or 3: with three, every topic has three copies and a write needs two of them. */
  readonly brokers: number;
  /** Each gateway has a listener and proxies of its own at each broker, so that one can be cut off while the others go on. */
  readonly gateways: number;
  readonly onProgress?: (message: string) => void;
}

interface BrokerPorts {
  readonly clients: readonly number[];
  readonly internal: number;
  readonly controller: number;
}

export interface Broker {
  readonly name: string;
  readonly server: JavaServer;
  /** By gateway. */
  readonly proxies: readonly TcpProxy[];
  readonly ports: BrokerPorts;
}

/** One to three Kafka nodes (KRaft, every node broker and controller) on free ports; they die with this process. */
export class BrokerCluster {
  readonly brokers: readonly Broker[];
  readonly directory: string;
  readonly jars: string;

  private constructor(brokers: readonly Broker[], place: { directory: string; jars: string }) {
    this.brokers = brokers;
    this.directory = place.directory;
    this.jars = place.jars;
  }

  static async start(options: BrokerClusterOptions): Promise<BrokerCluster> {
    const jars = await ensureJars('kafka', options);
    const directory = await makeRunDirectory('kafka');
    const cluster = new BrokerCluster(await prepared(jars, directory, options), { jars, directory });
    try {
      await Promise.all(cluster.brokers.map(({ server }) => server.start()));
      await cluster.untilServing();
      await createInternalTopics(cluster.directBootstrap);
    } catch (error) {
      await cluster.stop();
      throw error;
    }
    return cluster;
  }

  /** For producers and the judge: past all proxies. */
  get directBootstrap(): string {
    return this.brokers.map(({ ports }) => `127.0.0.1:${ports.internal}`).join(',');
  }

  /** For one gateway: through its proxies. */
  bootstrapOf(gateway: number): readonly string[] {
    return this.brokers.map(({ proxies }) => `127.0.0.1:${proxies[gateway]?.port}`);
  }

  get copies(): number {
    return this.brokers.length;
  }

  async createTopic(topic: string, partitions: number): Promise<void> {
    const { copies } = this;
    const configs = [{ name: 'min.insync.replicas', value: String(copies > 2 ? 2 : 1) }];
    await withAdminAt(this.directBootstrap, (admin) =>
      admin.createTopics({ topics: [topic], partitions, replicas: copies, configs }),
    );
  }

  /** Until every broker that runs is in the cluster's metadata. */
  async untilServing(): Promise<void> {
    await until(
      'all brokers serve',
      async () => {
        const seen = await Promise.all(
          this.brokers.map(({ ports }) =>
            withAdminAt(`127.0.0.1:${ports.internal}`, (admin) => admin.metadata({ topics: [] })).then(
              ({ brokers }) => brokers.size,
              () => 0,
            ),
          ),
        );
        return seen.every((count) => count === this.brokers.length);
      },
      SERVING_LIMIT_MS,
    );
  }

  async stop(): Promise<void> {
    for (const { server, proxies } of this.brokers) {
      await server.kill();
      for (const proxy of proxies) await proxy.stop();
    }
    await removeRunDirectory(this.directory);
  }
}

async function prepared(
  jars: string,
  directory: string,
  { brokers: count, gateways }: BrokerClusterOptions,
): Promise<Broker[]> {
  const ports: BrokerPorts[] = [];
  const all = await freePorts(count * (gateways + 2));
  for (let index = 0; index < count; index++) {
    const [internal, controller, ...clients] = all.slice(
      index * (gateways + 2),
      (index + 1) * (gateways + 2),
    );
    if (internal === undefined || controller === undefined) throw new Error('no ports');
    ports.push({ internal, controller, clients });
  }
  const voters = ports.map(({ controller }, index) => `${index + 1}@127.0.0.1:${controller}`).join(',');
  return Promise.all(
    ports.map(async (own, index): Promise<Broker> => {
      const home = join(directory, `broker-${index + 1}`);
      await mkdir(home, { recursive: true });
      const proxies = await Promise.all(
        own.clients.map((port) => startProxy({ target: { host: '127.0.0.1', port } })),
      );
      const file = join(home, 'kafka.properties');
      const inputs = { jars, home, own, proxies, voters, nodeId: index + 1, count };
      await writeFile(file, propertiesText(await formatted(inputs)));
      const server = new JavaServer({
        ...kafkaCommand(jars, { heapMb: HEAP_MB }),
        mainClass: 'kafka.Kafka',
        args: [file],
        name: `broker-${index + 1}`,
        logDirectory: home,
        isReady: () => isPortOpen(own.internal),
        readyTimeoutMs: READY_LIMIT_MS,
      });
      return { name: `broker-${index + 1}`, server, proxies, ports: own };
    }),
  );
}

interface BrokerInputs {
  readonly jars: string;
  readonly home: string;
  readonly own: BrokerPorts;
  readonly proxies: readonly TcpProxy[];
  readonly voters: string;
  readonly nodeId: number;
  readonly count: number;
}

async function formatted(inputs: BrokerInputs): Promise<Record<string, string>> {
  const { jars, home, own, proxies, voters, nodeId, count } = inputs;
  const listeners = own.clients.map((port, gateway) => `GW${gateway}://127.0.0.1:${port}`);
  const advertised = proxies.map(({ port }, gateway) => `GW${gateway}://127.0.0.1:${port}`);
  const internal = `INTERNAL://127.0.0.1:${own.internal}`;
  const names = [...own.clients.keys()].map((gateway) => `GW${gateway}:PLAINTEXT`);
  const extra = {
    'node.id': String(nodeId),
    'controller.quorum.voters': voters,
    listeners: [...listeners, internal, `CONTROLLER://127.0.0.1:${own.controller}`].join(','),
    'advertised.listeners': [...advertised, internal].join(','),
    'listener.security.protocol.map': [...names, 'INTERNAL:PLAINTEXT', 'CONTROLLER:PLAINTEXT'].join(','),
    'offsets.topic.replication.factor': String(count),
    'transaction.state.log.replication.factor': String(count),
    'transaction.state.log.min.isr': String(count > 2 ? 2 : 1),
    'share.coordinator.state.topic.replication.factor': String(count),
    // Two cores carry all servers: a broker that was only slow should not be taken for dead at once.
    'broker.session.timeout.ms': '6000',
  };
  const [client = 0] = own.clients;
  const properties = serverProperties({
    directory: home,
    ports: { client, internal: own.internal, controller: own.controller },
    advertised: '',
    options: { properties: extra },
    tls: undefined,
  });
  await formatKafka({ jars, directory: home, properties, options: { properties: extra } });
  return properties;
}
