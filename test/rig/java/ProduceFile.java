import java.io.BufferedInputStream;
import java.io.ByteArrayOutputStream;
import java.io.FileInputStream;
import java.io.InputStream;
import java.util.Properties;
import java.util.concurrent.atomic.AtomicReference;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.serialization.ByteArraySerializer;

/**
 * Sends every line of a file once, in order, line n to partition n mod partitions. Kafka's own ProducerPerformance picks payload
 * lines at random, so its output can't be judged. Arguments: bootstrap, topic, file, partitions, codec.
 */
public class ProduceFile {
  private static final int READ_BUFFER_BYTES = 1 << 20;

  public static void main(String[] args) throws Exception {
    Properties settings = new Properties();
    settings.put("bootstrap.servers", args[0]);
    settings.put("compression.type", args[4]);
    settings.put("acks", "all");
    settings.put("enable.idempotence", "true");
    settings.put("batch.size", "524288");
    settings.put("linger.ms", "20");
    settings.put("max.request.size", "8388608");
    settings.put("buffer.memory", "134217728");
    int partitions = Integer.parseInt(args[3]);
    AtomicReference<Exception> failure = new AtomicReference<>();
    long lines = 0;
    try (KafkaProducer<byte[], byte[]> producer =
            new KafkaProducer<>(settings, new ByteArraySerializer(), new ByteArraySerializer());
        InputStream input = new BufferedInputStream(new FileInputStream(args[2]), READ_BUFFER_BYTES)) {
      byte[] buffer = new byte[READ_BUFFER_BYTES];
      ByteArrayOutputStream rest = new ByteArrayOutputStream();
      int length;
      while ((length = input.read(buffer)) > 0 && failure.get() == null) {
        int start = 0;
        for (int index = 0; index < length; index++) {
          if (buffer[index] != '\n') continue;
          rest.write(buffer, start, index - start);
          send(producer, args[1], (int) (lines++ % partitions), rest.toByteArray(), failure);
          rest.reset();
          start = index + 1;
        }
        rest.write(buffer, start, length - start);
      }
      if (rest.size() > 0) send(producer, args[1], (int) (lines++ % partitions), rest.toByteArray(), failure);
      producer.flush();
    }
    if (failure.get() != null) throw failure.get();
    System.out.println("lines " + lines);
  }

  private static void send(
      KafkaProducer<byte[], byte[]> producer, String topic, int partition, byte[] value, AtomicReference<Exception> failure) {
    producer.send(
        new ProducerRecord<>(topic, partition, null, value),
        (metadata, error) -> {
          if (error != null) failure.compareAndSet(null, error);
        });
  }
}
