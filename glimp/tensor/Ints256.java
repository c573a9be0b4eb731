package glimp.tensor;

import static java.nio.ByteOrder.LITTLE_ENDIAN;
import static jdk.incubator.vector.VectorOperators.ADD;
import static jdk.incubator.vector.VectorOperators.I2F;
import static jdk.incubator.vector.VectorOperators.LSHL;
import static jdk.incubator.vector.VectorOperators.MAX;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorSpecies;

/**
 * Activations as integers with a scale for every 256, for the formats with blocks of that size; made once a product. They
 * lie outside the heap, because there they can lie on cache lines, and arrays begin anywhere.
 *
 * <p>Two integers share a lane of 32 bits, as two weights do (see {@link Dot256}): of each four values 0 and 2 (even), or
 * 1 and 3 (odd), the first of a pair in the upper half. With four weights in the bytes of a lane w, the even ones are
 * {@code w - 256 odd}: so in vectors of eight lanes the odd activations are less 256 times the even ones, and w is multiplied as it is,
 * without a mask. A block takes {@value #BLOCK} bytes:
 * <pre>
 *   int[4][even, odd][16]  pairs: 32 values in 8 lanes, two such parts in 16, in the {@link Order} of the weights
 *   float[16]              sums of the values, see {@link Order}
 *   float[16]              the scale, 16 times, with the 2^-16 that takes a sum out of the upper half
 * </pre>
 */
final class Ints256 {
    /** In which order a format's vectors of 64 bytes hold the eight parts of 32 values, and how large integers may be. */
    enum Order {
        /** Nibbles of 32 bytes: values 0 .. 31 and 32 .. 63; {@code sums[8 + i]} is that of part i. */
        NIBBLES(256, 0, 2, 1, 3, 4, 6, 5, 7),
        /** Q6_K: nibbles of 64 bytes; {@code sums[i]} is -32 times that of the values 16 i .. 16 i + 15. */
        SIXES(128, 0, 1, 2, 3, 4, 5, 6, 7),
        /** Pairs of bits, 128 values in 32 bytes; {@code sums[i]} is that of the values 16 i .. 16 i + 15. */
        BIT_PAIRS(256, 0, 4, 1, 5, 2, 6, 3, 7);

        /** The largest activation. */
        final int limit;
        final int[] parts;

        Order(int limit, int... parts) {
            this.limit = limit;
            this.parts = parts;
        }
    }

    static final long BLOCK = 640, SUMS = 512, SCALE = 576;
    private static final VectorSpecies<Float> F = FloatVector.SPECIES_PREFERRED;
    private static final VectorSpecies<Integer> I = IntVector.SPECIES_PREFERRED;
    private static final int L = I.length();
    /* Where in two vectors of 16 values the upper halves of their pairs are, even ones and odd ones, and the lower ones. */
    private static final int[] UPPER = {0, 4, 8, 12, 16, 20, 24, 28, 1, 5, 9, 13, 17, 21, 25, 29};
    private static final int[] LOWER = {2, 6, 10, 14, 18, 22, 26, 30, 3, 7, 11, 15, 19, 23, 27, 31};
    /* Where in two such vectors of pairs the even and the odd ones are. */
    private static final int[] EVEN = {0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23};
    private static final int[] ODD = {8, 9, 10, 11, 12, 13, 14, 15, 24, 25, 26, 27, 28, 29, 30, 31};
    /** Added to a small float, leaves the nearest whole number in the lowest bits of the sum. */
    private static final float ROUND = 0x1.8p23f;

    private final Activations x;
    private final Order order;
    private final int[] block = new int[256], sums = new int[16];
    private MemorySegment data = MemorySegment.NULL;
    boolean ready;

    Ints256(Activations x, Order order) {
        this.x = x;
        this.order = order;
    }

    /** {@code [tokens][width / 256]} blocks. */
    MemorySegment data() {
        return data;
    }

    /** Bytes from one token to the next. */
    long tokenBytes() {
        return x.width / 256 * BLOCK;
    }

    /** Makes the integers, once after every {@link Activations#changed}. */
    void make() {
        if (ready) {
            return;
        }
        if (data.byteSize() < x.tokens * tokenBytes()) {
            data = Arena.ofAuto().allocate(x.tokens * tokenBytes(), 64);
        }
        for (int i = 0; i < x.tokens * (x.width / 256); i++) {
            block(256 * i, i * BLOCK);
        }
        ready = true;
    }

    private void block(int from, long at) {
        float unit = round(x.values, from, 256, order.limit, block);
        for (int i = 0; i < 16; i += L) {
            FloatVector.broadcast(F, unit * 0x1p-16f).intoMemorySegment(data, at + SCALE + 4 * i, LITTLE_ENDIAN);
        }
        for (int i = 0; i < 8; i += 2) {
            parts(32 * order.parts[i], 32 * order.parts[i + 1], at + 64 * i);
        }
        sums(unit, at + SUMS);
    }

    /** Values as multiples of a unit, which is returned: whole numbers up to {@code limit}. @param count a multiple of 16 */
    static float round(float[] values, int from, int count, float limit, int[] out) {
        FloatVector most = FloatVector.zero(F);
        for (int i = 0; i < count; i += L) {
            most = FloatVector.fromArray(F, values, from + i).abs().max(most);
        }
        float largest = most.reduceLanes(MAX), scale = largest == 0 ? 0 : limit / largest;
        for (int i = 0; i < count; i += L) {
            FloatVector.fromArray(F, values, from + i).mul(scale).add(ROUND).reinterpretAsInts()
                    .sub(Float.floatToRawIntBits(ROUND)).intoArray(out, i);
        }
        return largest / limit;
    }

    /**
     * The vectors of even and odd pairs for the parts that begin at a and b of the block. Of each part the even pairs are made
     * in 8 lanes and the odd ones in the other 8.
     */
    private void parts(int a, int b, long at) {
        if (L < 16) {
            part(a, at);
            part(b, at + 32);
            return;
        }
        IntVector upper = IntVector.fromArray(I, UPPER, 0), lower = IntVector.fromArray(I, LOWER, 0);
        IntVector v = IntVector.fromArray(I, block, a), w = IntVector.fromArray(I, block, a + 16);
        IntVector first = upper.selectFrom(v, w).lanewise(LSHL, 16).add(lower.selectFrom(v, w));
        v = IntVector.fromArray(I, block, b);
        w = IntVector.fromArray(I, block, b + 16);
        IntVector second = upper.selectFrom(v, w).lanewise(LSHL, 16).add(lower.selectFrom(v, w));
        IntVector.fromArray(I, EVEN, 0).selectFrom(first, second).intoMemorySegment(data, at, LITTLE_ENDIAN);
        IntVector.fromArray(I, ODD, 0).selectFrom(first, second).intoMemorySegment(data, at + 64, LITTLE_ENDIAN);
    }

    private void part(int from, long at) {
        for (int k = 0; k < 8; k++, from += 4, at += 4) {
            int even = (block[from] << 16) + block[from + 2], odd = (block[from + 1] << 16) + block[from + 3];
            data.set(ValueLayout.JAVA_INT, at, even);
            data.set(ValueLayout.JAVA_INT, at + 64, L == 8 ? odd - (even << 8) : odd);
        }
    }

    private void sums(float unit, long at) {
        for (int i = 0; i < 8; i++) {
            int a = sum(32 * i), b = sum(32 * i + 16);
            if (order == Order.NIBBLES) {
                sums[8 + i] = a + b;
            } else {
                sums[2 * i] = a;
                sums[2 * i + 1] = b;
            }
        }
        float factor = order == Order.SIXES ? -32 * unit : unit;
        for (int i = 0; i < 16; i += L) {
            ((FloatVector) IntVector.fromArray(I, sums, i).convertShape(I2F, F, 0)).mul(factor).intoMemorySegment(data, at + 4 * i, LITTLE_ENDIAN);
        }
    }

    /** Of 16 values; of whole numbers, in whatever order they are added. */
    private int sum(int from) {
        IntVector sum = IntVector.fromArray(I, block, from);
        for (int i = L; i < 16; i += L) {
            sum = sum.add(IntVector.fromArray(I, block, from + i));
        }
        return sum.reduceLanes(ADD);
    }
}
