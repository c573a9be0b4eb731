package glimp.gguf;

import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Reads the list of tensors that ends a GGUF header and finds each one's bytes. An entry is a name, the number of
 * dimensions (4 bytes), the dimensions (8 each), a type (4) and an offset (8); offsets count from the end of the header,
 * rounded up to the file's alignment.
 */
final class TensorTable {

    /** Bytes of the shortest entry: a name of one letter and one dimension. */
    static final int LEAST_ENTRY = 8 + 1 + 4 + 8 + 4 + 8;

    private static final int LONGEST_NAME = 65535;
    private static final int MOST_DIMENSIONS = 4;

    /** A tensor as the header tells of it. */
    private record Entry(String name, GgmlType type, long[] shape, long size, long offset) {}

    private final Cursor cursor;
    private final MemorySegment mapped;
    private final long alignment;

    private TensorTable(Cursor cursor, MemorySegment mapped, long alignment) {
        this.cursor = cursor;
        this.mapped = mapped;
        this.alignment = alignment;
    }

    /** Reads so many entries: names to tensors in file order, all of them inside {@code mapped}, the whole file. */
    static Map<String, Tensor> read(Cursor cursor, int count, long alignment, MemorySegment mapped) {
        TensorTable table = new TensorTable(cursor, mapped, alignment);
        List<Entry> entries = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            entries.add(table.entry());
        }
        return table.place(entries);
    }

    private Entry entry() {
        long at = cursor.offset();
        String name = cursor.string("a tensor's name", LONGEST_NAME);
        if (name.isEmpty()) {
            throw cursor.fail("the tensor's name at byte " + at + " is empty");
        }
        long[] shape = shape(name);
        GgmlType type = type(name);
        return new Entry(name, type, shape, size(name, type, shape), offset(name));
    }

    private long[] shape(String name) {
        int dimensions = cursor.i32();
        if (dimensions < 1 || dimensions > MOST_DIMENSIONS) {
            throw fail(name, "has " + Integer.toUnsignedString(dimensions) + " dimensions, expected 1 to " + MOST_DIMENSIONS, 4);
        }
        long[] shape = new long[dimensions];
        for (int i = 0; i < dimensions; i++) {
            shape[i] = cursor.i64();
            if (shape[i] < 1) {
                throw fail(name, "has a dimension of " + shape[i], 8);
            }
        }
        return shape;
    }

    private GgmlType type(String name) {
        int id = cursor.i32();
        GgmlType type = GgmlType.of(id);
        if (type == null) {
            throw fail(name, "has the unknown type " + Integer.toUnsignedString(id) + "; supported: " + GgmlType.supportedNames(), 4);
        }
        return type;
    }

    private long offset(String name) {
        long offset = cursor.i64();
        if (offset < 0 || offset % alignment != 0) {
            throw fail(name, "has the offset " + Long.toUnsignedString(offset) + ", which is no multiple of the alignment "
                    + alignment, 8);
        }
        return offset;
    }

    /** Bytes of the tensor. */
    private long size(String name, GgmlType type, long[] shape) {
        if (shape[0] % type.block != 0) {
            throw fail(name, "has rows of " + shape[0] + " elements, which is no multiple of the " + type.block + " in a block of "
                    + type, 4);
        }
        try {
            return type.bytesFor(Arrays.stream(shape).reduce(1, Math::multiplyExact));
        } catch (ArithmeticException e) {
            throw fail(name, "has the impossible shape " + Arrays.toString(shape), 4);
        }
    }

    /** Cuts the tensors out of the file; the cursor stands at the end of the header. */
    private Map<String, Tensor> place(List<Entry> entries) {
        long start = Math.ceilDiv(cursor.offset(), alignment) * alignment;
        long room = mapped.byteSize() - start;
        Map<String, Tensor> tensors = new LinkedHashMap<>();
        for (Entry entry : entries) {
            if (entry.size > room || entry.offset > room - entry.size) {
                throw cursor.fail("tensor \"" + entry.name + "\" has " + entry.size + " bytes at byte " + start + " + " + entry.offset
                        + ", but the file ends at byte " + mapped.byteSize() + "; it is damaged or was cut short");
            }
            MemorySegment data = mapped.asSlice(start + entry.offset, entry.size);
            if (tensors.put(entry.name, new Tensor(entry.name, entry.type, entry.shape, data)) != null) {
                throw cursor.fail("tensor \"" + entry.name + "\" comes twice");
            }
        }
        return tensors;
    }

    /** @param before how many bytes before the cursor the problem lies */
    private GgufException fail(String name, String problem, int before) {
        return cursor.fail("tensor \"" + name + "\" " + problem + " (at byte " + (cursor.offset() - before) + ")");
    }
}
