package glimp.tensor;

import static java.nio.ByteOrder.LITTLE_ENDIAN;
import static jdk.incubator.vector.VectorOperators.B2F;
import static jdk.incubator.vector.VectorOperators.I2F;
import static jdk.incubator.vector.VectorOperators.LSHL;
import static jdk.incubator.vector.VectorOperators.LSHR;

import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.ByteVector;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.ShortVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorSpecies;

/**
 * Q4_0, Q4_K and Q6_K in vectors of 256 bits (AVX2): rows as they are times one token.
 *
 * <p>Eight lanes are 32 bytes, and 32 nibbles of a block share a scale (Q4_K) or have two (Q6_K): a vector holds one part
 * where one of 512 bits holds two, and its scale is one permutation of the block's eight. There are 16 registers, not 32: a
 * row has one vector of sums and its offsets go into the same.
 *
 * <p>Everything is written out, and one row at a time. With a loop over the parts of a block, or with two rows in one body,
 * whether the compiler kept the vectors in registers was a matter of when it came (Q4_K_M of 0.6B, two threads of a Zen 4
 * limited to AVX2: 11 tokens/s with unpacked rows, 0.6 or 38 with two rows in one body, 34 to 47 so; 60 with 512 bits).
 */
final class Lanes8 {
    private static final VectorSpecies<Byte> B = ByteVector.SPECIES_256, B64 = ByteVector.SPECIES_64;
    private static final VectorSpecies<Integer> I = IntVector.SPECIES_256;
    private static final VectorSpecies<Float> F = FloatVector.SPECIES_256;
    private static final int Q4_0_BYTES = 18, Q4_BYTES = 144, Q6_BYTES = 210;
    /** The two weights of a lane. */
    private static final int PAIR4 = 0x000F000F, PAIR6 = 0x003F003F;
    private static final int[] TWO = {0, 0, 0, 0, 1, 1, 1, 1};
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
     * {@code rows} rows of Q4_K from p on, times the token whose integers begin at {@code from} ({@link Ints256.Order#NIBBLES}): the
     * sums of row i to {@code sums[8 i ..)}.
     */
    static void q4(MemorySegment data, MemorySegment x, long from, long p, long rowBytes, int rows, float[] sums) {
        IntVector ownShift = IntVector.fromArray(I, Blocks256.OWN_SHIFTS, 0), ownBits = IntVector.fromArray(I, Blocks256.OWN_BITS, 0);
        IntVector pairShift = IntVector.fromArray(I, Blocks256.PAIR_SHIFTS, 0), pairBits = IntVector.fromArray(I, Blocks256.PAIR_BITS, 0);
        for (int row = 0; row < rows; row++) {
            FloatVector a = FloatVector.zero(F);
            long s = from, end = p + rowBytes;
            while (p != end) {
                FloatVector xs = FloatVector.fromMemorySegment(F, x, s + Ints256.SUMS + 32, LITTLE_ENDIAN);
                FloatVector dx = FloatVector.fromMemorySegment(F, x, s + Ints256.SCALE, LITTLE_ENDIAN);
                IntVector head = ByteVector.fromMemorySegment(B, data, p, LITTLE_ENDIAN).reinterpretAsInts();
                int halves = head.lane(0);
                IntVector upper = IntVector.broadcast(I, 3).selectFrom(head);
                IntVector n = IntVector.broadcast(I, 2).selectFrom(head).lanewise(LSHR, ownShift).and(ownBits)
                        .or(upper.lanewise(LSHR, pairShift.add(4)).and(pairBits));
                a = ((FloatVector) n.convertShape(I2F, F, 0)).mul(-Float.float16ToFloat((short) (halves >> 16))).fma(xs, a);
                n = IntVector.broadcast(I, 1).selectFrom(head).lanewise(LSHR, ownShift).and(ownBits)
                        .or(upper.lanewise(LSHR, pairShift).and(pairBits));
                IntVector scales = ((FloatVector) n.convertShape(I2F, F, 0)).mul(Float.float16ToFloat((short) halves)).reinterpretAsInts();
                IntVector v, c;
                FloatVector sum;
                v = ByteVector.fromMemorySegment(B, data, p + 16, LITTLE_ENDIAN).reinterpretAsInts();
                c = v.and(PAIR4).mul(IntVector.fromMemorySegment(I, x, s, LITTLE_ENDIAN))
                        .add(v.lanewise(LSHR, 8).and(PAIR4).mul(IntVector.fromMemorySegment(I, x, s + 64, LITTLE_ENDIAN)));
                sum = ((FloatVector) c.convertShape(I2F, F, 0)).mul(IntVector.broadcast(I, 0).selectFrom(scales).reinterpretAsFloats());
                c = v.lanewise(LSHR, 4).and(PAIR4).mul(IntVector.fromMemorySegment(I, x, s + 128, LITTLE_ENDIAN))
                        .add(v.lanewise(LSHR, 12).and(PAIR4).mul(IntVector.fromMemorySegment(I, x, s + 192, LITTLE_ENDIAN)));
                sum = ((FloatVector) c.convertShape(I2F, F, 0)).fma(IntVector.broadcast(I, 1).selectFrom(scales).reinterpretAsFloats(), sum);
                v = ByteVector.fromMemorySegment(B, data, p + 48, LITTLE_ENDIAN).reinterpretAsInts();
                c = v.and(PAIR4).mul(IntVector.fromMemorySegment(I, x, s + 32, LITTLE_ENDIAN))
                        .add(v.lanewise(LSHR, 8).and(PAIR4).mul(IntVector.fromMemorySegment(I, x, s + 96, LITTLE_ENDIAN)));
                sum = ((FloatVector) c.convertShape(I2F, F, 0)).fma(IntVector.broadcast(I, 2).selectFrom(scales).reinterpretAsFloats(), sum);
                c = v.lanewise(LSHR, 4).and(PAIR4).mul(IntVector.fromMemorySegment(I, x, s + 160, LITTLE_ENDIAN))
                        .add(v.lanewise(LSHR, 12).and(PAIR4).mul(IntVector.fromMemorySegment(I, x, s + 224, LITTLE_ENDIAN)));
                sum = ((FloatVector) c.convertShape(I2F, F, 0)).fma(IntVector.broadcast(I, 3).selectFrom(scales).reinterpretAsFloats(), sum);
                v = ByteVector.fromMemorySegment(B, data, p + 80, LITTLE_ENDIAN).reinterpretAsInts();
                c = v.and(PAIR4).mul(IntVector.fromMemorySegment(I, x, s + 256, LITTLE_ENDIAN))
                        .add(v.lanewise(LSHR, 8).and(PAIR4).mul(IntVector.fromMemorySegment(I, x, s + 320, LITTLE_ENDIAN)));
                sum = ((FloatVector) c.convertShape(I2F, F, 0)).fma(IntVector.broadcast(I, 4).selectFrom(scales).reinterpretAsFloats(), sum);
                c = v.lanewise(LSHR, 4).and(PAIR4).mul(IntVector.fromMemorySegment(I, x, s + 384, LITTLE_ENDIAN))
                        .add(v.lanewise(LSHR, 12).and(PAIR4).mul(IntVector.fromMemorySegment(I, x, s + 448, LITTLE_ENDIAN)));
                sum = ((FloatVector) c.convertShape(I2F, F, 0)).fma(IntVector.broadcast(I, 5).selectFrom(scales).reinterpretAsFloats(), sum);
                v = ByteVector.fromMemorySegment(B, data, p + 112, LITTLE_ENDIAN).reinterpretAsInts();
                c = v.and(PAIR4).mul(IntVector.fromMemorySegment(I, x, s + 288, LITTLE_ENDIAN))
                        .add(v.lanewise(LSHR, 8).and(PAIR4).mul(IntVector.fromMemorySegment(I, x, s + 352, LITTLE_ENDIAN)));
                sum = ((FloatVector) c.convertShape(I2F, F, 0)).fma(IntVector.broadcast(I, 6).selectFrom(scales).reinterpretAsFloats(), sum);
                c = v.lanewise(LSHR, 4).and(PAIR4).mul(IntVector.fromMemorySegment(I, x, s + 416, LITTLE_ENDIAN))
                        .add(v.lanewise(LSHR, 12).and(PAIR4).mul(IntVector.fromMemorySegment(I, x, s + 480, LITTLE_ENDIAN)));
                sum = ((FloatVector) c.convertShape(I2F, F, 0)).fma(IntVector.broadcast(I, 7).selectFrom(scales).reinterpretAsFloats(), sum);
                a = sum.fma(dx, a);
                s += Ints256.BLOCK;
                p += Q4_BYTES;
            }
            a.intoArray(sums, 8 * row);
        }
    }

    /**
     * {@code rows} rows of Q6_K from p on, times the token whose integers begin at {@code from} ({@link Ints256.Order#SIXES}): the
     * sums of row i to {@code sums[8 i ..)}.
     */
    static void q6(MemorySegment data, MemorySegment x, long from, long p, long rowBytes, int rows, float[] sums) {
        IntVector two = IntVector.fromArray(I, TWO, 0);
        for (int row = 0; row < rows; row++) {
            FloatVector a = FloatVector.zero(F);
            long s = from, end = p + rowBytes;
            while (p != end) {
                FloatVector dx = FloatVector.fromMemorySegment(F, x, s + Ints256.SCALE, LITTLE_ENDIAN);
                float d = Float.float16ToFloat(ShortVector.fromMemorySegment(ShortVector.SPECIES_128, data, p + 194, LITTLE_ENDIAN).lane(7));
                FloatVector s0 = ((FloatVector) ByteVector.fromMemorySegment(B64, data, p + 192, LITTLE_ENDIAN).convertShape(B2F, F, 0)).mul(d);
                FloatVector s1 = ((FloatVector) ByteVector.fromMemorySegment(B64, data, p + 200, LITTLE_ENDIAN).convertShape(B2F, F, 0)).mul(d);
                a = s0.fma(FloatVector.fromMemorySegment(F, x, s + Ints256.SUMS, LITTLE_ENDIAN), a);
                a = s1.fma(FloatVector.fromMemorySegment(F, x, s + Ints256.SUMS + 32, LITTLE_ENDIAN), a);
                IntVector u, v, h, c;
                FloatVector sum;
                u = ByteVector.fromMemorySegment(B, data, p, LITTLE_ENDIAN).reinterpretAsInts();
                v = ByteVector.fromMemorySegment(B, data, p + 32, LITTLE_ENDIAN).reinterpretAsInts();
                h = ByteVector.fromMemorySegment(B, data, p + 128, LITTLE_ENDIAN).reinterpretAsInts();
                c = u.and(0x0F0F0F0F).or(h.lanewise(LSHL, 4).and(0x30303030));
                c = c.and(PAIR6).mul(IntVector.fromMemorySegment(I, x, s, LITTLE_ENDIAN))
                        .add(c.lanewise(LSHR, 8).and(PAIR6).mul(IntVector.fromMemorySegment(I, x, s + 64, LITTLE_ENDIAN)));
                sum = ((FloatVector) c.convertShape(I2F, F, 0)).mul(two.selectFrom(s0.reinterpretAsInts()).reinterpretAsFloats());
                c = v.and(0x0F0F0F0F).or(h.lanewise(LSHL, 2).and(0x30303030));
                c = c.and(PAIR6).mul(IntVector.fromMemorySegment(I, x, s + 32, LITTLE_ENDIAN))
                        .add(c.lanewise(LSHR, 8).and(PAIR6).mul(IntVector.fromMemorySegment(I, x, s + 96, LITTLE_ENDIAN)));
                sum = ((FloatVector) c.convertShape(I2F, F, 0)).fma(two.add(2).selectFrom(s0.reinterpretAsInts()).reinterpretAsFloats(), sum);
                c = u.lanewise(LSHR, 4).and(0x0F0F0F0F).or(h.and(0x30303030));
                c = c.and(PAIR6).mul(IntVector.fromMemorySegment(I, x, s + 128, LITTLE_ENDIAN))
                        .add(c.lanewise(LSHR, 8).and(PAIR6).mul(IntVector.fromMemorySegment(I, x, s + 192, LITTLE_ENDIAN)));
                sum = ((FloatVector) c.convertShape(I2F, F, 0)).fma(two.add(4).selectFrom(s0.reinterpretAsInts()).reinterpretAsFloats(), sum);
                c = v.lanewise(LSHR, 4).and(0x0F0F0F0F).or(h.lanewise(LSHR, 2).and(0x30303030));
                c = c.and(PAIR6).mul(IntVector.fromMemorySegment(I, x, s + 160, LITTLE_ENDIAN))
                        .add(c.lanewise(LSHR, 8).and(PAIR6).mul(IntVector.fromMemorySegment(I, x, s + 224, LITTLE_ENDIAN)));
                sum = ((FloatVector) c.convertShape(I2F, F, 0)).fma(two.add(6).selectFrom(s0.reinterpretAsInts()).reinterpretAsFloats(), sum);
                u = ByteVector.fromMemorySegment(B, data, p + 64, LITTLE_ENDIAN).reinterpretAsInts();
                v = ByteVector.fromMemorySegment(B, data, p + 96, LITTLE_ENDIAN).reinterpretAsInts();
                h = ByteVector.fromMemorySegment(B, data, p + 160, LITTLE_ENDIAN).reinterpretAsInts();
                c = u.and(0x0F0F0F0F).or(h.lanewise(LSHL, 4).and(0x30303030));
                c = c.and(PAIR6).mul(IntVector.fromMemorySegment(I, x, s + 256, LITTLE_ENDIAN))
                        .add(c.lanewise(LSHR, 8).and(PAIR6).mul(IntVector.fromMemorySegment(I, x, s + 320, LITTLE_ENDIAN)));
                sum = ((FloatVector) c.convertShape(I2F, F, 0)).fma(two.selectFrom(s1.reinterpretAsInts()).reinterpretAsFloats(), sum);
                c = v.and(0x0F0F0F0F).or(h.lanewise(LSHL, 2).and(0x30303030));
                c = c.and(PAIR6).mul(IntVector.fromMemorySegment(I, x, s + 288, LITTLE_ENDIAN))
                        .add(c.lanewise(LSHR, 8).and(PAIR6).mul(IntVector.fromMemorySegment(I, x, s + 352, LITTLE_ENDIAN)));
                sum = ((FloatVector) c.convertShape(I2F, F, 0)).fma(two.add(2).selectFrom(s1.reinterpretAsInts()).reinterpretAsFloats(), sum);
                c = u.lanewise(LSHR, 4).and(0x0F0F0F0F).or(h.and(0x30303030));
                c = c.and(PAIR6).mul(IntVector.fromMemorySegment(I, x, s + 384, LITTLE_ENDIAN))
                        .add(c.lanewise(LSHR, 8).and(PAIR6).mul(IntVector.fromMemorySegment(I, x, s + 448, LITTLE_ENDIAN)));
                sum = ((FloatVector) c.convertShape(I2F, F, 0)).fma(two.add(4).selectFrom(s1.reinterpretAsInts()).reinterpretAsFloats(), sum);
                c = v.lanewise(LSHR, 4).and(0x0F0F0F0F).or(h.lanewise(LSHR, 2).and(0x30303030));
                c = c.and(PAIR6).mul(IntVector.fromMemorySegment(I, x, s + 416, LITTLE_ENDIAN))
                        .add(c.lanewise(LSHR, 8).and(PAIR6).mul(IntVector.fromMemorySegment(I, x, s + 480, LITTLE_ENDIAN)));
                sum = ((FloatVector) c.convertShape(I2F, F, 0)).fma(two.add(6).selectFrom(s1.reinterpretAsInts()).reinterpretAsFloats(), sum);
                a = sum.fma(dx, a);
                s += Ints256.BLOCK;
                p += Q6_BYTES;
            }
            a.intoArray(sums, 8 * row);
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
