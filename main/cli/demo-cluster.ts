/** The demo's site with a real Kafka and a real HDFS of the test rig, on free ports. */
import { fileURLToPath } from 'node:url';
import { webHdfsTree } from '../../test/rig/landed-tree.ts';
import { produceLines } from '../../test/rig/produce.ts';
import { startRig, type Rig } from '../../test/rig/rig.ts';
import type { DemoSite, Progress } from './demo-site.ts';
import { TOPICS } from './demo-traffic.ts';

/** As in examples/demo.yaml. */
const LANDING_ROOT = '/logs';

export async function startClusterSite(progress: Progress): Promise<DemoSite> {
  progress('starting Kafka and HDFS on free ports, some ten seconds');
  const rig = await startRig({ kafka: { onProgress: progress }, hdfs: { onProgress: progress } });
  try {
    for (const { name, partitions } of TOPICS) await rig.kafka.createTopic(name, partitions);
  } catch (error) {
    await rig.stop();
    throw error;
  }
  progress(`Kafka is at ${rig.kafka.bootstrap}, the NameNode at ${rig.hdfs.webhdfs}`);
  return siteOf(rig);
}

function siteOf(rig: Rig): DemoSite {
  return {
    title: `Kafka ${rig.kafka.bootstrap} → HDFS ${rig.hdfs.webhdfs}${LANDING_ROOT}`,
    configFile: fileURLToPath(new URL('../../examples/demo.yaml', import.meta.url)),
    environment: { HEADGATE_DEMO_KAFKA: rig.kafka.bootstrap, HEADGATE_DEMO_HDFS: rig.hdfs.webhdfs },
    send: async (traffic, signal) => {
      const bootstrap = rig.kafka.directBootstrap;
      await Promise.all(
        TOPICS.map((topic) =>
          produceLines({
            bootstrap,
            topic: topic.name,
            partitions: topic.partitions,
            batch: traffic.batch,
            lines: traffic.linesOf(topic, signal),
          }),
        ),
      );
    },
    landed: () => webHdfsTree(rig.hdfs.directWebhdfs, LANDING_ROOT),
    stop: () => rig.stop(),
  };
}
