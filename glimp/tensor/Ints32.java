package glimp.tensor;

import static jdk.incubator.vector.VectorOperators.LSHL;
import static jdk.incubator.vector.VectorOperators.MAX;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.ShortVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorSpecies;

/**
 * Activations as integers y of -{@value #LARGEST} .. {@value #LARGEST} with a scale for every 32, in the order in which
 * the kernels meet their weights; made once a product. Outside the heap, because there it can lie on
 * cache lines: a load of 64 bytes across two of them costs 1.6 loads (Zen 4), and arrays begin anywhere.
 *
 * <p><b>Products without masks.</b> A lane of 32 bits holds eight nibbles n0 .. n7, lowest first. Its view k is the lane
 * shifted right by 4 k bits; modulo 2^16, n_k = view_k - 16 view_(k+1), because what lies above a nibble cancels. So
 * <pre>   sum n_k y_k  =  sum view_k (y_k - 16 y_(k-1))  (mod 2^16)</pre>
 * and the shifted lanes can be multiplied as they are, the lower halves with the factors of 0 .. 3 and the upper halves,
 * which are the lower halves of views 4 .. 7, with those of 4 .. 7: no mask is needed for any nibble, only other factors,
 * and those are made here. The two halves mean nothing alone; their sum is the one wanted.
 *
 * <p>That sum is never wrong, whatever the bytes of a block: it runs over 16 weights of at most 8 in size, or 8 of at most
 * 16, and 16 x 8 x 255 = 32640 is less than 2^15; that a part of it overflows does no harm to a remainder. This bound
 * decides how fine the activations are: twice as fine as llama.cpp's 8 bits.
 *
 * <p>A group is 8 blocks or 4, a block has 2 or 4 lanes of 32 bits in each vector, and the vectors of a group are
 * <pre>
 *    0 ..  3  factors of the views 0 .. 3; with 8 blocks, of the first 8 bytes of a block's nibbles
 *    4 ..  7  with 8 blocks: the same for the second 8 bytes; with 4 blocks: factors of the views of fifth bits (below)
 *    8        -8 times the sum of the lane's y, in the upper half: the 8 that is subtracted from every nibble
 *    9        the scale of the block
 *   10        with 4 blocks: the scale times the sum of the lane's y, for what a format adds to every weight
 * </pre>
 *
 * <p>Fifth bits: a lane has those of its low nibbles in bits 0 .. 3 and of its high nibbles in bits 16 .. 19. Views are
 * shifted by one bit, the factors are 16 (y_k - 2 y_(k-1)), and what slips from the upper half into the lower is then a
 * multiple of 2^16.
 */
final class Ints32 {
    /** Whether there are kernels for the integers: they want 32 lanes of 16 bits. */
    static final boolean USABLE = ShortVector.SPECIES_PREFERRED.length() == 32;
    private static final int LARGEST = 255;

    /** What a half float's bits are worth in a float's place, 2^-112, and a sum in the upper half of a lane, 2^16. */
    private static final float UNSHIFT_HALF = 0x1p112f, UNSHIFT_SUM = 0x1p-16f;
    /** Added to a small float, leaves the nearest whole number in the lowest bits of the sum. */
    private static final float ROUND = 0x1.8p23f;
    private static final VectorSpecies<Float> F = FloatVector.SPECIES_512;
    private static final IntVector EVEN = USABLE ? IntVector.broadcast(IntVector.SPECIES_512, 0).addIndex(2) : null;
    private static final IntVector ODD = USABLE ? EVEN.add(1) : null;
    private static final VectorMask<Integer> FIRST_OF_FOUR = VectorMask.fromLong(IntVector.SPECIES_512, 0x1111);

    /** Columns of a group. */
    final int columns;
    /** Bytes of a group. */
    final int bytes;
    private final Activations x;
    private final int[] group, even = new int[16], odd = new int[16], fifth = new int[16], sums = new int[16];
    private MemorySegment data = MemorySegment.NULL;
    boolean ready;

    /** @param blocks of a group, 8 or 4 */
    Ints32(Activations x, int blocks) {
        this.x = x;
        this.columns = 32 * blocks;
        this.group = new int[16 * (blocks == 8 ? 10 : 11)];
        this.bytes = 4 * group.length;
    }

    /** {@code [tokens][width / columns]} groups; columns beyond the last whole group are left to the caller. */
    MemorySegment data() {
        return data;
    }

    /** Where a token's groups begin. */
    long start(int token) {
        return (long) token * (x.width / columns) * bytes;
    }

    /** Makes the integers, once after every {@link Activations#changed}. */
    void make() {
        if (ready) {
            return;
        }
        if (data.byteSize() < start(x.tokens)) {
            data = Arena.ofAuto().allocate(start(x.tokens), 64);
        }
        for (int t = 0; t < x.tokens; t++) {
            long at = start(t);
            for (int k = 0; k + columns <= x.width; k += columns, at += bytes) {
                for (int block = 0; block < columns / 32; block++) {
                    float scale = factors(t * x.width + k + 32 * block) / LARGEST * UNSHIFT_HALF;
                    if (columns == 256) {
                        halves(2 * block, scale);
                    } else {
                        whole(4 * block, scale);
                    }
                }
                MemorySegment.copy(group, 0, data, ValueLayout.JAVA_INT, at, group.length);
            }
        }
        ready = true;
    }

    /** A block of the eight: lanes {@code at} and {@code at + 1} of each vector. */
    private void halves(int at, float scale) {
        for (int i = 0; i < 16; i += 4) {
            int to = at + i / 8 * 64 + i / 4 % 2;
            group[to] = even[i];
            group[to + 16] = odd[i];
            group[to + 32] = even[i + 1];
            group[to + 48] = odd[i + 1];
        }
        for (int i = 0; i < 2; i++) {
            group[at + i + 128] = -8 * (sum(4 * i) + sum(4 * i + 8)) << 16;
            group[at + i + 144] = Float.floatToRawIntBits(scale * UNSHIFT_SUM);
        }
    }

    /** A block of the four: lanes {@code at} to {@code at + 3}. */
    private void whole(int at, float scale) {
        for (int i = 0; i < 16; i += 4, at++) {
            group[at] = even[i];
            group[at + 16] = odd[i];
            group[at + 32] = even[i + 1];
            group[at + 48] = odd[i + 1];
            for (int k = 0; k < 4; k++) {
                group[at + 64 + 16 * k] = fifth[i + k];
            }
            group[at + 128] = -8 * sum(i) << 16;
            group[at + 144] = Float.floatToRawIntBits(scale * UNSHIFT_SUM);
            group[at + 160] = Float.floatToRawIntBits(scale * sum(i));
        }
    }

    private int sum(int from) {
        return sums[from] + sums[from + 1] + sums[from + 2] + sums[from + 3];
    }

    /**
     * The factors of a block's views, two halves a lane. The low nibble of byte i is weight i and the high one weight 16 + i:
     * four bytes are the weights i, 16 + i, i + 1, 17 + i, i + 2, .. of one lane, so that even views follow {@code high} of
     * the byte before and odd views {@code low} of their own.
     *
     * @return the largest activation's size
     */
    private float factors(int from) {
        FloatVector a = FloatVector.fromArray(F, x.values, from), b = FloatVector.fromArray(F, x.values, from + 16);
        float largest = a.abs().max(b.abs()).reduceLanes(MAX);
        float scale = largest == 0 ? 0 : LARGEST / largest;
        IntVector low = a.mul(scale).add(ROUND).reinterpretAsInts().sub(Float.floatToRawIntBits(ROUND));
        IntVector high = b.mul(scale).add(ROUND).reinterpretAsInts().sub(Float.floatToRawIntBits(ROUND));
        IntVector lowBefore = low.unslice(1).blend(0, FIRST_OF_FOUR), highBefore = high.unslice(1).blend(0, FIRST_OF_FOUR);
        low.add(high).intoArray(sums, 0);
        IntVector v = low.sub(highBefore.lanewise(LSHL, 4));
        v.and(0xFFFF).or(v.slice(2).lanewise(LSHL, 16)).intoArray(even, 0);
        v = high.sub(low.lanewise(LSHL, 4));
        v.and(0xFFFF).or(v.slice(2).lanewise(LSHL, 16)).intoArray(odd, 0);
        low = low.sub(lowBefore.add(lowBefore)).lanewise(LSHL, 4);
        high = high.sub(highBefore.add(highBefore)).lanewise(LSHL, 20);
        low.and(0xFFFF).or(high).intoArray(fifth, 0);
        return largest;
    }

    /** From the first 64 bytes of four blocks and the last 64: the {@code count} shorts from {@code first} of each, repeated. */
    static ShortVector gather(int block, int first, int count) {
        short[] from = new short[32];
        for (int i = 0; i < 32; i++) {
            int at = i / 8 * block + first + i % count;
            from[i] = (short) (at < 32 ? at : at - (4 * block - 32) + 32);
        }
        return USABLE ? ShortVector.fromArray(ShortVector.SPECIES_512, from, 0) : null;
    }

    /**
     * {@code sums[i]} = the sum of the 16 floats from {@code 16 i}, for 16 of them. Neighbours are added, of two vectors into
     * one, four times: 3 operations a sum, where {@link Lanes#sum} takes 8 that wait for each other.
     */
    static void reduce(float[] sums) {
        for (int n = 8; n > 0; n /= 2) {
            for (int i = 0; i < n; i++) {
                IntVector a = FloatVector.fromArray(F, sums, 32 * i).reinterpretAsInts();
                IntVector b = FloatVector.fromArray(F, sums, 32 * i + 16).reinterpretAsInts();
                EVEN.selectFrom(a, b).reinterpretAsFloats().add(ODD.selectFrom(a, b).reinterpretAsFloats()).intoArray(sums, 16 * i);
            }
        }
    }
}
