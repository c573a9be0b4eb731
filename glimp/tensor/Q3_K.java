package glimp.tensor;

import static java.nio.ByteOrder.LITTLE_ENDIAN;
import static jdk.incubator.vector.VectorOperators.BITWISE_BLEND;
import static jdk.incubator.vector.VectorOperators.I2F;
import static jdk.incubator.vector.VectorOperators.LSHL;
import static jdk.incubator.vector.VectorOperators.LSHR;

import glimp.gguf.GgmlType;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import jdk.incubator.vector.ByteVector;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.ShortVector;

/**
 * Blocks of 256: 32 bytes of third bits, 64 bytes of bit pairs q, 12 bytes with a scale s of 6 bits for every 16 values, and
 * a half float d: values {@code d (s - 32) (q - 4)}. The pairs lie as in {@link Q2_K}; bit i of byte j of the third bits
 * belongs to value j of the i-th 32.
 */
final class Q3_K extends Blocks256 {
    private static final int BLOCK_BYTES = GgmlType.Q3_K.bytes;
    private static final int PAIRS = 32, SCALES = 96, D = 108;
    /**
     * The two weights of a lane, of the lower pair in a nibble and of the upper. The upper pairs stay where they are and count
     * four times, which their scales make good: {@code 4 x 28 x 256} is still less than 2^15, see {@link Dot256}.
     */
    private static final int EVEN = 0x00070007, ODD = 0x001C001C;
    private static final float[] QUARTERS = {1, 1, 0.25f, 0.25f, 1, 1, 0.25f, 0.25f, 1, 1, 0.25f, 0.25f, 1, 1, 0.25f, 0.25f};
    /** The 4 that is subtracted from every weight. */
    private static final float[] FOURS = {-4, -4, -16, -16, -4, -4, -16, -16, -4, -4, -16, -16, -4, -4, -16, -16};
    /** For {@link #one}, of the last 64 bytes: a lane's byte of lower halves, then that of its upper bits. */
    private static final byte[] SCALE_BYTES = scaleBytes();
    private static final int[] LOW_SHIFT = {0, 0, 0, 0, 0, 0, 0, 0, 4, 4, 4, 4, 4, 4, 4, 4};
    private static final int[] HIGH_SHIFT = {4, 4, 4, 4, 6, 6, 6, 6, 8, 8, 8, 8, 10, 10, 10, 10};
    /** For {@link #eight}, of 32 bytes that end with the scales: a lane's word and shift of its lower halves, then its shift of the upper bits. */
    private static final int[] SCALE_WORDS = {5, 5, 5, 5, 6, 6, 6, 6};
    private static final int[] SCALE_SHIFTS = {0, 8, 16, 24, 0, 8, 16, 24, 0, 8, 16, 24, 2, 10, 18, 26};
    private static final int[] TWICE = {0, 1, 2, 3, 4, 5, 6, 7, 0, 1, 2, 3, 4, 5, 6, 7};
    private static final int[] SECOND = {0, 0, 0, 0, 0, 0, 0, 0, 4, 4, 4, 4, 4, 4, 4, 4};

    Q3_K(MemorySegment data, int rows, int cols) {
        super(data, rows, cols, GgmlType.Q3_K, Ints256.Order.BIT_PAIRS);
    }

    private static byte[] scaleBytes() {
        byte[] from = new byte[64];
        for (int i = 0; i < 16; i++) {
            from[4 * i] = (byte) (SCALES + i % 8 - BLOCK_BYTES + 64);
            from[4 * i + 1] = (byte) (SCALES + 8 + i % 4 - BLOCK_BYTES + 64);
        }
        return from;
    }

    /**
     * Eight of a block's sixteen scales, a byte each, 32 too high: the lower halves are the nibbles of 8 bytes, the upper 2
     * bits of scale i are bits {@code 2 (i / 4)} of byte {@code i % 4} after them.
     *
     * @param half 0 for the first eight (lower nibbles), 4 for the others
     */
    private static long scales(MemorySegment data, long at, int half) {
        long low = data.get(ValueLayout.JAVA_LONG_UNALIGNED, at) >>> half & 0x0F0F0F0F0F0F0F0FL;
        int high = data.get(ValueLayout.JAVA_INT_UNALIGNED, at + 8) >>> half;
        return low | (long) (high & 0x03030303) << 4 | (long) (high & 0x0C0C0C0C) << 34;
    }

    @Override
    public void decode(int row, int from, int to, float[] out, int at) {
        long p = row * rowBytes + from / 256L * BLOCK_BYTES;
        for (int i = from; i < to; i += 256, p += BLOCK_BYTES, at += 256) {
            float d = Blocks256.half(data, p + D);
            for (int k = 0; k < 256; k += 128) {
                long scales = scales(data, p + SCALES, k / 32);
                for (int j = 0; j < 32; j += L) {
                    IntVector q = Lanes.bytes(data, p + PAIRS + k / 4 + j);
                    IntVector h = Lanes.bytes(data, p + j).lanewise(LSHR, k / 32);
                    long s = scales >>> j / 16 * 8;
                    for (int pair = 0; pair < 4; pair++, s >>>= 16) {
                        IntVector value = q.lanewise(LSHR, 2 * pair).and(3).or(h.lanewise(LSHR, pair).and(1).lanewise(LSHL, 2)).sub(4);
                        ((FloatVector) value.convertShape(I2F, F, 0)).mul(d * ((s & 0xFF) - 32)).intoArray(out, at + k + 32 * pair + j);
                    }
                }
            }
        }
    }

    @Override
    void scales(int row, float[] w, int at, int offsets) {
        long p = row * rowBytes;
        for (int block = 0; block < cols / 256; block++, p += BLOCK_BYTES, at += 64, offsets += 16) {
            float d = Blocks256.half(data, p + D);
            for (int k = 0; k < 16; k += 8) {
                long scales = scales(data, p + SCALES, k / 2);
                for (int i = k; i < k + 8; i++, scales >>>= 8) {
                    w[offsets + i] = d * ((scales & 0xFF) - 32);
                }
            }
            for (int k = 0; k < 16; k += L) {
                FloatVector.fromArray(F, w, offsets + k).mul(FloatVector.fromArray(F, QUARTERS, k)).intoArray(w, offsets + k);
            }
            spread(w, offsets, BIT_PAIR_LANES, at);
            for (int k = 0; k < 16; k += L) {
                FloatVector.fromArray(F, w, offsets + k).mul(FloatVector.fromArray(F, FOURS, k)).intoArray(w, offsets + k);
            }
        }
    }

    @Override
    void pairs(int row, float[] w, int at) {
        long p = row * rowBytes;
        for (int block = 0; block < cols / 256; block++, p += BLOCK_BYTES, at += 128) {
            for (int j = 0; j < 16; j += L) {
                IntVector q = ByteVector.fromMemorySegment(BYTES, data, p + PAIRS + 4 * j, LITTLE_ENDIAN).reinterpretAsInts();
                IntVector third = third(data, p, j);
                for (int i = 0; i < 128; i += 64) {
                    IntVector v = q.lanewise(LSHR, i / 16), h = third.lanewise(LSHR, i / 32);
                    IntVector even = v.and(0x03030303).or(h.lanewise(LSHL, 2).and(0x04040404));
                    even.and(EVEN).reinterpretAsFloats().intoArray(w, at + i + j);
                    even.lanewise(LSHR, 8).and(EVEN).reinterpretAsFloats().intoArray(w, at + i + 16 + j);
                    IntVector odd = v.and(0x0C0C0C0C).or(h.lanewise(LSHL, 3).and(0x10101010));
                    odd.and(ODD).reinterpretAsFloats().intoArray(w, at + i + 32 + j);
                    odd.lanewise(LSHR, 8).and(ODD).reinterpretAsFloats().intoArray(w, at + i + 48 + j);
                }
            }
        }
    }

    /** The third bits for the lanes from j on: the second eight of a part's 16 have theirs 4 bits higher in the same bytes. */
    private static IntVector third(MemorySegment data, long at, int j) {
        IntVector h = ByteVector.fromMemorySegment(BYTES, data, at + 4 * (j % 8), LITTLE_ENDIAN).reinterpretAsInts();
        return h.lanewise(LSHR, j / 8 * 4);
    }

    /**
     * A block is one vector of bit pairs; its 32 bytes of third bits are brought into both halves of a vector, shifted by lane
     * to where those of its part are, and merged with the pairs in one operation. Pairs in the upper half of a nibble are
     * multiplied where they are, so that one shift serves four parts. The 4 that is subtracted from every weight goes through
     * the sums of the activations. Zen 4, one thread, rows of 1024 in the L2 cache: 40 cycles a block (10 GB/s), 64 with two
     * tokens; with rows that were unpacked to scratch before, two took 217.
     */
    @Override
    void one(MemorySegment x, long from, long p, int rows, float[] sums) {
        MemorySegment data = this.data.asSlice(0);
        x = x.asSlice(0);
        ByteVector scaleBytes = ByteVector.fromArray(BYTES, SCALE_BYTES, 0);
        IntVector lowShift = IntVector.fromArray(I, LOW_SHIFT, 0), highShift = IntVector.fromArray(I, HIGH_SHIFT, 0);
        FloatVector quarters = FloatVector.fromArray(F, QUARTERS, 0), fours = FloatVector.fromArray(F, FOURS, 0);
        IntVector twice = IntVector.fromArray(I, TWICE, 0), second = IntVector.fromArray(I, SECOND, 0);
        IntVector lanes = IntVector.fromArray(I, BIT_PAIR_LANES, 0);
        for (int row = 0; row < rows; row++) {
            FloatVector a = FloatVector.zero(F);
            for (long s = from, end = p + rowBytes; p != end; p += BLOCK_BYTES, s += Ints256.BLOCK) {
                float d = Float.float16ToFloat(ShortVector
                        .fromMemorySegment(ShortVector.SPECIES_128, data, p + D - 14, LITTLE_ENDIAN).lane(7));
                IntVector n = scaleBytes.selectFrom(ByteVector
                        .fromMemorySegment(BYTES, data, p + BLOCK_BYTES - 64, LITTLE_ENDIAN)).reinterpretAsInts();
                n = n.lanewise(LSHR, lowShift).lanewise(BITWISE_BLEND, n.lanewise(LSHR, highShift), 0xF0).and(63).sub(32);
                FloatVector f = ((FloatVector) n.convertShape(I2F, F, 0)).mul(quarters.mul(d)), offset = f.mul(fours);
                IntVector scales = f.reinterpretAsInts();
                IntVector h = twice.selectFrom(ByteVector.fromMemorySegment(BYTES, data, p, LITTLE_ENDIAN).reinterpretAsInts())
                        .lanewise(LSHR, second);
                a = offset.fma(FloatVector.fromMemorySegment(F, x, s + Ints256.SUMS, LITTLE_ENDIAN), a);
                IntVector q = ByteVector.fromMemorySegment(BYTES, data, p + PAIRS, LITTLE_ENDIAN).reinterpretAsInts();
                IntVector g = h.lanewise(LSHL, 2);
                IntVector w = q.lanewise(BITWISE_BLEND, g, 0xFCFCFCFC);
                FloatVector by = lanes.selectFrom(scales).reinterpretAsFloats();
                IntVector even = w.and(EVEN), odd = w.lanewise(LSHR, 8).and(EVEN);
                IntVector m = even.mul(IntVector.fromMemorySegment(I, x, s, LITTLE_ENDIAN))
                        .add(odd.mul(IntVector.fromMemorySegment(I, x, s + 64, LITTLE_ENDIAN)));
                FloatVector u = ((FloatVector) m.convertShape(I2F, F, 0)).mul(by);
                w = q.lanewise(BITWISE_BLEND, g.add(g), 0xF0F0F0F0);
                by = lanes.add(2).selectFrom(scales).reinterpretAsFloats();
                even = w.and(ODD);
                odd = w.lanewise(LSHR, 8).and(ODD);
                m = even.mul(IntVector.fromMemorySegment(I, x, s + 128, LITTLE_ENDIAN))
                        .add(odd.mul(IntVector.fromMemorySegment(I, x, s + 192, LITTLE_ENDIAN)));
                u = ((FloatVector) m.convertShape(I2F, F, 0)).fma(by, u);
                q = q.lanewise(LSHR, 4);
                w = q.lanewise(BITWISE_BLEND, h, 0xFCFCFCFC);
                by = lanes.add(4).selectFrom(scales).reinterpretAsFloats();
                even = w.and(EVEN);
                odd = w.lanewise(LSHR, 8).and(EVEN);
                m = even.mul(IntVector.fromMemorySegment(I, x, s + 256, LITTLE_ENDIAN))
                        .add(odd.mul(IntVector.fromMemorySegment(I, x, s + 320, LITTLE_ENDIAN)));
                u = ((FloatVector) m.convertShape(I2F, F, 0)).fma(by, u);
                w = q.lanewise(BITWISE_BLEND, h.add(h), 0xF0F0F0F0);
                by = lanes.add(6).selectFrom(scales).reinterpretAsFloats();
                even = w.and(ODD);
                odd = w.lanewise(LSHR, 8).and(ODD);
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
        ByteVector scaleBytes = ByteVector.fromArray(BYTES, SCALE_BYTES, 0);
        IntVector lowShift = IntVector.fromArray(I, LOW_SHIFT, 0), highShift = IntVector.fromArray(I, HIGH_SHIFT, 0);
        FloatVector quarters = FloatVector.fromArray(F, QUARTERS, 0), fours = FloatVector.fromArray(F, FOURS, 0);
        IntVector twice = IntVector.fromArray(I, TWICE, 0), second = IntVector.fromArray(I, SECOND, 0);
        IntVector lanes = IntVector.fromArray(I, BIT_PAIR_LANES, 0);
        for (int row = 0; row < rows; row++) {
            FloatVector a = FloatVector.zero(F), b = FloatVector.zero(F);
            for (long s = from, t = s + next, end = p + rowBytes; p != end; p += BLOCK_BYTES, s += Ints256.BLOCK, t += Ints256.BLOCK) {
                float d = Float.float16ToFloat(ShortVector
                        .fromMemorySegment(ShortVector.SPECIES_128, data, p + D - 14, LITTLE_ENDIAN).lane(7));
                IntVector n = scaleBytes.selectFrom(ByteVector
                        .fromMemorySegment(BYTES, data, p + BLOCK_BYTES - 64, LITTLE_ENDIAN)).reinterpretAsInts();
                n = n.lanewise(LSHR, lowShift).lanewise(BITWISE_BLEND, n.lanewise(LSHR, highShift), 0xF0).and(63).sub(32);
                FloatVector f = ((FloatVector) n.convertShape(I2F, F, 0)).mul(quarters.mul(d)), offset = f.mul(fours);
                IntVector scales = f.reinterpretAsInts();
                IntVector h = twice.selectFrom(ByteVector.fromMemorySegment(BYTES, data, p, LITTLE_ENDIAN).reinterpretAsInts())
                        .lanewise(LSHR, second);
                a = offset.fma(FloatVector.fromMemorySegment(F, x, s + Ints256.SUMS, LITTLE_ENDIAN), a);
                b = offset.fma(FloatVector.fromMemorySegment(F, x, t + Ints256.SUMS, LITTLE_ENDIAN), b);
                IntVector q = ByteVector.fromMemorySegment(BYTES, data, p + PAIRS, LITTLE_ENDIAN).reinterpretAsInts();
                IntVector g = h.lanewise(LSHL, 2);
                IntVector w = q.lanewise(BITWISE_BLEND, g, 0xFCFCFCFC);
                FloatVector by = lanes.selectFrom(scales).reinterpretAsFloats();
                IntVector even = w.and(EVEN), odd = w.lanewise(LSHR, 8).and(EVEN);
                IntVector m = even.mul(IntVector.fromMemorySegment(I, x, s, LITTLE_ENDIAN))
                        .add(odd.mul(IntVector.fromMemorySegment(I, x, s + 64, LITTLE_ENDIAN)));
                FloatVector u = ((FloatVector) m.convertShape(I2F, F, 0)).mul(by);
                m = even.mul(IntVector.fromMemorySegment(I, x, t, LITTLE_ENDIAN))
                        .add(odd.mul(IntVector.fromMemorySegment(I, x, t + 64, LITTLE_ENDIAN)));
                FloatVector v = ((FloatVector) m.convertShape(I2F, F, 0)).mul(by);
                w = q.lanewise(BITWISE_BLEND, g.add(g), 0xF0F0F0F0);
                by = lanes.add(2).selectFrom(scales).reinterpretAsFloats();
                even = w.and(ODD);
                odd = w.lanewise(LSHR, 8).and(ODD);
                m = even.mul(IntVector.fromMemorySegment(I, x, s + 128, LITTLE_ENDIAN))
                        .add(odd.mul(IntVector.fromMemorySegment(I, x, s + 192, LITTLE_ENDIAN)));
                u = ((FloatVector) m.convertShape(I2F, F, 0)).fma(by, u);
                m = even.mul(IntVector.fromMemorySegment(I, x, t + 128, LITTLE_ENDIAN))
                        .add(odd.mul(IntVector.fromMemorySegment(I, x, t + 192, LITTLE_ENDIAN)));
                v = ((FloatVector) m.convertShape(I2F, F, 0)).fma(by, v);
                q = q.lanewise(LSHR, 4);
                w = q.lanewise(BITWISE_BLEND, h, 0xFCFCFCFC);
                by = lanes.add(4).selectFrom(scales).reinterpretAsFloats();
                even = w.and(EVEN);
                odd = w.lanewise(LSHR, 8).and(EVEN);
                m = even.mul(IntVector.fromMemorySegment(I, x, s + 256, LITTLE_ENDIAN))
                        .add(odd.mul(IntVector.fromMemorySegment(I, x, s + 320, LITTLE_ENDIAN)));
                u = ((FloatVector) m.convertShape(I2F, F, 0)).fma(by, u);
                m = even.mul(IntVector.fromMemorySegment(I, x, t + 256, LITTLE_ENDIAN))
                        .add(odd.mul(IntVector.fromMemorySegment(I, x, t + 320, LITTLE_ENDIAN)));
                v = ((FloatVector) m.convertShape(I2F, F, 0)).fma(by, v);
                w = q.lanewise(BITWISE_BLEND, h.add(h), 0xF0F0F0F0);
                by = lanes.add(6).selectFrom(scales).reinterpretAsFloats();
                even = w.and(ODD);
                odd = w.lanewise(LSHR, 8).and(ODD);
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
     * {@link Q2_K#eight} with the third bits, of which a half of a block takes the lower four. Zen 4 limited to AVX2, one thread, rows of
     * 1024 in the L2 cache: 65 cycles a block; with rows that were unpacked to scratch before 254.
     */
    @Override
    void eight(MemorySegment x, long from, long p, int rows, float[] sums) {
        MemorySegment data = this.data.asSlice(0);
        x = x.asSlice(0);
        FloatVector quarters = FloatVector.fromArray(F, QUARTERS, 0), fours = FloatVector.fromArray(F, FOURS, 0);
        IntVector two = IntVector.fromArray(I, BIT_PAIR_LANES, 0);
        IntVector words = IntVector.fromArray(I, SCALE_WORDS, 0), shifts = IntVector.fromArray(I, SCALE_SHIFTS, 0);
        IntVector highShifts = IntVector.fromArray(I, SCALE_SHIFTS, 8);
        for (int row = 0; row < rows; row++) {
            FloatVector a = FloatVector.zero(F);
            for (long s = from, end = p + rowBytes; p != end; p += BLOCK_BYTES, s += Ints256.BLOCK) {
                FloatVector d = quarters.mul(Float.float16ToFloat(ShortVector
                        .fromMemorySegment(ShortVector.SPECIES_128, data, p + D - 14, LITTLE_ENDIAN).lane(7)));
                IntVector last = ByteVector.fromMemorySegment(BYTES, data, p + D - 32, LITTLE_ENDIAN).reinterpretAsInts();
                IntVector low = words.selectFrom(last).lanewise(LSHR, shifts);
                IntVector high = IntVector.broadcast(I, 7).selectFrom(last).lanewise(LSHR, highShifts);
                FloatVector sum = FloatVector.zero(F);
                IntVector third = ByteVector.fromMemorySegment(BYTES, data, p, LITTLE_ENDIAN).reinterpretAsInts();
                for (long k = 0, z = s; k != 64; k += 32, z += 32) {
                    FloatVector f = ((FloatVector) low.and(15).or(high.lanewise(LSHL, 4).and(48)).sub(32).convertShape(I2F, F, 0)).mul(d);
                    a = f.mul(fours).fma(FloatVector.fromMemorySegment(F, x, s + Ints256.SUMS + k, LITTLE_ENDIAN), a);
                    IntVector scales = f.reinterpretAsInts(), c;
                    IntVector q = ByteVector.fromMemorySegment(BYTES, data, p + PAIRS + k, LITTLE_ENDIAN).reinterpretAsInts();
                    c = q.and(0x03030303).or(third.lanewise(LSHL, 2).and(0x04040404));
                    c = c.mul(IntVector.fromMemorySegment(I, x, z, LITTLE_ENDIAN))
                            .add(c.lanewise(LSHR, 8).and(ODD_BYTES).mul(IntVector.fromMemorySegment(I, x, z + 64, LITTLE_ENDIAN)));
                    sum = ((FloatVector) c.convertShape(I2F, F, 0)).fma(two.selectFrom(scales).reinterpretAsFloats(), sum);
                    c = q.and(0x0C0C0C0C).or(third.lanewise(LSHL, 3).and(0x10101010));
                    c = c.mul(IntVector.fromMemorySegment(I, x, z + 128, LITTLE_ENDIAN))
                            .add(c.lanewise(LSHR, 8).and(ODD_BYTES).mul(IntVector.fromMemorySegment(I, x, z + 192, LITTLE_ENDIAN)));
                    sum = ((FloatVector) c.convertShape(I2F, F, 0)).fma(two.add(2).selectFrom(scales).reinterpretAsFloats(), sum);
                    c = q.lanewise(LSHR, 4).and(0x03030303).or(third.and(0x04040404));
                    c = c.mul(IntVector.fromMemorySegment(I, x, z + 256, LITTLE_ENDIAN))
                            .add(c.lanewise(LSHR, 8).and(ODD_BYTES).mul(IntVector.fromMemorySegment(I, x, z + 320, LITTLE_ENDIAN)));
                    sum = ((FloatVector) c.convertShape(I2F, F, 0)).fma(two.add(4).selectFrom(scales).reinterpretAsFloats(), sum);
                    c = q.lanewise(LSHR, 4).and(0x0C0C0C0C).or(third.lanewise(LSHL, 1).and(0x10101010));
                    c = c.mul(IntVector.fromMemorySegment(I, x, z + 384, LITTLE_ENDIAN))
                            .add(c.lanewise(LSHR, 8).and(ODD_BYTES).mul(IntVector.fromMemorySegment(I, x, z + 448, LITTLE_ENDIAN)));
                    sum = ((FloatVector) c.convertShape(I2F, F, 0)).fma(two.add(6).selectFrom(scales).reinterpretAsFloats(), sum);
                    third = third.lanewise(LSHR, 4);
                    low = low.lanewise(LSHR, 4);
                    high = high.lanewise(LSHR, 4);
                }
                a = sum.fma(FloatVector.fromMemorySegment(F, x, s + Ints256.SCALE, LITTLE_ENDIAN), a);
            }
            a.intoArray(sums, L * row);
        }
    }
}
