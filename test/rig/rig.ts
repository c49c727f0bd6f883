import { startHdfs, type HdfsOptions, type HdfsRig } from './hdfs-rig.ts';
import { startKafka, type KafkaOptions, type KafkaRig } from './kafka-rig.ts';

export interface RigOptions {
  readonly kafka?: KafkaOptions;
  readonly hdfs?: HdfsOptions;
}

/** A Kafka and an HDFS that run together and end together. */
export interface Rig {
  readonly kafka: KafkaRig;
  readonly hdfs: HdfsRig;
  stop(): Promise<void>;
}

/** Starts Kafka and HDFS beside each other, about 6 s. When one fails, the other is stopped before the error is thrown. */
export async function startRig(options: RigOptions = {}): Promise<Rig> {
  const [kafka, hdfs] = await Promise.allSettled([startKafka(options.kafka), startHdfs(options.hdfs)]);
  if (kafka.status === 'rejected' || hdfs.status === 'rejected') {
    if (kafka.status === 'fulfilled') await kafka.value.stop();
    if (hdfs.status === 'fulfilled') await hdfs.value.stop();
    throw kafka.status === 'rejected' ? kafka.reason : (hdfs as PromiseRejectedResult).reason;
  }
  return {
    kafka: kafka.value,
    hdfs: hdfs.value,
    stop: async () => {
      await Promise.all([kafka.value.stop(), hdfs.value.stop()]);
    },
  };
}
