package glimp.gguf;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.channels.FileChannel;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.Map;

/**
 * Maps one GGUF file and reads its header: {@code "GGUF"}, the version (4 bytes), the number of tensors (8), the number
 * of metadata pairs (8), the pairs, the list of tensors. The tensors' bytes follow and are not looked at.
 */
final class GgufReader {

    private static final int MAGIC = 'G' | 'G' << 8 | 'U' << 16 | 'F' << 24;
    private static final int LEAST_BYTES = 4 + 4 + 8 + 8;
    /** Real headers stay under 20 MB; a made-up one in a huge file must not fill the heap. */
    private static final long LONGEST_HEADER = 1L << 27;
    private static final String ALIGNMENT = "general.alignment";

    private GgufReader() {}

    /** The file by itself, whether or not it is a part of a split model. */
    static Gguf read(Path file) {
        return read(file, map(file));
    }

    /** @param mapped all bytes of the file; the tensors will be parts of it */
    static Gguf read(Path file, MemorySegment mapped) {
        Cursor cursor = new Cursor(file, mapped, Math.min(mapped.byteSize(), LONGEST_HEADER));
        int version = version(cursor);
        int tensorCount = cursor.count("the list of tensors", TensorTable.LEAST_ENTRY);
        int pairCount = cursor.count("the metadata", Metadata.LEAST_PAIR);
        Map<String, Object> metadata = Metadata.read(cursor, pairCount);
        Map<String, Tensor> tensors = TensorTable.read(cursor, tensorCount, alignment(cursor, metadata), mapped);
        return new Gguf(file, version, metadata, tensors, mapped.byteSize());
    }

    private static MemorySegment map(Path file) {
        try {
            BasicFileAttributes attributes = Files.readAttributes(file, BasicFileAttributes.class);
            if (!attributes.isRegularFile()) {
                throw new GgufException(file, attributes.isDirectory() ? "is a directory; name a .gguf file"
                        : "is no regular file, so it cannot be mapped into memory");
            }
            try (FileChannel channel = FileChannel.open(file, StandardOpenOption.READ)) {
                return channel.map(FileChannel.MapMode.READ_ONLY, 0, channel.size(), Arena.ofAuto());
            }
        } catch (NoSuchFileException e) {
            throw new GgufException(file, "no such file");
        } catch (AccessDeniedException e) {
            throw new GgufException(file, "may not be read; check its permissions");
        } catch (IOException e) {
            String reason = e instanceof FileSystemException f && f.getReason() != null ? f.getReason() : e.getMessage();
            throw new GgufException(file, "cannot be mapped into memory: " + reason);
        }
    }

    private static int version(Cursor cursor) {
        if (cursor.left() < LEAST_BYTES) {
            throw cursor.fail(cursor.left() == 0 ? "is empty" : "is no GGUF file: it has only " + cursor.left() + " bytes");
        }
        int magic = cursor.i32();
        if (magic != MAGIC) {
            throw cursor.fail(String.format("is no GGUF file: it starts with the bytes %08x, not with 47475546 (\"GGUF\")",
                    Integer.reverseBytes(magic)));
        }
        int version = cursor.i32();
        if (version != 2 && version != 3) {
            throw cursor.fail(isSmall(Integer.reverseBytes(version)) ? "is a big-endian GGUF file; only little-endian ones are supported"
                    : "has GGUF version " + Integer.toUnsignedString(version) + "; versions 2 and 3 are supported");
        }
        return version;
    }

    private static boolean isSmall(int version) {
        return version > 0 && version < 1 << 16;
    }

    private static long alignment(Cursor cursor, Map<String, Object> metadata) {
        Object value = metadata.getOrDefault(ALIGNMENT, 32L);
        if (value instanceof Long bytes && bytes >= 8 && bytes <= 1 << 24 && Long.bitCount(bytes) == 1) {
            return bytes;
        }
        throw cursor.fail("metadata key \"" + ALIGNMENT + "\" is " + Metadata.describe(value)
                + ", expected a power of two from 8 to " + (1 << 24));
    }
}
