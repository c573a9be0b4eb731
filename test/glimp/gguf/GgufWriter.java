package glimp.gguf;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Writes small GGUF files for tests: metadata in the order it is added, then tensors with the bytes they are given. It
 * checks nothing, so that it can also write files that are wrong.
 *
 * <pre>{@code
 * Path file = new GgufWriter().string("general.architecture", "llama").u32("llama.block_count", 2)
 *         .tensor("token_embd.weight", values, 64, 100).write(directory.resolve("tiny.gguf"));
 * }</pre>
 */
public final class GgufWriter {

    /** The types of metadata values, in the order of their ids. */
    public enum Type { U8, I8, U16, I16, U32, I32, F32, BOOL, STRING, ARRAY, U64, I64, F64 }

    /** An array as a metadata value; for arrays of arrays, {@code values} are {@code Array}s themselves. */
    public record Array(Type type, List<?> values) {
        public static Array of(Type type, Object... values) {
            return new Array(type, List.of(values));
        }
    }

    private record Pair(String key, int type, Object value) {}

    private record Entry(String name, int type, long[] shape, long offset) {}

    private final List<Pair> pairs = new ArrayList<>();
    private final List<Entry> entries = new ArrayList<>();
    private final Map<Entry, byte[]> contents = new LinkedHashMap<>();
    private int version = 3;
    private int alignment = 32;

    public GgufWriter version(int version) {
        this.version = version;
        return this;
    }

    /** Aligns the tensors to so many bytes, and says so in the metadata. */
    public GgufWriter alignment(int bytes) {
        alignment = bytes;
        return u32("general.alignment", bytes);
    }

    /** Adds a value: a Number, Boolean, String or {@link Array}, as the type wants it. */
    public GgufWriter put(String key, Type type, Object value) {
        pairs.add(new Pair(key, type.ordinal(), value));
        return this;
    }

    public GgufWriter string(String key, String value) {
        return put(key, Type.STRING, value);
    }

    public GgufWriter u32(String key, long value) {
        return put(key, Type.U32, value);
    }

    public GgufWriter f32(String key, double value) {
        return put(key, Type.F32, value);
    }

    public GgufWriter bool(String key, boolean value) {
        return put(key, Type.BOOL, value);
    }

    public GgufWriter array(String key, Type type, Object... values) {
        return put(key, Type.ARRAY, Array.of(type, values));
    }

    public GgufWriter strings(String key, String... values) {
        return array(key, Type.STRING, (Object[]) values);
    }

    /** Adds a tensor of any type, given as its bytes; {@code shape} is innermost first. */
    public GgufWriter tensor(String name, GgmlType type, byte[] data, long... shape) {
        long end = 0;
        for (Map.Entry<Entry, byte[]> before : contents.entrySet()) {
            end = Math.max(end, before.getKey().offset + before.getValue().length);
        }
        entry(name, type.id, Math.ceilDiv(end, alignment) * alignment, shape);
        contents.put(entries.getLast(), data);
        return this;
    }

    /** Adds a tensor of type F32; {@code shape} is innermost first. */
    public GgufWriter tensor(String name, float[] values, long... shape) {
        ByteBuffer data = ByteBuffer.allocate(4 * values.length).order(ByteOrder.LITTLE_ENDIAN);
        data.asFloatBuffer().put(values);
        return tensor(name, GgmlType.F32, data.array(), shape);
    }

    /** Adds only the description of a tensor, for one that lies (or should lie) at this offset of the tensor data. */
    public GgufWriter entry(String name, int type, long offset, long... shape) {
        entries.add(new Entry(name, type, shape, offset));
        return this;
    }

    /** The file's bytes. */
    public byte[] bytes() {
        Output out = new Output();
        out.bytes("GGUF".getBytes(StandardCharsets.US_ASCII));
        out.number(version, 4);
        out.number(entries.size(), 8);
        out.number(pairs.size(), 8);
        for (Pair pair : pairs) {
            out.string(pair.key);
            out.number(pair.type, 4);
            out.value(Type.values()[pair.type], pair.value);
        }
        for (Entry entry : entries) {
            out.string(entry.name);
            out.number(entry.shape.length, 4);
            for (long dimension : entry.shape) {
                out.number(dimension, 8);
            }
            out.number(entry.type, 4);
            out.number(entry.offset, 8);
        }
        if (!entries.isEmpty()) {
            out.padTo(Math.ceilDiv(out.size(), alignment) * alignment);
        }
        int start = out.size();
        contents.forEach((entry, data) -> {
            out.padTo(start + (int) entry.offset);
            out.bytes(data);
        });
        return out.toByteArray();
    }

    /** Writes the file and returns its path. */
    public Path write(Path file) {
        try {
            return Files.write(file, bytes());
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /**
     * Writes {@code NAME-00001-of-0000N.gguf} and so on, the metadata in the first, the tensors dealt out in order.
     *
     * @return the parts in order
     */
    public List<Path> writeSplit(Path directory, String name, int parts) {
        List<Path> files = new ArrayList<>();
        for (int i = 0; i < parts; i++) {
            files.add(part(i, parts).write(directory.resolve(String.format("%s-%05d-of-%05d.gguf", name, i + 1, parts))));
        }
        return files;
    }

    private GgufWriter part(int index, int parts) {
        GgufWriter part = new GgufWriter().version(version);
        part.alignment = alignment;
        part.pairs.addAll(index == 0 ? pairs : pairs.stream().filter(pair -> pair.key.equals("general.alignment")).toList());
        part.put("split.no", Type.U16, index).put("split.count", Type.U16, parts)
                .put("split.tensors.count", Type.I32, entries.size());
        for (Entry entry : entries.subList(index * entries.size() / parts, (index + 1) * entries.size() / parts)) {
            part.tensor(entry.name, GgmlType.of(entry.type), contents.get(entry), entry.shape);
        }
        return part;
    }

    /** Little-endian output. */
    private static final class Output {

        private final ByteArrayOutputStream bytes = new ByteArrayOutputStream();

        int size() {
            return bytes.size();
        }

        byte[] toByteArray() {
            return bytes.toByteArray();
        }

        void bytes(byte[] data) {
            bytes.writeBytes(data);
        }

        void padTo(int size) {
            bytes.writeBytes(new byte[size - bytes.size()]);
        }

        void number(long value, int width) {
            for (int i = 0; i < width; i++) {
                bytes.write((int) (value >> 8 * i));
            }
        }

        void string(String text) {
            byte[] utf8 = text.getBytes(StandardCharsets.UTF_8);
            number(utf8.length, 8);
            bytes(utf8);
        }

        void value(Type type, Object value) {
            switch (type) {
                case U8, I8 -> number(((Number) value).longValue(), 1);
                case U16, I16 -> number(((Number) value).longValue(), 2);
                case U32, I32 -> number(((Number) value).longValue(), 4);
                case U64, I64 -> number(((Number) value).longValue(), 8);
                case F32 -> number(Float.floatToRawIntBits(((Number) value).floatValue()), 4);
                case F64 -> number(Double.doubleToRawLongBits(((Number) value).doubleValue()), 8);
                case BOOL -> number((Boolean) value ? 1 : 0, 1);
                case STRING -> string((String) value);
                case ARRAY -> array((Array) value);
            }
        }

        private void array(Array array) {
            number(array.type.ordinal(), 4);
            number(array.values.size(), 8);
            array.values.forEach(value -> value(array.type, value));
        }
    }
}
