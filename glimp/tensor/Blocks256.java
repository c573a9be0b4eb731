package glimp.tensor;

import static java.nio.ByteOrder.LITTLE_ENDIAN;
import static jdk.incubator.vector.VectorOperators.I2F;
import static jdk.incubator.vector.VectorOperators.LSHR;

import glimp.gguf.GgmlType;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import jdk.incubator.vector.ByteVector;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorSpecies;

/**
 * What the formats with blocks of 256 share. Such a block has one or two half floats and, for every 16 or 32 of its values,
 * a small integer that scales them: two levels of scales for the price of half a bit a value.
 *
 * <p>A few tokens are multiplied with integers, {@link Ints256}. In vectors of 512 bits every format has kernels for one
 * token and for two that take a row as it is and unpack its weights in registers. One row at a time: with two, the compiler
 * kept the loop's constants in memory, and a block took a tenth longer (Zen 4, Q4_K) to a third (Q3_K). In vectors of 256 bits
 * there is such a kernel for one token, {@link #eight}. In those of 128 bits two rows are unpacked to scratch once for all tokens,
 * first their scales, then their weights, and {@link Dot256} does the rest.
 */
abstract class Blocks256 extends Matrix {
    static final VectorSpecies<Integer> I = IntVector.SPECIES_PREFERRED;
    static final VectorSpecies<Float> F = FloatVector.SPECIES_PREFERRED;
    static final int L = I.length();

    static final VectorSpecies<Byte> BYTES = ByteVector.SPECIES_PREFERRED;
    static final int ODD_BYTES = Lanes8.ODD_BYTES;
    /** For {@link #eight}: brings the next two lanes to the front. */
    static final int[] NEXT_TWO = {2, 3, 4, 5, 6, 7, 0, 1};

    /** A block's scales of 32 values, or half of them. */
    private static final VectorSpecies<Float> EIGHT = L == 4 ? FloatVector.SPECIES_128 : FloatVector.SPECIES_256;

    /* Where the lanes of a block's vectors find their scales, see lanes(). */
    static final int[] NIBBLE_LANES = lanes(Ints256.Order.NIBBLES, 32), BIT_PAIR_LANES = lanes(Ints256.Order.BIT_PAIRS, 16);

    /*
     * The header of Q4_K and Q5_K in 16 lanes, eight scales and eight minima. The words 1, 2 and 3 of the block hold 4 scales,
     * 4 minima, and 4 pairs of lower halves; the upper 2 bits of the first eight bytes go on top of those. A lane is thus made
     * of its own word and of the pairs.
     */
    static final int[] HEAD_WORDS = {1, 1, 1, 1, 1, 1, 1, 1, 2, 2, 2, 2, 2, 2, 2, 2};
    static final int[] OWN_SHIFTS = {0, 8, 16, 24, 2, 10, 18, 26, 0, 8, 16, 24, 2, 10, 18, 26};
    static final int[] OWN_BITS = {63, 63, 63, 63, 48, 48, 48, 48, 63, 63, 63, 63, 48, 48, 48, 48};
    static final int[] PAIR_SHIFTS = {0, 0, 0, 0, 0, 8, 16, 24, 0, 0, 0, 0, 4, 12, 20, 28};
    static final int[] PAIR_BITS = {0, 0, 0, 0, 15, 15, 15, 15, 0, 0, 0, 0, 15, 15, 15, 15};
    static final VectorMask<Float> MINIMA = VectorMask.fromLong(F, 0xFF00);

    /* The same for a vector of 64 bytes: a lane gets the byte of its word, and above it that of the pairs, by one permutation. */
    static final byte[] HEAD_BYTES = headBytes();
    static final int[] OWN_SHIFT = {0, 0, 0, 0, 2, 2, 2, 2, 0, 0, 0, 0, 2, 2, 2, 2};
    static final int[] PAIR_SHIFT = {8, 8, 8, 8, 8, 8, 8, 8, 8, 8, 8, 8, 12, 12, 12, 12};

    /** Sums of rows and tokens that are formed before their lanes are added together. */
    private static final int SUMS = 16;
    /** Which of them is the second token's first. */
    static final int SECOND_TOKEN = SUMS / 2;

    private final Ints256.Order order;

    Blocks256(MemorySegment data, int rows, int cols, GgmlType type, Ints256.Order order) {
        super(data, rows, cols, type);
        this.order = order;
    }

    private static byte[] headBytes() {
        byte[] from = new byte[64];
        for (int i = 0; i < 16; i++) {
            from[4 * i] = (byte) (4 + i / 8 * 4 + i % 4);
            from[4 * i + 1] = (byte) (12 + i % 4);
        }
        return from;
    }

    /** Unpacks a row's scales and offsets as {@link Dot256} wants them. */
    abstract void scales(int row, float[] w, int at, int offsets);

    /** Unpacks a row's weights as {@link Dot256} wants them. */
    abstract void pairs(int row, float[] w, int at);

    @Override
    void prepare(Activations x) {
        x.ints256(order).make();
    }

    /**
     * {@value #SUMS} sums at a time, of one token or of two; several tokens are multiplied with a group of rows before the next comes.
     * The rows come one behind the other: groups in turn from the two halves of the share, each of which begins a stream out of memory
     * anew, take a fifth longer (Zen 4, rows of 2048 from memory, cycles a block: Q4_K 42 and 36, Q6_K 51 and 40).
     */
    @Override
    void dot(Activations x, int from, int to, float[] y, boolean add, float[] scratch) {
        Ints256 ints = x.ints256(order);
        if (L == 4 || !ints.ready) {
            super.dot(x, from, to, y, add, scratch);
            return;
        }
        if (L == 8) {
            Lanes8.dot(this, this::eight, ints.data(), ints.tokenBytes(), x.tokens, from, to, y, add, scratch);
            return;
        }
        for (int row = from; row < to; row += SUMS) {
            group(x, ints, row, Math.min(SUMS, to - row), y, add, scratch);
        }
    }

    private void group(Activations x, Ints256 ints, int row, int count, float[] y, boolean add, float[] sums) {
        long next = ints.tokenBytes();
        int t = 0;
        for (; t + 2 <= x.tokens; t += 2) {
            for (int i = 0; i < count; i += SECOND_TOKEN) {
                int n = Math.min(SECOND_TOKEN, count - i), at = t * rows + row + i;
                two(ints.data(), t * next, next, (row + i) * rowBytes, n, sums);
                Lanes.sums(sums, 0, sums, 0);
                put(sums, 0, n, y, at, add);
                put(sums, SECOND_TOKEN, n, y, at + rows, add);
            }
        }
        for (; t < x.tokens; t++) {
            one(ints.data(), t * next, row * rowBytes, count, sums);
            Lanes.sums(sums, 0, sums, 0);
            put(sums, 0, count, y, t * rows + row, add);
        }
    }

    @Override
    void pair(Activations x, int rowA, int rowB, float[] y, boolean add, float[] scratch) {
        Ints256 ints = x.ints256(order);
        if (!ints.ready) {
            super.pair(x, rowA, rowB, y, add, scratch);
            return;
        }
        int a = RowPair.SUMS, b = rowA == rowB ? a : a + Dot256.rowSpace(cols);
        unpack(rowA, scratch, a);
        if (rowA != rowB) {
            unpack(rowB, scratch, b);
        }
        for (int t = 0; t < x.tokens; ) {
            int group = Math.min(2, x.tokens - t);
            long s = t * ints.tokenBytes();
            if (group == 2) {
                Dot256.two(scratch, a, b, cols, ints.data(), s, s + ints.tokenBytes());
            } else {
                Dot256.one(scratch, a, b, cols, ints.data(), s);
            }
            RowPair.reduce(scratch, group);
            RowPair.put(scratch, group, y, t * rows, rowA, rowB, rows, add);
            t += group;
        }
    }

    private void unpack(int row, float[] w, int at) {
        scales(row, w, at, at + Dot256.offsets(cols));
        pairs(row, w, at + Dot256.pairs(cols));
    }

    /**
     * Up to {@value #SUMS} rows, from p on, times the token whose integers begin at {@code from} of {@code x}: a vector of sums
     * each, that of row i at {@code sums[L i]}.
     */
    abstract void one(MemorySegment x, long from, long p, int rows, float[] sums);

    /**
     * Likewise up to {@value #SUMS} / 2 rows, times that token and the one {@code next} bytes after it, whose sums begin at
     * {@code sums[L} {@link #SECOND_TOKEN}{@code ]}. A token's are the same bits as with {@link #one}.
     */
    abstract void two(MemorySegment x, long from, long next, long p, int rows, float[] sums);

    /** {@link #one} in vectors of eight lanes, see {@link Lanes8}. */
    abstract void eight(MemorySegment x, long from, long p, int rows, float[] sums);

    /** The half float at {@code at}. */
    static float half(MemorySegment data, long at) {
        return Float.float16ToFloat(data.get(ValueLayout.JAVA_SHORT_UNALIGNED, at));
    }

    /**
     * Spreads a block's scales over the lanes of its vectors: {@code w[at + i] = scales[from[i]]} for 64 lanes.
     *
     * @param scales 16 floats at {@code w[s ..)}
     */
    static void spread(float[] w, int s, int[] from, int at) {
        for (int i = 0; i < 64; i += 4) {
            float scale = w[s + from[i]];
            w[at + i] = scale;
            w[at + i + 1] = scale;
            w[at + i + 2] = scale;
            w[at + i + 3] = scale;
        }
    }

    /** Where a lane's scale is among those of the block, by the order of its parts, with a scale for 16 or 32 values. */
    static int[] lanes(Ints256.Order order, int values) {
        int[] from = new int[64];
        for (int i = 0; i < 64; i++) {
            from[i] = values == 32 ? order.parts[i / 8] : 2 * order.parts[i / 8] + i / 4 % 2;
        }
        return from;
    }

    /** {@link #scales} of Q4_K and Q5_K, whose blocks begin alike. */
    static void scalesAndMinima(MemorySegment data, long p, int blockBytes, int blocks, float[] w, int at, int offsets) {
        for (int block = 0; block < blocks; block++, p += blockBytes, at += 64, offsets += 16) {
            header(data, p, w, offsets);
            spread(w, offsets, NIBBLE_LANES, at);
        }
    }

    /** Of a block of Q4_K or Q5_K {@code w[at ..] = d s}, eight of them, and then {@code -m n}, eight. */
    static void header(MemorySegment data, long p, float[] w, int at) {
        IntVector head = ByteVector.fromMemorySegment(BYTES, data, p, LITTLE_ENDIAN).reinterpretAsInts();
        int halves = head.lane(0);
        float d = Float.float16ToFloat((short) halves), m = -Float.float16ToFloat((short) (halves >> 16));
        for (int k = 0; k < 16; k += L) {
            IntVector own = IntVector.fromArray(I, HEAD_WORDS, k).selectFrom(head);
            IntVector pairs = IntVector.broadcast(I, 3).selectFrom(head);
            IntVector n = own.lanewise(LSHR, IntVector.fromArray(I, OWN_SHIFTS, k)).and(IntVector.fromArray(I, OWN_BITS, k))
                    .or(pairs.lanewise(LSHR, IntVector.fromArray(I, PAIR_SHIFTS, k)).and(IntVector.fromArray(I, PAIR_BITS, k)));
            FloatVector by = FloatVector.broadcast(F, d);
            by = L == 16 ? by.blend(m, MINIMA) : k < 8 ? by : FloatVector.broadcast(F, m);
            ((FloatVector) n.convertShape(I2F, F, 0)).mul(by).intoArray(w, at + k);
        }
    }

    /** {@link SmallInts#scales} of Q4_K and Q5_K, whose weights come less {@code zero}: {@code d s} and {@code zero d s - m n}. */
    static void blockScales(MemorySegment data, long p, int blockBytes, int blocks, float zero, float[] scales, float[] offsets, int at) {
        for (int block = 0; block < blocks; block++, p += blockBytes, at += 8) {
            header(data, p, offsets, at);
            for (int k = at; k < at + 8; k += EIGHT.length()) {
                FloatVector d = FloatVector.fromArray(EIGHT, offsets, k);
                d.intoArray(scales, k);
                d.mul(zero).add(FloatVector.fromArray(EIGHT, offsets, k + 8)).intoArray(offsets, k);
            }
        }
    }

    /**
     * The eight scales of Q4_K and Q5_K, 6 bits each: the 12 bytes from {@code at} hold in turn 4 scales, 4 minima, and 4
     * pairs of lower halves whose upper 2 bits sit on top of the first eight.
     *
     * @return a byte each, the first one lowest
     */
    static long scales(MemorySegment data, long at) {
        int low = data.get(ValueLayout.JAVA_INT_UNALIGNED, at);
        int pairs = data.get(ValueLayout.JAVA_INT_UNALIGNED, at + 8);
        return low & 0x3F3F3F3F | (long) (pairs & 0x0F0F0F0F | low >>> 2 & 0x30303030) << 32;
    }

    /** The eight minima that go with {@link #scales}. */
    static long minima(MemorySegment data, long at) {
        int low = data.get(ValueLayout.JAVA_INT_UNALIGNED, at + 4);
        int pairs = data.get(ValueLayout.JAVA_INT_UNALIGNED, at + 8);
        return low & 0x3F3F3F3F | (long) (pairs >>> 4 & 0x0F0F0F0F | low >>> 2 & 0x30303030) << 32;
    }
}
