package glimp.tensor;

import static java.nio.ByteOrder.LITTLE_ENDIAN;
import static jdk.incubator.vector.VectorOperators.ASHR;
import static jdk.incubator.vector.VectorOperators.I2F;
import static jdk.incubator.vector.VectorOperators.LSHL;
import static jdk.incubator.vector.VectorOperators.LSHR;

import glimp.gguf.GgmlType;
import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.ByteVector;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.LongVector;
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
    private static final int[] FIFTHS = {0, 4, 8, 12, 0, 4, 8, 12};
    private static final int SPREAD = 0x02040810;
    private static final int Q5_0_BYTES = GgmlType.Q5_0.bytes, Q5_1_BYTES = GgmlType.Q5_1.bytes;
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

    /**
     * {@link Block32#eight} of Q5_0 and, with a {@code minimum}, of Q5_1: those of Q4_0 and Q4_1 with the fifth bits. A lane has four of
     * its lower and four of its upper nibbles, and a multiplication brings their fifth bits to the top of four bytes. (Zen 4 limited to
     * AVX2, one thread: 71 and 77 cycles for 256 weights; as methods of their own 69 and 74.)
     */
    static void five(MemorySegment data, boolean minimum, MemorySegment x, long from, long p, long rowBytes, int rows, float[] sums) {
        data = data.asSlice(0);
        x = x.asSlice(0);
        IntVector shifts = IntVector.fromArray(I, FIFTHS, 0);
        int block = minimum ? Q5_1_BYTES : Q5_0_BYTES, above = minimum ? 32 : 16;
        for (int row = 0; row < rows; row++) {
            FloatVector a = FloatVector.zero(F);
            for (long s = from, end = p + rowBytes; p != end; p += 2 * block, s += Pairs64.BYTES) {
                IntVector v = ByteVector.fromMemorySegment(B, data, p + block - 16, LITTLE_ENDIAN).reinterpretAsInts()
                        .blend(ByteVector.fromMemorySegment(B, data, p + 2 * block - 32, LITTLE_ENDIAN).reinterpretAsInts(), UPPER);
                long h0 = LongVector.fromMemorySegment(LongVector.SPECIES_128, data, p, LITTLE_ENDIAN).lane(0);
                long h1 = LongVector.fromMemorySegment(LongVector.SPECIES_128, data, p + block, LITTLE_ENDIAN).lane(0);
                IntVector head = IntVector.broadcast(I, (int) h0).blend((int) h1, UPPER);
                IntVector bits = IntVector.broadcast(I, (int) (h0 >>> above)).blend((int) (h1 >>> above), UPPER).lanewise(LSHR, shifts);
                IntVector low = v.and(0x0F0F0F0F).or(bits.and(15).mul(SPREAD).and(0x10101010));
                IntVector high = v.lanewise(LSHR, 4).and(0x0F0F0F0F).or(bits.lanewise(LSHR, 16).and(15).mul(SPREAD).and(0x10101010));
                IntVector c = low.mul(IntVector.fromMemorySegment(I, x, s, LITTLE_ENDIAN))
                        .add(low.lanewise(LSHR, 8).and(ODD_BYTES).mul(IntVector.fromMemorySegment(I, x, s + 32, LITTLE_ENDIAN)))
                        .add(high.mul(IntVector.fromMemorySegment(I, x, s + 64, LITTLE_ENDIAN)))
                        .add(high.lanewise(LSHR, 8).and(ODD_BYTES).mul(IntVector.fromMemorySegment(I, x, s + 96, LITTLE_ENDIAN)))
                        .add(IntVector.fromMemorySegment(I, x, s + Pairs64.CENTRES, LITTLE_ENDIAN)).and(0xFFFF0000);
                FloatVector d = head.lanewise(LSHL, 16).lanewise(ASHR, 3).and(0x8FFFE000).reinterpretAsFloats();
                FloatVector f = (FloatVector) c.convertShape(I2F, F, 0);
                if (minimum) {
                    FloatVector m = head.lanewise(ASHR, 3).and(0x8FFFE000).reinterpretAsFloats();
                    m = d.mul(16).add(m).mul(FloatVector.fromMemorySegment(F, x, s + Pairs64.SUMS, LITTLE_ENDIAN));
                    f = f.fma(d, m);
                } else {
                    f = f.mul(d);
                }
                a = f.fma(FloatVector.fromMemorySegment(F, x, s + Pairs64.SCALES, LITTLE_ENDIAN), a);
            }
            a.intoArray(sums, 8 * row);
        }
    }
}
