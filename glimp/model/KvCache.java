package glimp.model;

import glimp.tensor.FewRows;
import java.io.IOException;
import java.nio.ByteBuffer;

/**
 * The keys and values of the tokens that a model has seen, for every layer.
 *
 * <p>Both lie in blocks of 16 lanes that kernels read as one stream, without sums across lanes, each head for itself. Keys:
 * {@code [context / 16][head width][16 tokens]}. Values: {@code [context / 64][head width / 16][64 tokens][16 features]}.
 * The arrays begin small and double, so that a large capacity costs nothing before it is used.
 */
public final class KvCache {
    /** Tokens whose values lie together. */
    static final int TILE = 64;
    private static final int BLOCK = FewRows.BLOCK;
    /** Tokens that there is room for after the first one. */
    private static final int FIRST = 256;
    private static final int LARGEST_ARRAY = Integer.MAX_VALUE - 8;

    /** How the numbers are stored. */
    public enum Type {
        F32, F16,
        /** Bytes and scales; about as large, and as exact, as llama.cpp's type of this name. */
        Q8_0;

        /** Bytes of n numbers that belong to one token and one head. @param ofKeys keys share a scale among more numbers than values */
        private long bytes(int n, boolean ofKeys) {
            return switch (this) {
                case F32 -> 4L * n;
                case F16 -> 2L * n;
                case Q8_0 -> n + 4L * n / (ofKeys ? CacheNumbers.Q8.group(n) : BLOCK);
            };
        }
    }

    private final Config config;
    private final int capacity;
    private final int width;
    private final int valueRow;
    private final Type keyType;
    private final Type valueType;
    /** {@code [layer][head]}. */
    private final CacheNumbers[][] keys;
    private final CacheNumbers[][] values;
    private int room;
    private int length;

    /** @throws CacheMemoryException if the capacity needs more memory than this Java machine may ever use */
    KvCache(Config config, int capacity, Type keyType, Type valueType) {
        this.config = config;
        this.capacity = capacity;
        this.width = config.headWidth();
        this.valueRow = Math.ceilDiv(width, BLOCK) * BLOCK;
        long perToken = (long) config.layers() * config.kvHeads() * (keyType.bytes(width, true) + valueType.bytes(valueRow, false));
        long tokens = Math.ceilDiv((long) capacity, TILE) * TILE;
        if (perToken * tokens > Runtime.getRuntime().maxMemory() || tokens * valueRow > LARGEST_ARRAY) {
            throw new CacheMemoryException(capacity, perToken * tokens, null);
        }
        this.keyType = keyType;
        this.valueType = valueType;
        this.keys = arrays(keyType, true);
        this.values = arrays(valueType, false);
    }

    private CacheNumbers[][] arrays(Type type, boolean ofKeys) {
        CacheNumbers[][] arrays = new CacheNumbers[config.layers()][config.kvHeads()];
        for (CacheNumbers[] layer : arrays) {
            for (int head = 0; head < layer.length; head++) {
                layer[head] = switch (type) {
                    case F32 -> new CacheNumbers.F32();
                    case F16 -> new CacheNumbers.F16();
                    case Q8_0 -> ofKeys ? CacheNumbers.Q8.keys(width) : CacheNumbers.Q8.values();
                };
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

    /** How keys are stored. */
    public Type keyType() {
        return keyType;
    }

    /** How values are stored. */
    public Type valueType() {
        return valueType;
    }

    /** Writes what the cache holds, number by number, little-endian; {@link #load} reads it back. */
    public void save(ByteSink out) throws IOException {
        for (int layer = 0; layer < keys.length; layer++) {
            for (int head = 0; head < keys[layer].length; head++) {
                keys[layer][head].save(Math.ceilDiv(length, BLOCK) * BLOCK * width, out);
                values[layer][head].save(Math.ceilDiv(length, TILE) * TILE * valueRow, out);
            }
        }
    }

    /**
     * Reads what {@link #save} wrote from a cache of the same shape and types: the cache then holds {@code length} tokens.
     *
     * @throws CacheMemoryException if there is not enough memory
     */
    public void load(int length, ByteSource in) throws IOException {
        this.length = 0;
        reserve(length);
        for (int layer = 0; layer < keys.length; layer++) {
            for (int head = 0; head < keys[layer].length; head++) {
                keys[layer][head].load(Math.ceilDiv(length, BLOCK) * BLOCK * width, in);
                values[layer][head].load(Math.ceilDiv(length, TILE) * TILE * valueRow, in);
            }
        }
        this.length = length;
    }

    /** Bytes that {@link #save} writes of so many tokens. */
    public long savedBytes(int tokens) {
        long ofKeys = Math.ceilDiv((long) tokens, BLOCK) * BLOCK * keyType.bytes(width, true);
        long ofValues = Math.ceilDiv((long) tokens, TILE) * TILE * valueType.bytes(valueRow, false);
        return keys.length * keys[0].length * (ofKeys + ofValues);
    }

    /** Takes bytes. */
    @FunctionalInterface
    public interface ByteSink {
        /** Writes all that remains. */
        void write(ByteBuffer bytes) throws IOException;
    }

    /** Gives bytes. */
    @FunctionalInterface
    public interface ByteSource {
        /** Fills all that remains, and flips the buffer. */
        ByteBuffer read(ByteBuffer bytes) throws IOException;
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
        int wanted = Math.ceilDiv(Math.min(capacity, Math.max(tokens, Math.max(FIRST, 2 * room))), TILE) * TILE;
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
        int token = position / TILE * TILE * valueRow + position % TILE * BLOCK;
        for (int feature = 0; feature < width; feature += BLOCK) {
            values[layer][head].put(value, at + feature, Math.min(BLOCK, width - feature), token + feature * TILE, 1);
        }
    }

    /** The tokens up to this one are in every layer now. */
    void appended(int length) {
        this.length = length;
    }

    /** The head's width in whole blocks. */
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
            keys[layer][head].get(token * width, width, out, token - from, row);
        }
    }

    /** Decodes the values of tokens {@code [from, to)} of a tile: {@code out[(token - from) * valueRow + feature]}. */
    void values(int layer, int head, int from, int to, float[] out) {
        for (int feature = 0; feature < valueRow; feature += BLOCK) {
            values[layer][head].get(from * valueRow + feature * TILE, to - from, out, feature, valueRow);
        }
    }

    /**
     * Multiplies queries and the keys of tokens {@code [from, to)} where they lie:
     * {@code scores[at + r * row + token - from] += queries[r] . key / keyScale}, up to the end of the last token's block.
     *
     * @param from    first token, of a block
     * @param queries {@code float[rows][headWidth]} from {@code queriesAt}
     */
    void multiplyKeys(int layer, int head, int from, int to, int rows, float[] queries, int queriesAt, float[] scores, int at, int row) {
        int blocks = Math.ceilDiv(to - from, BLOCK);
        keys[layer][head].multiply(rows, queries, queriesAt, width, from * width, BLOCK * width, width, blocks, scores, at, row);
    }

    /**
     * Sums the values of tokens {@code [from, to)} of a tile where they lie:
     * {@code out[outAt + r * valueRow + feature] += sum of weights[at + r * row + token - from] * value / valueScale}.
     */
    void multiplyValues(int layer, int head, int from, int to, int rows, float[] weights, int at, int row, float[] out, int outAt) {
        int blocks = valueRow / BLOCK;
        values[layer][head].multiply(rows, weights, at, row, from * valueRow, BLOCK * TILE, to - from, blocks, out, outAt, valueRow);
    }

    float keyScale() {
        return keys[0][0].scale();
    }

    float valueScale() {
        return values[0][0].scale();
    }
}
