package glimp.gguf;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.channels.FileChannel;
import java.nio.file.AccessDeniedException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * One GGUF file, mapped, with its header read and checked: the whole of a model, or one part of a split one.
 *
 * <p>The header is {@code "GGUF", version u32, tensors u64, pairs u64}, the metadata pairs, and for each tensor its name,
 * dimensions, type and offset; offsets count from the end of the header, rounded up to the file's alignment.
 *
 * @param tensors in file order
 * @param bytes   size of the file
 */
record Part(Path file, int version, Map<String, Object> metadata, Map<String, Tensor> tensors, long bytes) {

    private static final int MAGIC = 'G' | 'G' << 8 | 'U' << 16 | 'F' << 24;
    private static final int LEAST_PAIR = 8 + 1 + 4 + 1;
    private static final int LEAST_TENSOR = 8 + 1 + 4 + 8 + 4 + 8;
    /** Real headers have 16 MB at most; this keeps a made-up one in a huge file from filling the heap. */
    private static final long LONGEST_HEADER = 1L << 28;
    private static final String ALIGNMENT = "general.alignment";
    private static final int MOST_DIMENSIONS = 4;

    /** A tensor as the header tells of it; the offset counts from the end of the header. */
    private record Entry(String name, GgmlType type, long[] shape, long size, long offset, long at) {}

    static Part open(Path file) {
        MemorySegment mapped = map(file);
        Cursor cursor = new Cursor(file, mapped, Math.min(mapped.byteSize(), LONGEST_HEADER));
        int version = version(cursor);
        int tensorCount = cursor.count("the number of tensors", LEAST_TENSOR);
        int pairCount = cursor.count("the number of metadata keys", LEAST_PAIR);
        Map<String, Object> metadata = Metadata.read(cursor, pairCount);
        List<Entry> entries = entries(cursor, tensorCount);
        Map<String, Tensor> tensors = place(cursor, entries, alignment(cursor, metadata), mapped);
        return new Part(file, version, metadata, tensors, mapped.byteSize());
    }

    private static MemorySegment map(Path file) {
        if (Files.isDirectory(file)) {
            throw new GgufException(file, "is a directory; name a .gguf file in it");
        }
        if (Files.notExists(file)) {
            throw new GgufException(file, "no such file");
        }
        if (!Files.isRegularFile(file)) {
            throw new GgufException(file, "is no regular file, so it cannot be mapped");
        }
        try (FileChannel channel = FileChannel.open(file, StandardOpenOption.READ)) {
            return channel.map(FileChannel.MapMode.READ_ONLY, 0, channel.size(), Arena.ofAuto());
        } catch (AccessDeniedException e) {
            throw new GgufException(file, "may not be read; check its permissions");
        } catch (IOException | UnsupportedOperationException e) {
            throw new GgufException(file, "cannot be mapped: " + e.getMessage());
        }
    }

    private static int version(Cursor cursor) {
        if (cursor.left() < 24) {
            throw cursor.fail(cursor.left() == 0 ? "is empty" : "has " + cursor.left() + " bytes, too few for a GGUF file");
        }
        int magic = cursor.i32();
        if (magic != MAGIC) {
            throw cursor.fail("is no GGUF file: it starts with the bytes " + hex(magic) + ", not with \"GGUF\"");
        }
        int version = cursor.i32();
        if (version == 2 || version == 3) {
            return version;
        }
        int swapped = Integer.reverseBytes(version);
        if (swapped > 0 && swapped < 1 << 16) {
            throw cursor.fail("is a big-endian GGUF file (version " + swapped + "); only little-endian files are supported");
        }
        throw cursor.fail("has GGUF version " + Integer.toUnsignedString(version) + "; only 2 and 3 are supported");
    }

    private static String hex(int littleEndian) {
        return String.format("%02x %02x %02x %02x", littleEndian & 255, littleEndian >> 8 & 255, littleEndian >> 16 & 255,
                littleEndian >>> 24);
    }

    private static long alignment(Cursor cursor, Map<String, Object> metadata) {
        Object value = metadata.getOrDefault(ALIGNMENT, 32L);
        if (value instanceof Long a && a >= 8 && a <= 1 << 24 && Long.bitCount(a) == 1) {
            return a;
        }
        throw cursor.fail("metadata key \"" + ALIGNMENT + "\" is " + Gguf.describe(value)
                + "; expected a power of two from 8 to 16777216");
    }

    private static List<Entry> entries(Cursor cursor, int count) {
        List<Entry> entries = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            entries.add(entry(cursor));
        }
        return entries;
    }

    private static Entry entry(Cursor cursor) {
        long at = cursor.offset();
        String name = cursor.string("a tensor's name", Metadata.LONGEST_NAME);
        if (name.isEmpty()) {
            throw cursor.fail("a tensor at byte " + at + " has no name");
        }
        long[] shape = shape(cursor, name);
        GgmlType type = type(cursor, name);
        long offset = cursor.i64();
        return new Entry(name, type, shape, size(cursor, name, type, shape), offset, cursor.offset() - 8);
    }

    private static long[] shape(Cursor cursor, String name) {
        int dimensions = cursor.i32();
        if (dimensions < 1 || dimensions > MOST_DIMENSIONS) {
            throw cursor.fail("tensor \"" + name + "\" has " + Integer.toUnsignedString(dimensions) + " dimensions at byte "
                    + (cursor.offset() - 4) + ", expected 1 to " + MOST_DIMENSIONS);
        }
        long[] shape = new long[dimensions];
        for (int i = 0; i < dimensions; i++) {
            shape[i] = cursor.i64();
            if (shape[i] < 1) {
                throw cursor.fail("tensor \"" + name + "\" has a dimension of " + shape[i] + " at byte " + (cursor.offset() - 8));
            }
        }
        return shape;
    }

    private static GgmlType type(Cursor cursor, String name) {
        int id = cursor.i32();
        GgmlType type = GgmlType.of(id);
        if (type == null) {
            throw cursor.fail("tensor \"" + name + "\" has the unknown type " + Integer.toUnsignedString(id) + " at byte "
                    + (cursor.offset() - 4) + "; supported: " + GgmlType.supportedNames());
        }
        return type;
    }

    private static long size(Cursor cursor, String name, GgmlType type, long[] shape) {
        if (shape[0] % type.block != 0) {
            throw cursor.fail("tensor \"" + name + "\" of shape " + Arrays.toString(shape) + " has rows that are no whole number of "
                    + type + " blocks of " + type.block);
        }
        try {
            long elements = 1;
            for (long dimension : shape) {
                elements = Math.multiplyExact(elements, dimension);
            }
            return type.bytesFor(elements);
        } catch (ArithmeticException e) {
            throw cursor.fail("tensor \"" + name + "\" has the impossible shape " + Arrays.toString(shape));
        }
    }

    /** Finds each tensor's bytes in the file, whose header ends where the cursor stands. */
    private static Map<String, Tensor> place(Cursor cursor, List<Entry> entries, long alignment, MemorySegment mapped) {
        long start = (cursor.offset() + alignment - 1) & -alignment;
        Map<String, Tensor> tensors = new LinkedHashMap<>();
        for (Entry entry : entries) {
            if ((entry.offset & (alignment - 1)) != 0) {
                throw cursor.fail("tensor \"" + entry.name + "\" has the offset " + Long.toUnsignedString(entry.offset) + " at byte "
                        + entry.at + ", which is no multiple of the alignment " + alignment);
            }
            if (entry.offset < 0 || entry.offset > mapped.byteSize() - start - entry.size) {
                throw cursor.fail("tensor \"" + entry.name + "\" needs " + entry.size + " bytes from byte " + start + " + "
                        + Long.toUnsignedString(entry.offset) + " on, but the file ends at byte " + mapped.byteSize()
                        + "; it was cut short or is damaged");
            }
            MemorySegment data = mapped.asSlice(start + entry.offset, entry.size);
            if (tensors.put(entry.name, new Tensor(entry.name, entry.type, entry.shape, data)) != null) {
                throw cursor.fail("tensor \"" + entry.name + "\" comes twice");
            }
        }
        return tensors;
    }
}
