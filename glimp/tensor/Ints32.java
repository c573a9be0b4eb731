package glimp.tensor;

import static java.nio.ByteOrder.LITTLE_ENDIAN;
import static jdk.incubator.vector.VectorOperators.I2F;
import static jdk.incubator.vector.VectorOperators.LSHL;
import static jdk.incubator.vector.VectorOperators.MAX;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.function.IntUnaryOperator;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.LongVector;
import jdk.incubator.vector.ShortVector;
import jdk.incubator.vector.VectorSpecies;

/**
 * Activations as integers y with a scale for every 32, in the order in which the kernels of the formats with blocks of 32
 * meet their weights; made once a product (Zen 4: 0.6 us for 1024 columns). Outside the heap, because there it can lie on
 * cache lines: a load of 64 bytes across two of them costs 1.6 loads, and arrays begin anywhere.
 *
 * <p><b>Products without masks.</b> A lane of 32 bits holds eight nibbles n0 .. n7, lowest first. Its view k is the lane
 * shifted right by 4 k bits; modulo 2^16, n_k = view_k - 16 view_(k+1), because what lies above a nibble cancels. So
 * <pre>   sum n_k y_k  =  sum view_k (y_k - 16 y_(k-1))  (mod 2^16)</pre>
 * and the shifted lanes can be multiplied as they are, the lower halves with the factors of 0 .. 3 and the upper halves,
 * which are the lower halves of views 4 .. 7, with those of 4 .. 7: no mask is needed for any nibble, only other factors,
 * and those are made here. The two halves mean nothing alone; their sum is the one wanted. The same holds for a lane of
 * four bytes with 256 in the place of 16.
 *
 * <p>That sum is never wrong, whatever the bytes of a block, if it is less than 2^15 once the weights are centred: that a
 * part of it overflows does no harm to a remainder. This bound decides how large the integers may be ({@link Layout}), and
 * so how fine the activations are; llama.cpp's have 127 steps.
 *
 * <p>A group is 8 blocks or 4, a block has 2 or 4 lanes of 32 bits in each vector, and the vectors of a group are: those of
 * the factors; the centre times the sum of the lane's y, to be added to the products; the scale of the block; and with
 * 4 blocks the scale times the sum of the lane's y, for what a format adds to every weight.
 *
 * <p>Fifth bits: a lane has those of its low nibbles in bits 0 .. 3 and of its high nibbles in bits 16 .. 19. Views are
 * shifted by one bit, the factors are 16 (y_k - 2 y_(k-1)), and what slips from the upper half into the lower is then a
 * multiple of 2^16.
 */
final class Ints32 implements Ints {
    /** What a kernel multiplies, and so which factors it wants in which order. */
    enum Layout {
        /**
         * Nibbles of eight blocks: vectors 0 .. 3 are the factors of views 0 .. 3 of the first 8 bytes of each block, vectors
         * 4 .. 7 of the second 8. A lane's sum is over 16 weights of at most 8 in size, and 16 x 8 x 255 = 32640.
         */
        NIBBLES(2, 8, 255, -8 << 16),
        /** Nibbles of four blocks, then views of fifth bits; 8 weights a lane, of at most 16 in size. */
        NIBBLES_AND_BITS(4, 8, 255, -8 << 16),
        /**
         * Bytes of eight blocks, each a code plus 12: the two views of the low nibbles of the first 8 bytes, two of the high
         * ones, and the same for the second 8. 16 weights of at most 12 in size a lane, and 16 x 12 x 170 = 32640.
         */
        CODES(2, 8, 170, -12 << 16);

        /** Lanes of a block in a vector. */
        final int lanes;
        /** Vectors of factors. */
        final int vectors;
        /** The largest integer. */
        final int largest;
        /** What the sum of a lane's integers is multiplied by, in the bits where the products' sum stands. */
        final int centre;
        /** Columns of a group. */
        final int columns;
        /** Bytes of a group. */
        final int bytes;

        Layout(int lanes, int vectors, int largest, int centre) {
            this.lanes = lanes;
            this.vectors = vectors;
            this.largest = largest;
            this.centre = centre;
            this.columns = 512 / lanes;
            this.bytes = 64 * (vectors + lanes / 2 + 1);
        }

        /** What the kernel leaves to be divided by: the place of a sum in its lane, and what its d is worth (see there). */
        float unit() {
            return switch (this) {
                case NIBBLES, NIBBLES_AND_BITS -> 0x1p-16f * UNSHIFT_HALF;
                case CODES -> 0x1p-17f;
            };
        }
    }

    /** Whether there are kernels for the integers: they want 32 lanes of 16 bits. */
    static final boolean USABLE = ShortVector.SPECIES_PREFERRED.length() == 32;
    /** What a half float's bits are worth in a float's place, 2^-112. */
    private static final float UNSHIFT_HALF = 0x1p112f;
    /** Added to a small float, leaves the nearest whole number in the lowest bits of the sum. */
    private static final float ROUND = 0x1.8p23f;
    private static final VectorSpecies<Float> F = FloatVector.SPECIES_512;
    private static final VectorSpecies<Integer> I = IntVector.SPECIES_512;

    /* Places in two vectors, the second from 16 (ints) or 32 (shorts) on. */
    private static final IntVector BY_1 = ints(i -> i ^ 1), BY_2 = ints(i -> i ^ 2), BY_8 = ints(i -> i ^ 8);
    private static final IntVector FOURTHS = ints(i -> i % 4 * 4);
    /** The lane before, and a zero for the first of four. */
    private static final IntVector BEFORE = ints(i -> i % 4 == 0 ? 16 : i - 1);
    /** A block's factors, vector by vector, from those of the lower and of the higher nibbles, see {@link #factors}. */
    private static final ShortVector OF_NIBBLES = shorts(i -> i / 16 * 16 + nibble(i / 4 % 4, i / 2 % 2 * 8 + i % 2 * 4));
    private static final ShortVector OF_FOUR = shorts(i -> nibble(i / 8, i / 2 % 4 * 8 + i % 2 * 4));
    private static final ShortVector OF_BITS = shorts(i -> i / 2 % 4 * 8 + i / 8 % 4 * 2 + i % 2 * 32);
    private static final ShortVector OF_CODES = shorts(i -> i / 16 * 16 + i / 8 % 2 * 32 + i / 4 % 2 * 2 + i / 2 % 2 * 8 + i % 2 * 4);

    private static int nibble(int view, int at) {
        return view % 2 * 32 + view / 2 * 2 + at;
    }

    final Layout layout;
    private final Activations x;
    /** Two lanes each: a group, vector by vector, and what a block has of it. */
    private final long[] group, block;
    private MemorySegment data = MemorySegment.NULL;
    boolean ready;

    Ints32(Activations x, Layout layout) {
        this.x = x;
        this.layout = layout;
        this.group = new long[layout.bytes / 8];
        this.block = new long[layout.bytes / 8 + 16];
    }

    @Override
    public boolean ready() {
        return ready;
    }

    @Override
    public int columns() {
        return layout.columns;
    }

    /** {@code [tokens][width / columns]} groups. */
    @Override
    public MemorySegment data() {
        return data;
    }

    @Override
    public long start(int token) {
        return (long) token * (x.width / layout.columns) * layout.bytes;
    }

    @Override
    public void make() {
        if (ready) {
            return;
        }
        if (data.byteSize() < start(x.tokens)) {
            data = Arena.ofAuto().allocate(start(x.tokens), 64);
        }
        long at = 0;
        for (int t = 0; t < x.tokens; t++) {
            for (int k = 0; k + layout.columns <= x.width; k += layout.columns, at += layout.bytes) {
                for (int b = 0; b < layout.columns / 32; b++) {
                    factors(t * x.width + k + 32 * b);
                    place(b);
                }
                for (int i = 0; i < group.length; i += 8) {
                    LongVector.fromArray(LongVector.SPECIES_512, group, i).intoMemorySegment(data, at + 8 * i, LITTLE_ENDIAN);
                }
            }
        }
        ready = true;
    }

    /** Brings what a block has into its lanes of the group's vectors. */
    private void place(int b) {
        if (layout.lanes == 2) {
            for (int i = 0, to = b; to < group.length; i++, to += 8) {
                group[to] = block[i];
            }
        } else {
            for (int i = 0, to = 2 * b; to < group.length; i += 2, to += 8) {
                group[to] = block[i];
                group[to + 1] = block[i + 1];
            }
        }
    }

    /**
     * Rounds a block to integers and makes the factors of its lanes. The low nibble of byte i is weight i and the high one
     * weight 16 + i: of nibbles, four bytes are the weights i, 16 + i, i + 1, 17 + i, i + 2, .. of one lane, so that even
     * views follow the high nibble of the byte before and odd views the low one of their own.
     */
    private void factors(int from) {
        FloatVector a = FloatVector.fromArray(F, x.values, from), b = FloatVector.fromArray(F, x.values, from + 16);
        float largest = largest(a.reinterpretAsInts(), b.reinterpretAsInts());
        float scale = largest == 0 ? 0 : layout.largest / largest;
        IntVector low = a.mul(scale).add(ROUND).reinterpretAsInts().sub(Float.floatToRawIntBits(ROUND));
        IntVector high = b.mul(scale).add(ROUND).reinterpretAsInts().sub(Float.floatToRawIntBits(ROUND));
        IntVector zero = IntVector.zero(I);
        IntVector lowBefore = BEFORE.selectFrom(low, zero), highBefore = BEFORE.selectFrom(high, zero);
        switch (layout) {
            case NIBBLES -> pick(OF_NIBBLES, low.sub(highBefore.lanewise(LSHL, 4)), high.sub(low.lanewise(LSHL, 4)), 0);
            case NIBBLES_AND_BITS -> {
                pick(OF_FOUR, low.sub(highBefore.lanewise(LSHL, 4)), high.sub(low.lanewise(LSHL, 4)), 0);
                pick(OF_BITS, low.sub(lowBefore.add(lowBefore)).lanewise(LSHL, 4), high.sub(highBefore.add(highBefore)).lanewise(LSHL, 4), 8);
            }
            case CODES -> pick(OF_CODES, low.sub(lowBefore.lanewise(LSHL, 8)), high.sub(highBefore.lanewise(LSHL, 8)), 0);
        }
        sums(low.add(high), largest / layout.largest);
    }

    /** Behind the factors of a block: the sums of its lanes' integers, its scale, and both together. */
    private void sums(IntVector sum, float scale) {
        int at = layout.vectors * layout.lanes / 2;
        sum = sum.add(BY_1.selectFrom(sum));
        sum = sum.add(BY_2.selectFrom(sum));
        if (layout.lanes == 2) {
            sum = sum.add(BY_8.selectFrom(sum));
        }
        sum = FOURTHS.selectFrom(sum);
        sum.mul(layout.centre).reinterpretAsLongs().intoArray(block, at);
        at += layout.lanes / 2;
        FloatVector.broadcast(F, scale * layout.unit()).reinterpretAsLongs().intoArray(block, at);
        if (layout.lanes == 4) {
            ((FloatVector) sum.convert(I2F, 0)).mul(scale * UNSHIFT_HALF).reinterpretAsLongs().intoArray(block, at + 2);
        }
    }

    /** The largest size of 32 floats. Without their signs they are ordered as integers are, which are faster to compare. */
    private static float largest(IntVector a, IntVector b) {
        return Float.intBitsToFloat(a.and(0x7FFFFFFF).max(b.and(0x7FFFFFFF)).reduceLanes(MAX));
    }

    /** The lower halves of lanes of two vectors, as {@code order} says. */
    private void pick(ShortVector order, IntVector low, IntVector high, int at) {
        order.selectFrom(low.reinterpretAsShorts(), high.reinterpretAsShorts()).reinterpretAsLongs().intoArray(block, at);
    }

    /** From the first 64 bytes of four blocks and the last 64: the {@code count} shorts from {@code first} of each, repeated. */
    static ShortVector gather(int block, int first, int count) {
        return shorts(i -> {
            int at = i / 8 * block + first + i % count;
            return at < 32 ? at : at - (4 * block - 32) + 32;
        });
    }

    private static IntVector ints(IntUnaryOperator place) {
        int[] places = new int[16];
        for (int i = 0; i < 16; i++) {
            places[i] = place.applyAsInt(i);
        }
        return USABLE ? IntVector.fromArray(I, places, 0) : null;
    }

    /** 32 places in two vectors of shorts, for {@link ShortVector#selectFrom}; null where there are no such vectors. */
    static ShortVector shorts(IntUnaryOperator place) {
        short[] places = new short[32];
        for (int i = 0; i < 32; i++) {
            places[i] = (short) place.applyAsInt(i);
        }
        return USABLE ? ShortVector.fromArray(ShortVector.SPECIES_512, places, 0) : null;
    }
}
