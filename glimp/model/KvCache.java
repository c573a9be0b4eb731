package glimp.model;

import glimp.tensor.Halves;
import glimp.tensor.Ops;
import java.util.Arrays;

/**
 * The keys and values of the tokens that a model has seen, for every layer.
 *
 * <p>Keys lie in blocks of {@value #BLOCK} tokens, {@code [context / 16][head width][16]} for each key head: with tokens as
 * lanes, scores need no sums across lanes. Values lie row by row, {@code [context][head width]}, rows padded to whole
 * vectors. The arrays begin small and double, so that a large capacity costs nothing before it is used.
 */
public final class KvCache {
    /** Tokens whose keys lie together. */
    static final int BLOCK = 16;
    /** Tokens that there is room for after the first one. */
    private static final int FIRST = 256;
    private static final int LARGEST_ARRAY = Integer.MAX_VALUE - 8;

    /** How the numbers are stored. */
    public enum Type {
        F32(4), F16(2);

        /** Of a number. */
        public final int bytes;

        Type(int bytes) {
            this.bytes = bytes;
        }
    }

    private final Config config;
    private final int capacity;
    private final int width;
    private final int valueRow;
    /** {@code [layer][head]}. */
    private final Numbers[][] keys;
    private final Numbers[][] values;
    private int room;
    private int length;

    /** @throws CacheMemoryException if the capacity needs more memory than this Java machine may ever use */
    KvCache(Config config, int capacity, Type keyType, Type valueType) {
        this.config = config;
        this.capacity = capacity;
        this.width = config.headWidth();
        this.valueRow = up(width);
        long perToken = (long) config.layers() * config.kvHeads() * (width * keyType.bytes + valueRow * valueType.bytes);
        long tokens = Math.ceilDiv((long) capacity, BLOCK) * BLOCK;
        if (perToken * tokens > Runtime.getRuntime().maxMemory() || tokens * valueRow > LARGEST_ARRAY) {
            throw new CacheMemoryException(capacity, perToken * tokens, null);
        }
        this.keys = arrays(keyType);
        this.values = arrays(valueType);
    }

    private Numbers[][] arrays(Type type) {
        Numbers[][] arrays = new Numbers[config.layers()][config.kvHeads()];
        for (Numbers[] layer : arrays) {
            for (int head = 0; head < layer.length; head++) {
                layer[head] = type == Type.F32 ? new Floats() : new Shorts();
            }
        }
        return arrays;
    }

    /** Tokens in the cache. */
    public int length() {
        return length;
    }

    /** Most tokens that the cache may hold. */
    public int capacity() {
        return capacity;
    }

    /** Bytes held at the moment; memory grows with the length, up to what the capacity needs. */
    public long bytes() {
        long bytes = 0;
        for (int layer = 0; layer < keys.length; layer++) {
            for (int head = 0; head < keys[layer].length; head++) {
                bytes += keys[layer][head].bytes() + values[layer][head].bytes();
            }
        }
        return bytes;
    }

    /** Forgets all but the first {@code length} tokens; takes no time. */
    public void cut(int length) {
        if (length < 0 || length > this.length) {
            throw new IllegalArgumentException("cannot cut a cache of " + this.length + " tokens to " + length);
        }
        this.length = length;
    }

    /** Whether the cache was made for a model like this. */
    boolean fits(Config config) {
        return this.config.equals(config);
    }

    /** Makes room for so many tokens in all. @throws CacheMemoryException if there is not enough memory */
    void reserve(int tokens) {
        if (tokens <= room) {
            return;
        }
        int wanted = up(Math.min(capacity, Math.max(tokens, Math.max(FIRST, 2 * room))));
        try {
            for (int layer = 0; layer < keys.length; layer++) {
                for (int head = 0; head < keys[layer].length; head++) {
                    keys[layer][head].grow(wanted * width);
                    values[layer][head].grow(wanted * valueRow);
                }
            }
        } catch (OutOfMemoryError e) {
            throw new CacheMemoryException(wanted, bytes() / Math.max(1, room) * wanted, e);
        }
        room = wanted;
    }

    /** Writes a token's key and value of one layer and head. */
    void put(int layer, int head, int position, float[] key, float[] value, int at) {
        keys[layer][head].put(key, at, width, position / BLOCK * BLOCK * width + position % BLOCK, BLOCK);
        values[layer][head].put(value, at, width, position * valueRow, 1);
    }

    /** The tokens up to this one are in every layer now. */
    void appended(int length) {
        this.length = length;
    }

    /** Floats from one decoded value to the next: the head's width in whole vectors. */
    int valueRow() {
        return valueRow;
    }

    /**
     * Decodes the keys of whole blocks: {@code out[feature * row + token - from]}.
     *
     * @param from first token, of a block @param to end; tokens beyond it, up to its block's end, are decoded too
     */
    void keys(int layer, int head, int from, int to, float[] out, int row) {
        for (int token = from; token < to; token += BLOCK) {
            keys[layer][head].get(token * width, width, BLOCK, out, token - from, row);
        }
    }

    /** Decodes the values of tokens {@code [from, to)}: {@code out[(token - from) * valueRow + feature]}. */
    void values(int layer, int head, int from, int to, float[] out) {
        values[layer][head].get(from * valueRow, 1, (to - from) * valueRow, out, 0, 0);
    }

    private static int up(int n) {
        return Math.ceilDiv(n, BLOCK) * BLOCK;
    }

    /** An array of numbers of one type. */
    private abstract static sealed class Numbers permits Floats, Shorts {
        abstract void grow(int size);

        abstract long bytes();

        /** Writes n numbers, {@code step} apart. */
        abstract void put(float[] in, int inAt, int n, int at, int step);

        /** Reads rows of n numbers that lie one behind the other, to rows {@code outRow} apart. */
        abstract void get(int at, int rows, int n, float[] out, int outAt, int outRow);
    }

    private static final class Floats extends Numbers {
        private float[] data = new float[0];

        @Override
        void grow(int size) {
            data = Arrays.copyOf(data, size);
        }

        @Override
        long bytes() {
            return 4L * data.length;
        }

        @Override
        void put(float[] in, int inAt, int n, int at, int step) {
            for (int i = 0; i < n; i++) {
                data[at + i * step] = in[inAt + i];
            }
        }

        @Override
        void get(int at, int rows, int n, float[] out, int outAt, int outRow) {
            Ops.copyRows(data, at, rows, n, out, outAt, outRow);
        }
    }

    private static final class Shorts extends Numbers {
        private short[] data = new short[0];

        @Override
        void grow(int size) {
            data = Arrays.copyOf(data, size);
        }

        @Override
        long bytes() {
            return 2L * data.length;
        }

        @Override
        void put(float[] in, int inAt, int n, int at, int step) {
            for (int i = 0; i < n; i++) {
                data[at + i * step] = Float.floatToFloat16(in[inAt + i]);
            }
        }

        @Override
        void get(int at, int rows, int n, float[] out, int outAt, int outRow) {
            Halves.decode(data, at, rows, n, out, outAt, outRow);
        }
    }
}
