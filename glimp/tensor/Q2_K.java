package glimp.tensor;

import static java.nio.ByteOrder.LITTLE_ENDIAN;
import static jdk.incubator.vector.VectorOperators.B2I;
import static jdk.incubator.vector.VectorOperators.I2F;
import static jdk.incubator.vector.VectorOperators.LSHR;
import static jdk.incubator.vector.VectorOperators.ZERO_EXTEND_B2I;

import glimp.gguf.GgmlType;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import jdk.incubator.vector.ByteVector;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;

/**
 * Blocks of 256: for every 16 values a byte with a scale s (lower nibble) and a minimum n (upper), then 64 bytes of bit
 * pairs q, then half floats d and m: values {@code d s q - m n}. Each half of a block has 32 bytes whose four pairs hold 32
 * values each.
 */
final class Q2_K extends Blocks256 {
    private static final int BLOCK_BYTES = GgmlType.Q2_K.bytes;
    private static final int PAIRS = 16, D = 80, M = 82;
    /**
     * The two weights of a lane, of the lower pair in a nibble and of the upper. The upper pairs stay where they are and count
     * four times, which their scales make good: {@code 4 x 12 x 256} is still less than 2^15, see {@link Dot256}.
     */
    private static final int EVEN = 0x00030003, ODD = 0x000C000C;
    private static final float[] QUARTERS = {1, 1, 0.25f, 0.25f, 1, 1, 0.25f, 0.25f, 1, 1, 0.25f, 0.25f, 1, 1, 0.25f, 0.25f};

    Q2_K(MemorySegment data, int rows, int cols) {
        super(data, rows, cols, GgmlType.Q2_K, Ints256.Order.BIT_PAIRS);
    }

    @Override
    public void decode(int row, int from, int to, float[] out, int at) {
        long p = row * rowBytes + from / 256L * BLOCK_BYTES;
        for (int i = from; i < to; i += 256, p += BLOCK_BYTES, at += 256) {
            float d = Blocks256.half(data, p + D), m = Blocks256.half(data, p + M);
            for (int k = 0; k < 256; k += 128) {
                for (int j = 0; j < 32; j += L) {
                    IntVector q = Lanes.bytes(data, p + PAIRS + k / 4 + j);
                    for (int pair = 0; pair < 4; pair++) {
                        int s = data.get(ValueLayout.JAVA_BYTE, p + k / 16 + 2 * pair + j / 16);
                        FloatVector value = (FloatVector) q.lanewise(LSHR, 2 * pair).and(3).convertShape(I2F, F, 0);
                        value.mul(d * (s & 15)).sub(m * (s >>> 4 & 15)).intoArray(out, at + k + 32 * pair + j);
                    }
                }
            }
        }
    }

    @Override
    void scales(int row, float[] w, int at, int offsets) {
        long p = row * rowBytes;
        for (int block = 0; block < cols / 256; block++, p += BLOCK_BYTES, at += 64, offsets += 16) {
            float d = Blocks256.half(data, p + D), m = -Blocks256.half(data, p + M);
            for (int k = 0; k < 16; k += L) {
                ((FloatVector) Lanes.bytes(data, p + k).and(15).convertShape(I2F, F, 0)).mul(FloatVector.fromArray(F, QUARTERS, k).mul(d))
                        .intoArray(w, offsets + k);
            }
            spread(w, offsets, BIT_PAIR_LANES, at);
            for (int k = 0; k < 16; k += L) {
                ((FloatVector) Lanes.bytes(data, p + k).lanewise(LSHR, 4).convertShape(I2F, F, 0)).mul(m).intoArray(w, offsets + k);
            }
        }
    }

    @Override
    void pairs(int row, float[] w, int at) {
        long p = row * rowBytes + PAIRS;
        for (int block = 0; block < cols / 256; block++, p += BLOCK_BYTES, at += 128) {
            for (int j = 0; j < 16; j += L) {
                IntVector q = ByteVector.fromMemorySegment(BYTES, data, p + 4 * j, LITTLE_ENDIAN).reinterpretAsInts();
                for (int i = 0; i < 128; i += 64) {
                    IntVector v = q.lanewise(LSHR, i / 16);
                    v.and(EVEN).reinterpretAsFloats().intoArray(w, at + i + j);
                    v.lanewise(LSHR, 8).and(EVEN).reinterpretAsFloats().intoArray(w, at + i + 16 + j);
                    v.and(ODD).reinterpretAsFloats().intoArray(w, at + i + 32 + j);
                    v.lanewise(LSHR, 8).and(ODD).reinterpretAsFloats().intoArray(w, at + i + 48 + j);
                }
            }
        }
    }

    /**
     * A block is one vector of bit pairs, loaded a second time from the byte after, which brings the odd bytes of a lane under
     * the same masks as the even ones. Pairs in the upper half of a nibble are multiplied where they are, so that one shift
     * serves four parts. Zen 4, one thread, rows of 1024 in the L2 cache: 35 cycles a block (9 GB/s), 47 with two tokens.
     */
    @Override
    void one(MemorySegment x, long from, long p, int rows, float[] sums) {
        MemorySegment data = this.data.asSlice(0);
        x = x.asSlice(0);
        FloatVector quarters = FloatVector.fromArray(F, QUARTERS, 0);
        IntVector lanes = IntVector.fromArray(I, BIT_PAIR_LANES, 0);
        for (int row = 0; row < rows; row++) {
            FloatVector a = FloatVector.zero(F);
            for (long s = from, end = p + rowBytes; p != end; p += BLOCK_BYTES, s += Ints256.BLOCK) {
                int halves = IntVector.fromMemorySegment(IntVector.SPECIES_128, data, p + D - 12, LITTLE_ENDIAN).lane(3);
                IntVector n = (IntVector) ByteVector.fromMemorySegment(ByteVector.SPECIES_128, data, p, LITTLE_ENDIAN).convertShape(B2I, I, 0);
                FloatVector d = quarters.mul(Float.float16ToFloat((short) halves));
                IntVector scales = ((FloatVector) n.and(15).convertShape(I2F, F, 0)).mul(d).reinterpretAsInts();
                FloatVector minima = ((FloatVector) n.lanewise(LSHR, 4).and(15).convertShape(I2F, F, 0))
                        .mul(-Float.float16ToFloat((short) (halves >> 16)));
                a = minima.fma(FloatVector.fromMemorySegment(F, x, s + Ints256.SUMS, LITTLE_ENDIAN), a);
                IntVector q = ByteVector.fromMemorySegment(BYTES, data, p + PAIRS, LITTLE_ENDIAN).reinterpretAsInts();
                IntVector r = ByteVector.fromMemorySegment(BYTES, data, p + PAIRS + 1, LITTLE_ENDIAN).reinterpretAsInts();
                FloatVector by = lanes.selectFrom(scales).reinterpretAsFloats();
                IntVector even = q.and(EVEN), odd = r.and(EVEN);
                IntVector m = even.mul(IntVector.fromMemorySegment(I, x, s, LITTLE_ENDIAN))
                        .add(odd.mul(IntVector.fromMemorySegment(I, x, s + 64, LITTLE_ENDIAN)));
                FloatVector u = ((FloatVector) m.convertShape(I2F, F, 0)).mul(by);
                by = lanes.add(2).selectFrom(scales).reinterpretAsFloats();
                even = q.and(ODD);
                odd = r.and(ODD);
                m = even.mul(IntVector.fromMemorySegment(I, x, s + 128, LITTLE_ENDIAN))
                        .add(odd.mul(IntVector.fromMemorySegment(I, x, s + 192, LITTLE_ENDIAN)));
                u = ((FloatVector) m.convertShape(I2F, F, 0)).fma(by, u);
                q = q.lanewise(LSHR, 4);
                r = r.lanewise(LSHR, 4);
                by = lanes.add(4).selectFrom(scales).reinterpretAsFloats();
                even = q.and(EVEN);
                odd = r.and(EVEN);
                m = even.mul(IntVector.fromMemorySegment(I, x, s + 256, LITTLE_ENDIAN))
                        .add(odd.mul(IntVector.fromMemorySegment(I, x, s + 320, LITTLE_ENDIAN)));
                u = ((FloatVector) m.convertShape(I2F, F, 0)).fma(by, u);
                by = lanes.add(6).selectFrom(scales).reinterpretAsFloats();
                even = q.and(ODD);
                odd = r.and(ODD);
                m = even.mul(IntVector.fromMemorySegment(I, x, s + 384, LITTLE_ENDIAN))
                        .add(odd.mul(IntVector.fromMemorySegment(I, x, s + 448, LITTLE_ENDIAN)));
                u = ((FloatVector) m.convertShape(I2F, F, 0)).fma(by, u);
                a = u.fma(FloatVector.fromMemorySegment(F, x, s + Ints256.SCALE, LITTLE_ENDIAN), a);
            }
            a.intoArray(sums, L * row);
        }
    }

    /** {@link #one} with a second token, so that a weight is unpacked for both. */
    @Override
    void two(MemorySegment x, long from, long next, long p, int rows, float[] sums) {
        MemorySegment data = this.data.asSlice(0);
        x = x.asSlice(0);
        FloatVector quarters = FloatVector.fromArray(F, QUARTERS, 0);
        IntVector lanes = IntVector.fromArray(I, BIT_PAIR_LANES, 0);
        for (int row = 0; row < rows; row++) {
            FloatVector a = FloatVector.zero(F), b = FloatVector.zero(F);
            for (long s = from, t = s + next, end = p + rowBytes; p != end; p += BLOCK_BYTES, s += Ints256.BLOCK, t += Ints256.BLOCK) {
                int halves = IntVector.fromMemorySegment(IntVector.SPECIES_128, data, p + D - 12, LITTLE_ENDIAN).lane(3);
                IntVector n = (IntVector) ByteVector.fromMemorySegment(ByteVector.SPECIES_128, data, p, LITTLE_ENDIAN).convertShape(B2I, I, 0);
                FloatVector d = quarters.mul(Float.float16ToFloat((short) halves));
                IntVector scales = ((FloatVector) n.and(15).convertShape(I2F, F, 0)).mul(d).reinterpretAsInts();
                FloatVector minima = ((FloatVector) n.lanewise(LSHR, 4).and(15).convertShape(I2F, F, 0))
                        .mul(-Float.float16ToFloat((short) (halves >> 16)));
                a = minima.fma(FloatVector.fromMemorySegment(F, x, s + Ints256.SUMS, LITTLE_ENDIAN), a);
                b = minima.fma(FloatVector.fromMemorySegment(F, x, t + Ints256.SUMS, LITTLE_ENDIAN), b);
                IntVector q = ByteVector.fromMemorySegment(BYTES, data, p + PAIRS, LITTLE_ENDIAN).reinterpretAsInts();
                IntVector r = ByteVector.fromMemorySegment(BYTES, data, p + PAIRS + 1, LITTLE_ENDIAN).reinterpretAsInts();
                FloatVector by = lanes.selectFrom(scales).reinterpretAsFloats();
                IntVector even = q.and(EVEN), odd = r.and(EVEN);
                IntVector m = even.mul(IntVector.fromMemorySegment(I, x, s, LITTLE_ENDIAN))
                        .add(odd.mul(IntVector.fromMemorySegment(I, x, s + 64, LITTLE_ENDIAN)));
                FloatVector u = ((FloatVector) m.convertShape(I2F, F, 0)).mul(by);
                m = even.mul(IntVector.fromMemorySegment(I, x, t, LITTLE_ENDIAN))
                        .add(odd.mul(IntVector.fromMemorySegment(I, x, t + 64, LITTLE_ENDIAN)));
                FloatVector v = ((FloatVector) m.convertShape(I2F, F, 0)).mul(by);
                by = lanes.add(2).selectFrom(scales).reinterpretAsFloats();
                even = q.and(ODD);
                odd = r.and(ODD);
                m = even.mul(IntVector.fromMemorySegment(I, x, s + 128, LITTLE_ENDIAN))
                        .add(odd.mul(IntVector.fromMemorySegment(I, x, s + 192, LITTLE_ENDIAN)));
                u = ((FloatVector) m.convertShape(I2F, F, 0)).fma(by, u);
                m = even.mul(IntVector.fromMemorySegment(I, x, t + 128, LITTLE_ENDIAN))
                        .add(odd.mul(IntVector.fromMemorySegment(I, x, t + 192, LITTLE_ENDIAN)));
                v = ((FloatVector) m.convertShape(I2F, F, 0)).fma(by, v);
                q = q.lanewise(LSHR, 4);
                r = r.lanewise(LSHR, 4);
                by = lanes.add(4).selectFrom(scales).reinterpretAsFloats();
                even = q.and(EVEN);
                odd = r.and(EVEN);
                m = even.mul(IntVector.fromMemorySegment(I, x, s + 256, LITTLE_ENDIAN))
                        .add(odd.mul(IntVector.fromMemorySegment(I, x, s + 320, LITTLE_ENDIAN)));
                u = ((FloatVector) m.convertShape(I2F, F, 0)).fma(by, u);
                m = even.mul(IntVector.fromMemorySegment(I, x, t + 256, LITTLE_ENDIAN))
                        .add(odd.mul(IntVector.fromMemorySegment(I, x, t + 320, LITTLE_ENDIAN)));
                v = ((FloatVector) m.convertShape(I2F, F, 0)).fma(by, v);
                by = lanes.add(6).selectFrom(scales).reinterpretAsFloats();
                even = q.and(ODD);
                odd = r.and(ODD);
                m = even.mul(IntVector.fromMemorySegment(I, x, s + 384, LITTLE_ENDIAN))
                        .add(odd.mul(IntVector.fromMemorySegment(I, x, s + 448, LITTLE_ENDIAN)));
                u = ((FloatVector) m.convertShape(I2F, F, 0)).fma(by, u);
                m = even.mul(IntVector.fromMemorySegment(I, x, t + 384, LITTLE_ENDIAN))
                        .add(odd.mul(IntVector.fromMemorySegment(I, x, t + 448, LITTLE_ENDIAN)));
                v = ((FloatVector) m.convertShape(I2F, F, 0)).fma(by, v);
                a = u.fma(FloatVector.fromMemorySegment(F, x, s + Ints256.SCALE, LITTLE_ENDIAN), a);
                b = v.fma(FloatVector.fromMemorySegment(F, x, t + Ints256.SCALE, LITTLE_ENDIAN), b);
            }
            a.intoArray(sums, L * row);
            b.intoArray(sums, L * (SECOND_TOKEN + row));
        }
    }

    /**
     * A half of a block is one vector of bit pairs: four parts, whose lower and upper lanes have a scale each. Zen 4 limited to AVX2, one
     * thread, rows of 1024 in the L2 cache: 50 cycles a block; with rows that were unpacked to scratch before 260.
     */
    @Override
    void eight(MemorySegment x, long from, long p, int rows, float[] sums) {
        MemorySegment data = this.data.asSlice(0);
        x = x.asSlice(0);
        FloatVector quarters = FloatVector.fromArray(F, QUARTERS, 0);
        IntVector two = IntVector.fromArray(I, BIT_PAIR_LANES, 0);
        for (int row = 0; row < rows; row++) {
            FloatVector a = FloatVector.zero(F);
            for (long s = from, end = p + rowBytes; p != end; p += BLOCK_BYTES, s += Ints256.BLOCK) {
                int halves = IntVector.fromMemorySegment(IntVector.SPECIES_128, data, p + D - 12, LITTLE_ENDIAN).lane(3);
                FloatVector d = quarters.mul(Float.float16ToFloat((short) halves)), sum = FloatVector.zero(F);
                float m = -Float.float16ToFloat((short) (halves >> 16));
                for (long k = 0, z = s; k != 64; k += 32, z += 32) {
                    IntVector n = (IntVector) ByteVector.fromMemorySegment(ByteVector.SPECIES_64, data, p + (k >> 2), LITTLE_ENDIAN)
                            .convertShape(ZERO_EXTEND_B2I, I, 0);
                    a = ((FloatVector) n.lanewise(LSHR, 4).convertShape(I2F, F, 0)).mul(m)
                            .fma(FloatVector.fromMemorySegment(F, x, s + Ints256.SUMS + k, LITTLE_ENDIAN), a);
                    IntVector scales = ((FloatVector) n.and(15).convertShape(I2F, F, 0)).mul(d).reinterpretAsInts(), c;
                    IntVector q = ByteVector.fromMemorySegment(BYTES, data, p + PAIRS + k, LITTLE_ENDIAN).reinterpretAsInts();
                    c = q.and(0x03030303);
                    c = c.mul(IntVector.fromMemorySegment(I, x, z, LITTLE_ENDIAN))
                            .add(c.lanewise(LSHR, 8).and(ODD_BYTES).mul(IntVector.fromMemorySegment(I, x, z + 64, LITTLE_ENDIAN)));
                    sum = ((FloatVector) c.convertShape(I2F, F, 0)).fma(two.selectFrom(scales).reinterpretAsFloats(), sum);
                    c = q.and(0x0C0C0C0C);
                    c = c.mul(IntVector.fromMemorySegment(I, x, z + 128, LITTLE_ENDIAN))
                            .add(c.lanewise(LSHR, 8).and(ODD_BYTES).mul(IntVector.fromMemorySegment(I, x, z + 192, LITTLE_ENDIAN)));
                    sum = ((FloatVector) c.convertShape(I2F, F, 0)).fma(two.add(2).selectFrom(scales).reinterpretAsFloats(), sum);
                    c = q.lanewise(LSHR, 4).and(0x03030303);
                    c = c.mul(IntVector.fromMemorySegment(I, x, z + 256, LITTLE_ENDIAN))
                            .add(c.lanewise(LSHR, 8).and(ODD_BYTES).mul(IntVector.fromMemorySegment(I, x, z + 320, LITTLE_ENDIAN)));
                    sum = ((FloatVector) c.convertShape(I2F, F, 0)).fma(two.add(4).selectFrom(scales).reinterpretAsFloats(), sum);
                    c = q.lanewise(LSHR, 4).and(0x0C0C0C0C);
                    c = c.mul(IntVector.fromMemorySegment(I, x, z + 384, LITTLE_ENDIAN))
                            .add(c.lanewise(LSHR, 8).and(ODD_BYTES).mul(IntVector.fromMemorySegment(I, x, z + 448, LITTLE_ENDIAN)));
                    sum = ((FloatVector) c.convertShape(I2F, F, 0)).fma(two.add(6).selectFrom(scales).reinterpretAsFloats(), sum);
                }
                a = sum.fma(FloatVector.fromMemorySegment(F, x, s + Ints256.SCALE, LITTLE_ENDIAN), a);
            }
            a.intoArray(sums, L * row);
        }
    }
}
