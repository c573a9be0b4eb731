package glimp.gguf;

import java.nio.file.Path;
import java.util.Arrays;
import java.util.Collections;
import java.util.Map;

/**
 * The file format: a model's metadata and its tensors, mapped into memory and never copied, from a GGUF file of version 2
 * or 3 or from a set of split ones. See the format's document, {@code docs/gguf.md} in the ggml project.
 *
 * <p>Everything in the file is checked when it is opened, so that what comes out of here can be used without looking
 * back. The metadata accessors without a default throw a {@link GgufException} for a missing key; all of them throw it
 * for a value of another type. Immutable; the mapping lives as long as something refers to it.
 */
public final class Gguf {

    private final Path file;
    private final int version;
    private final Map<String, Object> metadata;
    private final Map<String, Tensor> tensors;
    private final long bytes;

    Gguf(Path file, int version, Map<String, Object> metadata, Map<String, Tensor> tensors, long bytes) {
        this.file = file;
        this.version = version;
        this.metadata = Collections.unmodifiableMap(metadata);
        this.tensors = Collections.unmodifiableMap(tensors);
        this.bytes = bytes;
    }

    /**
     * Maps the file, and the others if it is one of a split model ({@code NAME-0000N-of-000NN.gguf}), and checks
     * everything but the tensors' numbers.
     *
     * @throws GgufException if there is anything in it that this program cannot work with
     */
    public static Gguf open(Path file) {
        Gguf gguf = openAnyType(file);
        for (Tensor tensor : gguf.tensors.values()) {
            if (!tensor.type().supported) {
                throw gguf.fail("tensor \"" + tensor.name() + "\" has type " + tensor.type() + ", which is not supported; supported: "
                        + GgmlType.supportedNames());
            }
        }
        return gguf;
    }

    /** As {@link #open}, but with tensors that this program knows only by name and size: for looking at a file. */
    public static Gguf openAnyType(Path file) {
        return SplitSet.complete(GgufReader.read(file));
    }

    /** The file as it was named to {@link #open}. */
    public Path file() {
        return file;
    }

    /** The version of the format, 2 or 3. */
    public int version() {
        return version;
    }

    /** Size of the file, or of all parts together, in bytes. */
    public long bytes() {
        return bytes;
    }

    /**
     * All keys and values, in file order, unmodifiable. Integers are Long, floats Double, then Boolean and String; arrays
     * are {@code long[]}, {@code double[]}, {@code boolean[]}, {@code String[]}, or {@code Object[]} of arrays, and not to
     * be changed.
     */
    public Map<String, Object> metadata() {
        return metadata;
    }

    public boolean has(String key) {
        return metadata.containsKey(key);
    }

    public String string(String key) {
        return required(key, String.class, "a string");
    }

    public String string(String key, String otherwise) {
        return has(key) ? string(key) : otherwise;
    }

    public long integer(String key) {
        return required(key, Long.class, "an integer");
    }

    public long integer(String key, long otherwise) {
        return has(key) ? integer(key) : otherwise;
    }

    /** An integer from 0 to 2^31 - 1. */
    public int count(String key) {
        long value = integer(key);
        if (value < 0 || value > Integer.MAX_VALUE) {
            throw wrong(key, "a count from 0 to " + Integer.MAX_VALUE);
        }
        return (int) value;
    }

    public int count(String key, int otherwise) {
        return has(key) ? count(key) : otherwise;
    }

    /** A float or an integer. */
    public double number(String key) {
        return required(key, Number.class, "a number").doubleValue();
    }

    public double number(String key, double otherwise) {
        return has(key) ? number(key) : otherwise;
    }

    public boolean flag(String key, boolean otherwise) {
        return has(key) ? required(key, Boolean.class, "a boolean") : otherwise;
    }

    /** An array of strings, the caller's own copy. */
    public String[] strings(String key) {
        return required(key, String[].class, "an array of strings").clone();
    }

    /** An array of integers of any width, the caller's own copy. */
    public long[] integers(String key) {
        return required(key, long[].class, "an array of integers").clone();
    }

    /** An array of floats or integers, the caller's own copy. */
    public double[] numbers(String key) {
        return switch (metadata.get(key)) {
            case long[] values -> Arrays.stream(values).asDoubleStream().toArray();
            case null, default -> required(key, double[].class, "an array of numbers").clone();
        };
    }

    /** All tensors by name, in file order, unmodifiable. */
    public Map<String, Tensor> tensors() {
        return tensors;
    }

    /** @throws GgufException if there is no such tensor */
    public Tensor tensor(String name) {
        Tensor tensor = find(name);
        if (tensor == null) {
            throw fail("tensor \"" + name + "\" is missing");
        }
        return tensor;
    }

    /** The tensor of this name, or null. */
    public Tensor find(String name) {
        return tensors.get(name);
    }

    private <T> T required(String key, Class<T> type, String expected) {
        Object value = metadata.get(key);
        if (value == null) {
            throw fail("metadata key \"" + key + "\" is missing, expected " + expected);
        }
        if (!type.isInstance(value)) {
            throw wrong(key, expected);
        }
        return type.cast(value);
    }

    private GgufException wrong(String key, String expected) {
        return fail("metadata key \"" + key + "\" is " + Metadata.describe(metadata.get(key)) + ", expected " + expected);
    }

    private GgufException fail(String problem) {
        return new GgufException(file, problem);
    }
}
