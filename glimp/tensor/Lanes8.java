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
import jdk.incubator.vector.VectorSpecies;

/**
 * Q4_K and Q6_K in vectors of 256 bits (AVX2): rows as they are times one token.
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
    private static final int Q4_BYTES = 144, Q6_BYTES = 210;
    /** The two weights of a lane. */
    private static final int PAIR4 = 0x000F000F, PAIR6 = 0x003F003F;
    private static final int[] TWO = {0, 0, 0, 0, 1, 1, 1, 1};

    private Lanes8() {}

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
}
