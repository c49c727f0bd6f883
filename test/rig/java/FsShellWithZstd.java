import com.github.luben.zstd.ZstdInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.FsShell;
import org.apache.hadoop.io.compress.CompressionCodec;
import org.apache.hadoop.io.compress.CompressionInputStream;
import org.apache.hadoop.io.compress.CompressionOutputStream;
import org.apache.hadoop.io.compress.Compressor;
import org.apache.hadoop.io.compress.Decompressor;
import org.apache.hadoop.util.ToolRunner;

/**
 * Hadoop's own shell, for `-text` of .zst files. Hadoop's ZStandardCodec needs the native libhadoop, which its Maven artifacts
 * lack; this codec does the same with zstd-jni, the reference library that Kafka's jars carry. Everything else (finding the codec by the
 * file's name, reading the file, writing it out) is Hadoop's.
 */
public class FsShellWithZstd {
  public static void main(String[] args) throws Exception {
    Configuration configuration = new Configuration();
    configuration.setClassLoader(Codec.class.getClassLoader());
    configuration.set("io.compression.codecs", "org.apache.hadoop.io.compress.GzipCodec," + Codec.class.getName());
    System.exit(ToolRunner.run(configuration, new FsShell(), args));
  }

  public static class Codec implements CompressionCodec {
    @Override
    public String getDefaultExtension() {
      return ".zst";
    }

    @Override
    public CompressionInputStream createInputStream(InputStream in) throws IOException {
      ZstdInputStream frames = new ZstdInputStream(in);
      return new CompressionInputStream(in) {
        @Override
        public int read() throws IOException {
          return frames.read();
        }

        @Override
        public int read(byte[] bytes, int offset, int length) throws IOException {
          return frames.read(bytes, offset, length);
        }

        @Override
        public void resetState() {
          throw new UnsupportedOperationException("a stream is read once");
        }
      };
    }

    @Override
    public CompressionInputStream createInputStream(InputStream in, Decompressor decompressor) throws IOException {
      return createInputStream(in);
    }

    @Override
    public Class<? extends Decompressor> getDecompressorType() {
      return null;
    }

    @Override
    public Decompressor createDecompressor() {
      return null;
    }

    @Override
    public CompressionOutputStream createOutputStream(OutputStream out) {
      throw new UnsupportedOperationException("for reading only");
    }

    @Override
    public CompressionOutputStream createOutputStream(OutputStream out, Compressor compressor) {
      throw new UnsupportedOperationException("for reading only");
    }

    @Override
    public Class<? extends Compressor> getCompressorType() {
      return null;
    }

    @Override
    public Compressor createCompressor() {
      return null;
    }
  }
}
