package glimp.tensor;

import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.ByteVector;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorSpecies;

/**
 * What kernels for vectors of 256 bits (AVX2) share, which are the formats' own: rows as they are times one token,
 * {@link Blocks256#eight}, {@link Block32#eight}.
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
    static final VectorSpecies<Byte> B = ByteVector.SPECIES_256;
    static final VectorSpecies<Integer> I = IntVector.SPECIES_256;
    static final VectorSpecies<Float> F = FloatVector.SPECIES_256;
    /** Of a lane's four bytes the second, and the fourth in the upper half. */
    static final int ODD_BYTES = 0x00FF00FF;
    static final VectorMask<Integer> UPPER = VectorMask.fromLong(I, 0xF0);
    /** Where a lane's fifth bits begin in Q5_0 and Q5_1, and what multiplies four of them to the fifth bits of four bytes. */
    static final int[] FIFTHS = {0, 4, 8, 12, 0, 4, 8, 12};
    static final int SPREAD = 0x02040810;
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
        for (int row = from; row < to; row += ROWS) {
            group(m, kernel, x, tokenBytes, tokens, row, Math.min(ROWS, to - row), y, add, sums);
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
}
