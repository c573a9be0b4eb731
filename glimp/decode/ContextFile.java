package glimp.decode;

import glimp.gguf.Gguf;
import glimp.gguf.Tensor;
import java.io.EOFException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Arrays;
import java.util.List;
import java.util.zip.CRC32;

/**
 * Contexts in a file, so that what models have read need not be read again.
 *
 * <p>Little-endian: magic, version, number of contexts; for each the model's fingerprint (32 bytes), types of keys and values,
 * number of tokens, the tokens, keys and values as the cache stores them; at the end the CRC-32 of all before it. The sum
 * is checked over the whole file before anything is taken from it, and a file is written beside its place and then moved
 * there: a context is restored whole or not at all, and a file is there whole or as it was.
 */
public final class ContextFile {
    private static final long MAGIC = 0x3158_4354_4d49_4c47L;   // GLIMTCX1
    private static final int FINGERPRINT = 32;
    /** Bytes of a tensor's beginning and end that stand for its weights. */
    private static final int SAMPLE = 4096;

    private ContextFile() {}

    /** A context, and the file of its model. */
    public record Entry(Gguf model, Context context) {}

    /** Writes contexts, in this order. */
    public static void save(Path file, List<Entry> entries) throws IOException {
        Path beside = Files.createTempFile(file.toAbsolutePath().getParent(), file.getFileName().toString(), ".part");
        try {
            try (Summed channel = new Summed(FileChannel.open(beside, StandardOpenOption.WRITE))) {
                channel.write(header(Long.BYTES + Integer.BYTES).putLong(MAGIC).putInt(entries.size()).flip());
                for (Entry entry : entries) {
                    save(entry, channel);
                }
                channel.writeSum();
            }
            Files.move(beside, file, StandardCopyOption.REPLACE_EXISTING);
        } finally {
            Files.deleteIfExists(beside);
        }
    }

    private static void save(Entry entry, Summed channel) throws IOException {
        int[] tokens = entry.context.tokens();
        ByteBuffer head = header(FINGERPRINT + 3 * Integer.BYTES + Integer.BYTES * tokens.length);
        head.put(fingerprint(entry.model)).putInt(entry.context.cache().keyType().ordinal()).putInt(entry.context.cache().valueType().ordinal());
        head.putInt(tokens.length);
        for (int token : tokens) {
            head.putInt(token);
        }
        channel.write(head.flip());
        entry.context.cache().save(channel::write);
    }

    /**
     * Restores contexts that were saved in this order.
     *
     * @throws ContextFileException if the file is damaged, or not from these models and types, or holds more tokens than a
     *     context may; all contexts are as before then
     */
    public static void load(Path file, List<Entry> entries) throws IOException {
        try (Summed channel = new Summed(FileChannel.open(file, StandardOpenOption.READ))) {
            check(file, channel);
            ByteBuffer head = channel.read(header(Long.BYTES + Integer.BYTES));
            head.getLong();
            int count = head.getInt();
            if (count != entries.size()) {
                throw new ContextFileException(file, "holds " + count + " contexts, and " + entries.size() + " are wanted");
            }
            long begin = channel.position();
            for (Entry entry : entries) {
                take(file, entry, channel, false);
            }
            channel.position(begin);
            for (Entry entry : entries) {
                take(file, entry, channel, true);
            }
        }
    }

    private static void check(Path file, Summed channel) throws IOException {
        long size = channel.size();
        if (size < Long.BYTES + 2 * Integer.BYTES || channel.read(header(Long.BYTES)).getLong() != MAGIC) {
            throw new ContextFileException(file, "is no context file of this version");
        }
        channel.position(0);
        if (!channel.sumIsRight(size - Integer.BYTES)) {
            throw new ContextFileException(file, "is damaged: its check sum is wrong");
        }
        channel.position(0);
    }

    /** Looks whether a context fits its entry, and skips it; or restores it. */
    private static void take(Path file, Entry entry, Summed channel, boolean restore) throws IOException {
        ByteBuffer head = channel.read(header(FINGERPRINT + 3 * Integer.BYTES));
        byte[] fingerprint = new byte[FINGERPRINT];
        head.get(fingerprint);
        boolean types = head.getInt() == entry.context.cache().keyType().ordinal() & head.getInt() == entry.context.cache().valueType().ordinal();
        int count = head.getInt();
        if (!Arrays.equals(fingerprint, fingerprint(entry.model))) {
            throw new ContextFileException(file, "was made with another model than " + entry.model.file());
        }
        if (!types) {
            throw new ContextFileException(file, "was made with other types of keys and values (-ctk, -ctv)");
        }
        if (count < 0 || count > entry.context.capacity()) {
            throw new ContextFileException(file, "holds " + count + " tokens, and the context has room for " + entry.context.capacity() + " (-c)");
        }
        int[] tokens = new int[count];
        channel.read(header(Integer.BYTES * count)).asIntBuffer().get(tokens);
        if (restore) {
            entry.context.restore(tokens, cache -> cache.load(count, channel::read));
        } else {
            channel.position(channel.position() + entry.context.cache().savedBytes(count));
        }
    }

    /** Tells models apart: the names, types and shapes of all tensors, and some of their weights. */
    private static byte[] fingerprint(Gguf model) {
        try {
            MessageDigest digest = MessageDigest.getInstance("SHA-256");
            for (Tensor tensor : model.tensors().values()) {
                digest.update((tensor.name() + " " + tensor.type() + " " + Arrays.toString(tensor.shape())).getBytes(StandardCharsets.UTF_8));
                long size = tensor.data().byteSize();
                long sample = Math.min(SAMPLE, size);
                digest.update(tensor.data().asSlice(0, sample).asByteBuffer());
                digest.update(tensor.data().asSlice(size - sample, sample).asByteBuffer());
            }
            return digest.digest();
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException(e);   // every Java has SHA-256
        }
    }

    private static ByteBuffer header(int bytes) {
        return ByteBuffer.allocate(bytes).order(ByteOrder.LITTLE_ENDIAN);
    }

    /** A file that keeps the check sum of what is written to it. */
    private record Summed(FileChannel channel, CRC32 sum) implements AutoCloseable {

        Summed(FileChannel channel) {
            this(channel, new CRC32());
        }

        void write(ByteBuffer bytes) throws IOException {
            sum.update(bytes.duplicate());
            while (bytes.hasRemaining()) {
                channel.write(bytes);
            }
        }

        void writeSum() throws IOException {
            ByteBuffer value = header(Integer.BYTES).putInt((int) sum.getValue()).flip();
            while (value.hasRemaining()) {
                channel.write(value);
            }
        }

        boolean sumIsRight(long bytes) throws IOException {
            ByteBuffer chunk = header(1 << 20);
            for (long left = bytes; left > 0; left -= chunk.limit()) {
                chunk.clear().limit((int) Math.min(left, chunk.capacity()));
                sum.update(read(chunk));
            }
            return read(header(Integer.BYTES)).getInt() == (int) sum.getValue();
        }

        /** Fills what remains of the buffer, and flips it. */
        ByteBuffer read(ByteBuffer bytes) throws IOException {
            while (bytes.hasRemaining()) {
                if (channel.read(bytes) < 0) {
                    throw new EOFException("the file ends too early");
                }
            }
            return bytes.flip();
        }

        long position() throws IOException {
            return channel.position();
        }

        void position(long at) throws IOException {
            channel.position(at);
        }

        long size() throws IOException {
            return channel.size();
        }

        @Override
        public void close() throws IOException {
            channel.close();
        }
    }
}
