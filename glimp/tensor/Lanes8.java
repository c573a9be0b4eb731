package glimp.tensor;

import static java.nio.ByteOrder.LITTLE_ENDIAN;
import static jdk.incubator.vector.VectorOperators.I2F;
import static jdk.incubator.vector.VectorOperators.LSHR;

import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.ByteVector;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.ShortVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorSpecies;

/**
 * What kernels for vectors of 256 bits (AVX2) share, and that of Q4_0: rows as they are times one token.
 * Those of the formats with blocks of 256 are theirs: {@link Blocks256#eight}.
 *
 * <p>Eight lanes are 32 bytes, and 32 nibbles of a block share a scale (Q4_K) or have two (Q6_K): a vector holds one part
 * where one of 512 bits holds two, and its scale is one permutation of the block's. There are 16 registers, not 32: a
 * row has one vector of sums and its offsets go into the same.
 *
 * <p>One row at a time, and a body of a few parts, in a loop over the halves or quarters of a block: so the constants stay in
 * registers. Written out for a whole block, the parts were mixed by the compiler until none did (Zen 4 limited to AVX2, one thread,
 * rows of 1024 in the L2 cache, cycles a block: Q4_K 46, in a loop 44, Q6_K 58 and 52). With two rows in one body the vectors could
 * go through the heap (Q4_K_M of 0.6B, two threads: 0.6 or 38 tokens/s by chance, 44 to 47 with one).
 */
final class Lanes8 {
    private static final VectorSpecies<Byte> B = ByteVector.SPECIES_256;
    private static final VectorSpecies<Integer> I = IntVector.SPECIES_256;
    private static final VectorSpecies<Float> F = FloatVector.SPECIES_256;
    private static final int Q4_0_BYTES = 18;
    /** The two weights of a lane. */
    private static final int PAIR4 = 0x000F000F;
    private static final VectorMask<Integer> UPPER = VectorMask.fromLong(I, 0xF0);
    private static final VectorMask<Float> UPPER_FLOATS = VectorMask.fromLong(F, 0xF0);
    /** Rows that a kernel takes at once. */
    private static final int ROWS = 16;

    private Lanes8() {}

    /** Rows from p on, at most 16, times the token whose integers begin at {@code from}: sums of row i to {@code sums[8 i ..)}. */
    @FunctionalInterface
    interface Kernel {
        void run(MemorySegment x, long from, long p, int rows, float[] sums);
    }

    /** {@link Matrix#dot} by a kernel: a group of rows that is in the L1 cache meets one token after the other. */
    static void dot(Matrix m, Kernel kernel, MemorySegment x, long tokenBytes, int tokens, int from, int to, float[] y, boolean add, float[] sums) {
        int half = (to - from + 1) / 2;
        for (int row = from; row < from + half; row += ROWS) {
            group(m, kernel, x, tokenBytes, tokens, row, Math.min(ROWS, from + half - row), y, add, sums);
            group(m, kernel, x, tokenBytes, tokens, row + half, Math.min(ROWS, to - half - row), y, add, sums);
        }
    }

    private static void group(Matrix m, Kernel kernel, MemorySegment x, long tokenBytes, int tokens, int row, int count, float[] y,
            boolean add, float[] sums) {
        for (int t = 0; t < tokens; t++) {
            kernel.run(x, t * tokenBytes, row * m.rowBytes, count, sums);
            Lanes.sums(sums, 0, sums, 0);
            Lanes.sums(sums, 64, sums, 8);
            Matrix.put(sums, 0, count, y, t * m.rows + row, add);
        }
    }

    /**
     * Rows of Q4_0 times a token of {@link Pairs64}, two blocks at a time. Their nibbles lie 18 bytes apart: two loads, of which one
     * has the first block's in its lower half and the other the second block's in its upper half. All eight products of a lane are
     * summed, and rounded to their upper halves, before they become a float. (Zen 4 limited to AVX2, one thread, rows of 1024: 40
     * cycles for 256 weights, 13 GB/s; as floats 109.)
     */
    static void blocks(MemorySegment data, MemorySegment x, long from, long p, long rowBytes, int rows, float[] sums) {
        for (int row = 0; row < rows; row++) {
            FloatVector a = FloatVector.zero(F), b = FloatVector.zero(F);
            long s = from, end = p + rowBytes;
            while (p != end) {
                IntVector v = ByteVector.fromMemorySegment(B, data, p + 2, LITTLE_ENDIAN).reinterpretAsInts()
                        .blend(ByteVector.fromMemorySegment(B, data, p + 4, LITTLE_ENDIAN).reinterpretAsInts(), UPPER);
                short d0 = ShortVector.fromMemorySegment(ShortVector.SPECIES_64, data, p, LITTLE_ENDIAN).lane(0);
                short d1 = ShortVector.fromMemorySegment(ShortVector.SPECIES_64, data, p + 18, LITTLE_ENDIAN).lane(0);
                FloatVector d = FloatVector.broadcast(F, Float.float16ToFloat(d0)).blend(Float.float16ToFloat(d1), UPPER_FLOATS);
                IntVector c = v.and(PAIR4).mul(IntVector.fromMemorySegment(I, x, s, LITTLE_ENDIAN))
                        .add(v.lanewise(LSHR, 8).and(PAIR4).mul(IntVector.fromMemorySegment(I, x, s + 32, LITTLE_ENDIAN)))
                        .add(v.lanewise(LSHR, 4).and(PAIR4).mul(IntVector.fromMemorySegment(I, x, s + 64, LITTLE_ENDIAN)))
                        .add(v.lanewise(LSHR, 12).and(PAIR4).mul(IntVector.fromMemorySegment(I, x, s + 96, LITTLE_ENDIAN)));
                a = ((FloatVector) c.add(0x8000).and(0xFFFF0000).convertShape(I2F, F, 0))
                        .fma(d.mul(FloatVector.fromMemorySegment(F, x, s + Pairs64.SCALES, LITTLE_ENDIAN)), a);
                b = d.fma(FloatVector.fromMemorySegment(F, x, s + Pairs64.OFFSETS, LITTLE_ENDIAN), b);
                s += Pairs64.BYTES;
                p += 2 * Q4_0_BYTES;
            }
            a.add(b).intoArray(sums, 8 * row);
        }
    }
}
