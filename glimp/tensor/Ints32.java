package glimp.tensor;

import static jdk.incubator.vector.VectorOperators.LSHL;
import static jdk.incubator.vector.VectorOperators.MAX;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.ShortVector;
import jdk.incubator.vector.VectorSpecies;

/**
 * Activations as integers y of -{@value #LARGEST} .. {@value #LARGEST} with a scale for every 32, in the order in which
 * {@link Q4_0} meets its weights; made once a product. Outside the heap, because there it can lie on cache lines: a load of
 * 64 bytes across two of them costs 1.6 loads (Zen 4), and arrays begin anywhere.
 *
 * <p><b>Products without masks.</b> A lane of 32 bits holds eight nibbles n0 .. n7, lowest first. Its view k is the lane
 * shifted right by 4 k bits; modulo 2^16, n_k = view_k - 16 view_(k+1), because what lies above a nibble cancels. So
 * <pre>   sum n_k y_k  =  sum view_k (y_k - 16 y_(k-1))  (mod 2^16)</pre>
 * and the shifted lanes can be multiplied as they are, the lower halves with the factors of 0 .. 3 and the upper halves,
 * which are the lower half of views 4 .. 7, with those of 4 .. 7: no mask is needed for any nibble, only other factors, and
 * those are made here. The two halves mean nothing alone; their sum is the one wanted. That sum is never wrong: it runs over
 * 16 weights of at most 8 in size, 16 x 8 x 255 = 32640 is less than 2^15, and an intermediate overflow does no harm to a
 * remainder. This bound decides how fine the activations are: twice as fine as llama.cpp's 8 bits, at half the conversions
 * to float that 10 bits would need.
 *
 * <p>A group of 256 columns, 8 blocks, takes {@value #GROUP} bytes:
 * <pre>
 *   short[4][32]  factors of the views 0 .. 3 of the first 8 bytes of each block's nibbles: 2 lanes of 32 bits a block
 *   short[4][32]  those of the second 8 bytes
 *   int[16]       -8 times the sum of the lane's 16 y, in the upper half: the 8 that is subtracted from every nibble
 *   float[16]     the scale of the block
 * </pre>
 */
final class Ints32 {
    /** Whether there are kernels for the integers: they want 32 lanes of 16 bits. */
    static final boolean USABLE = ShortVector.SPECIES_PREFERRED.length() == 32;
    static final int COLUMNS = 256;
    static final long GROUP = 640;
    private static final int LARGEST = 255;

    /** What a half float's bits are worth in a float's place, 2^-112, and a sum in the upper half of a lane, 2^16. */
    private static final float UNSHIFT = 0x1p112f * 0x1p-16f;
    /** Added to a small float, leaves the nearest whole number in the lowest bits of the sum. */
    private static final float ROUND = 0x1.8p23f;
    private static final VectorSpecies<Float> F = FloatVector.SPECIES_512;

    private final Activations x;
    private final int[] even = new int[16], odd = new int[16], sums = new int[16];
    private MemorySegment data = MemorySegment.NULL;
    boolean ready;

    Ints32(Activations x) {
        this.x = x;
    }

    /** {@code [tokens][width / 256]} groups; columns beyond the last whole group are left to the caller. */
    MemorySegment data() {
        return data;
    }

    /** Bytes from one token to the next. */
    long tokenBytes() {
        return x.width / COLUMNS * GROUP;
    }

    /** Makes the integers, once after every {@link Activations#changed}. */
    void make() {
        if (ready) {
            return;
        }
        if (data.byteSize() < x.tokens * tokenBytes()) {
            data = Arena.ofAuto().allocate(x.tokens * tokenBytes(), 64);
        }
        for (int t = 0; t < x.tokens; t++) {
            for (int g = 0; g < x.width / COLUMNS; g++) {
                for (int block = 0; block < 8; block++) {
                    long at = t * tokenBytes() + g * GROUP + 8L * block;
                    block(t * x.width + g * COLUMNS + 32 * block, at);
                }
            }
        }
        ready = true;
    }

    /** @param at of the block's lanes in the group's first vector; in the others they are a multiple of 64 bytes further */
    private void block(int from, long at) {
        float largest = factors(from);
        for (int half = 0; half < 2; half++, at += 256) {
            for (int lane = 0; lane < 2; lane++) {
                int i = 8 * half + 4 * lane;
                data.set(ValueLayout.JAVA_INT, at + 4 * lane, even[i]);
                data.set(ValueLayout.JAVA_INT, at + 4 * lane + 64, odd[i]);
                data.set(ValueLayout.JAVA_INT, at + 4 * lane + 128, even[i + 1]);
                data.set(ValueLayout.JAVA_INT, at + 4 * lane + 192, odd[i + 1]);
            }
        }
        for (int lane = 0; lane < 2; lane++) {
            int sum = 0;
            for (int i = 4 * lane; i < 4 * lane + 4; i++) {
                sum += sums[i] + sums[i + 8];
            }
            data.set(ValueLayout.JAVA_INT, at + 4 * lane, -8 * sum << 16);
            data.set(ValueLayout.JAVA_FLOAT, at + 4 * lane + 64, largest * (UNSHIFT / LARGEST));
        }
    }

    /**
     * The factors of a block's views, two halves a lane. The low nibble of byte i is weight i and the high one weight 16 + i:
     * four bytes are the weights i, 16 + i, i + 1, 17 + i, i + 2, .. of one lane, so that even views follow {@code high} of
     * the weight before and odd views {@code low} of their own.
     *
     * @return the largest activation's size
     */
    private float factors(int from) {
        FloatVector a = FloatVector.fromArray(F, x.values, from), b = FloatVector.fromArray(F, x.values, from + 16);
        float largest = a.abs().max(b.abs()).reduceLanes(MAX);
        float scale = largest == 0 ? 0 : LARGEST / largest;
        IntVector low = a.mul(scale).add(ROUND).reinterpretAsInts().sub(Float.floatToRawIntBits(ROUND));
        IntVector high = b.mul(scale).add(ROUND).reinterpretAsInts().sub(Float.floatToRawIntBits(ROUND));
        low.add(high).intoArray(sums, 0);
        IntVector before = high.unslice(1).blend(0, FIRST_OF_FOUR);
        pack(low.sub(before.lanewise(LSHL, 4))).intoArray(even, 0);
        pack(high.sub(low.lanewise(LSHL, 4))).intoArray(odd, 0);
        return largest;
    }

    private static final jdk.incubator.vector.VectorMask<Integer> FIRST_OF_FOUR =
            jdk.incubator.vector.VectorMask.fromLong(IntVector.SPECIES_512, 0x1111);

    /** Lane i and the one two further in two halves. */
    private static IntVector pack(IntVector v) {
        return v.and(0xFFFF).or(v.slice(2).lanewise(LSHL, 16));
    }
}
