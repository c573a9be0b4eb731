package glimp.tensor;

import static java.nio.ByteOrder.LITTLE_ENDIAN;
import static jdk.incubator.vector.VectorOperators.BITWISE_BLEND;
import static jdk.incubator.vector.VectorOperators.I2F;
import static jdk.incubator.vector.VectorOperators.LSHL;
import static jdk.incubator.vector.VectorOperators.LSHR;

import glimp.gguf.GgmlType;
import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.ByteVector;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;

/**
 * Blocks of 256: {@link Q4_K} with a fifth bit. 32 bytes between the scales and the nibbles hold it: bit i of byte j belongs
 * to value j of the i-th 32.
 */
final class Q5_K extends Blocks256 implements SmallInts {
    private static final int BLOCK_BYTES = GgmlType.Q5_K.bytes;
    private static final int SCALES = 4, FIFTH = 16, NIBBLES = 48;
    /** The two weights of a lane. */
    private static final int PAIR = 0x001F001F;
    private static final int[] TWICE = {0, 1, 2, 3, 4, 5, 6, 7, 0, 1, 2, 3, 4, 5, 6, 7};
    private static final int[] SECOND = {0, 0, 0, 0, 0, 0, 0, 0, 2, 2, 2, 2, 2, 2, 2, 2};

    Q5_K(MemorySegment data, int rows, int cols) {
        super(data, rows, cols, GgmlType.Q5_K, Ints256.Order.NIBBLES);
    }

    @Override
    public void decode(int row, int from, int to, float[] out, int at) {
        long p = row * rowBytes + from / 256L * BLOCK_BYTES;
        for (int i = from; i < to; i += 256, p += BLOCK_BYTES, at += 256) {
            float d = Blocks256.half(data, p), m = Blocks256.half(data, p + 2);
            long scales = Blocks256.scales(data, p + SCALES), minima = Blocks256.minima(data, p + SCALES);
            for (int k = 0; k < 256; k += 64, scales >>>= 16, minima >>>= 16) {
                float d0 = d * (scales & 0xFF), d1 = d * (scales >>> 8 & 0xFF);
                float m0 = m * (minima & 0xFF), m1 = m * (minima >>> 8 & 0xFF);
                for (int j = 0; j < 32; j += L) {
                    IntVector q = Lanes.bytes(data, p + NIBBLES + k / 2 + j);
                    IntVector h = Lanes.bytes(data, p + FIFTH + j).lanewise(LSHR, k / 32);
                    IntVector q0 = q.and(15).or(h.and(1).lanewise(LSHL, 4));
                    IntVector q1 = q.lanewise(LSHR, 4).or(h.and(2).lanewise(LSHL, 3));
                    ((FloatVector) q0.convertShape(I2F, F, 0)).mul(d0).sub(m0).intoArray(out, at + k + j);
                    ((FloatVector) q1.convertShape(I2F, F, 0)).mul(d1).sub(m1).intoArray(out, at + k + 32 + j);
                }
            }
        }
    }

    @Override
    public void integers(int rowA, int rowB, int from, int to, int[] out, int at) {
        long p = rowA * rowBytes + from / 256L * BLOCK_BYTES, step = (rowB - rowA) * rowBytes;
        for (int i = from; i < to; i += 256, p += BLOCK_BYTES, at += 256) {
            ShortTile.nibbles(data, p + NIBBLES, p + NIBBLES + step, 32, 4, 16, out, at, 64, 32);
            ShortTile.nibbles(data, p + NIBBLES + 16, p + NIBBLES + 16 + step, 32, 4, 16, out, at + 16, 64, 32);
            ShortTile.upper(data, p + FIFTH, p + FIFTH + step, 1, out, at);
        }
    }

    @Override
    public void scales(int row, int from, int to, float[] scales, float[] offsets, int at) {
        blockScales(data, row * rowBytes + from / 256L * BLOCK_BYTES, BLOCK_BYTES, (to - from) / 256, 16, scales, offsets, at);
    }

    @Override
    public boolean offset() {
        return true;
    }

    @Override
    void scales(int row, float[] w, int at, int offsets) {
        scalesAndMinima(data, row * rowBytes, BLOCK_BYTES, cols / 256, w, at, offsets);
    }

    @Override
    void pairs(int row, float[] w, int at) {
        long p = row * rowBytes;
        for (int block = 0; block < cols / 256; block++, p += BLOCK_BYTES, at += 128) {
            for (int k = 0; k < 2; k++) {
                for (int j = 0; j < 16; j += L) {
                    IntVector v = ByteVector.fromMemorySegment(BYTES, data, p + NIBBLES + 64 * k + 4 * j, LITTLE_ENDIAN).reinterpretAsInts();
                    IntVector h = fifth(data, p + FIFTH, j).lanewise(LSHR, 4 * k);
                    IntVector low = v.and(0x0F0F0F0F).or(h.lanewise(LSHL, 4).and(0x10101010));
                    IntVector high = v.lanewise(LSHR, 4).and(0x0F0F0F0F).or(h.lanewise(LSHL, 3).and(0x10101010));
                    low.and(PAIR).reinterpretAsFloats().intoArray(w, at + 64 * k + j);
                    low.lanewise(LSHR, 8).and(PAIR).reinterpretAsFloats().intoArray(w, at + 64 * k + 16 + j);
                    high.and(PAIR).reinterpretAsFloats().intoArray(w, at + 64 * k + 32 + j);
                    high.lanewise(LSHR, 8).and(PAIR).reinterpretAsFloats().intoArray(w, at + 64 * k + 48 + j);
                }
            }
        }
    }

    /** The fifth bits for the lanes from j on: the second eight of a part's 16 have theirs 2 bits higher in the same bytes. */
    private static IntVector fifth(MemorySegment data, long at, int j) {
        IntVector h = ByteVector.fromMemorySegment(BYTES, data, at + 4 * (j % 8), LITTLE_ENDIAN).reinterpretAsInts();
        return h.lanewise(LSHR, j / 8 * 2);
    }

    /**
     * {@link Q4_K#one} with the fifth bits, which are brought into both halves of a vector, shifted by lane to where those of
     * its part are, then by part, and merged with the nibbles in one operation; what lies above them is masked when a lane is
     * split into its two pairs of weights. Zen 4, one thread, rows of 1024 in the L2 cache: 40 cycles a block (16 GB/s), 58 with
     * two tokens; with rows that were unpacked to scratch before, two took 128.
     */
    @Override
    void one(MemorySegment x, long from, long p, int rows, float[] sums) {
        MemorySegment data = this.data.asSlice(0);
        x = x.asSlice(0);
        ByteVector fields = ByteVector.fromArray(BYTES, HEAD_BYTES, 0);
        IntVector ownShift = IntVector.fromArray(I, OWN_SHIFT, 0), pairShift = IntVector.fromArray(I, PAIR_SHIFT, 0);
        IntVector pairBits = IntVector.fromArray(I, PAIR_BITS, 0);
        IntVector lanes = IntVector.fromArray(I, NIBBLE_LANES, 0);
        IntVector twice = IntVector.fromArray(I, TWICE, 0), second = IntVector.fromArray(I, SECOND, 0);
        for (int row = 0; row < rows; row++) {
            FloatVector a = FloatVector.zero(F);
            for (long s = from, end = p + rowBytes; p != end; p += BLOCK_BYTES, s += Ints256.BLOCK) {
                ByteVector head = ByteVector.fromMemorySegment(BYTES, data, p, LITTLE_ENDIAN);
                int halves = head.reinterpretAsInts().lane(0);
                FloatVector d = FloatVector.broadcast(F, Float.float16ToFloat((short) halves))
                        .blend(-Float.float16ToFloat((short) (halves >> 16)), MINIMA);
                IntVector n = fields.selectFrom(head).reinterpretAsInts();
                n = n.lanewise(LSHR, ownShift).lanewise(BITWISE_BLEND, n.lanewise(LSHR, pairShift), pairBits).and(63);
                FloatVector f = ((FloatVector) n.convertShape(I2F, F, 0)).mul(d);
                IntVector scales = f.reinterpretAsInts();
                IntVector fifth = twice.selectFrom(ByteVector.fromMemorySegment(BYTES, data, p + FIFTH, LITTLE_ENDIAN).reinterpretAsInts()).lanewise(LSHR, second);
                a = f.fma(FloatVector.fromMemorySegment(F, x, s + Ints256.SUMS, LITTLE_ENDIAN), a);
                IntVector q = ByteVector.fromMemorySegment(BYTES, data, p + NIBBLES, LITTLE_ENDIAN).reinterpretAsInts();
                IntVector h = fifth.lanewise(LSHL, 3);
                IntVector w = q.lanewise(BITWISE_BLEND, h.add(h), 0xF0F0F0F0);
                FloatVector by = lanes.selectFrom(scales).reinterpretAsFloats();
                IntVector even = w.and(PAIR), odd = w.lanewise(LSHR, 8).and(PAIR);
                IntVector m = even.mul(IntVector.fromMemorySegment(I, x, s, LITTLE_ENDIAN))
                        .add(odd.mul(IntVector.fromMemorySegment(I, x, s + 64, LITTLE_ENDIAN)));
                FloatVector u = ((FloatVector) m.convertShape(I2F, F, 0)).mul(by);
                w = q.lanewise(LSHR, 4).lanewise(BITWISE_BLEND, h, 0xF0F0F0F0);
                by = lanes.add(1).selectFrom(scales).reinterpretAsFloats();
                even = w.and(PAIR);
                odd = w.lanewise(LSHR, 8).and(PAIR);
                m = even.mul(IntVector.fromMemorySegment(I, x, s + 128, LITTLE_ENDIAN))
                        .add(odd.mul(IntVector.fromMemorySegment(I, x, s + 192, LITTLE_ENDIAN)));
                u = ((FloatVector) m.convertShape(I2F, F, 0)).fma(by, u);
                q = ByteVector.fromMemorySegment(BYTES, data, p + NIBBLES + 64, LITTLE_ENDIAN).reinterpretAsInts();
                w = q.lanewise(BITWISE_BLEND, fifth, 0xF0F0F0F0);
                by = lanes.add(4).selectFrom(scales).reinterpretAsFloats();
                even = w.and(PAIR);
                odd = w.lanewise(LSHR, 8).and(PAIR);
                m = even.mul(IntVector.fromMemorySegment(I, x, s + 256, LITTLE_ENDIAN))
                        .add(odd.mul(IntVector.fromMemorySegment(I, x, s + 320, LITTLE_ENDIAN)));
                u = ((FloatVector) m.convertShape(I2F, F, 0)).fma(by, u);
                w = q.lanewise(LSHR, 4).lanewise(BITWISE_BLEND, fifth.lanewise(LSHR, 1), 0xF0F0F0F0);
                by = lanes.add(5).selectFrom(scales).reinterpretAsFloats();
                even = w.and(PAIR);
                odd = w.lanewise(LSHR, 8).and(PAIR);
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
        ByteVector fields = ByteVector.fromArray(BYTES, HEAD_BYTES, 0);
        IntVector ownShift = IntVector.fromArray(I, OWN_SHIFT, 0), pairShift = IntVector.fromArray(I, PAIR_SHIFT, 0);
        IntVector pairBits = IntVector.fromArray(I, PAIR_BITS, 0);
        IntVector lanes = IntVector.fromArray(I, NIBBLE_LANES, 0);
        IntVector twice = IntVector.fromArray(I, TWICE, 0), second = IntVector.fromArray(I, SECOND, 0);
        for (int row = 0; row < rows; row++) {
            FloatVector a = FloatVector.zero(F), b = FloatVector.zero(F);
            for (long s = from, t = s + next, end = p + rowBytes; p != end; p += BLOCK_BYTES, s += Ints256.BLOCK, t += Ints256.BLOCK) {
                ByteVector head = ByteVector.fromMemorySegment(BYTES, data, p, LITTLE_ENDIAN);
                int halves = head.reinterpretAsInts().lane(0);
                FloatVector d = FloatVector.broadcast(F, Float.float16ToFloat((short) halves))
                        .blend(-Float.float16ToFloat((short) (halves >> 16)), MINIMA);
                IntVector n = fields.selectFrom(head).reinterpretAsInts();
                n = n.lanewise(LSHR, ownShift).lanewise(BITWISE_BLEND, n.lanewise(LSHR, pairShift), pairBits).and(63);
                FloatVector f = ((FloatVector) n.convertShape(I2F, F, 0)).mul(d);
                IntVector scales = f.reinterpretAsInts();
                IntVector fifth = twice.selectFrom(ByteVector.fromMemorySegment(BYTES, data, p + FIFTH, LITTLE_ENDIAN).reinterpretAsInts()).lanewise(LSHR, second);
                a = f.fma(FloatVector.fromMemorySegment(F, x, s + Ints256.SUMS, LITTLE_ENDIAN), a);
                b = f.fma(FloatVector.fromMemorySegment(F, x, t + Ints256.SUMS, LITTLE_ENDIAN), b);
                IntVector q = ByteVector.fromMemorySegment(BYTES, data, p + NIBBLES, LITTLE_ENDIAN).reinterpretAsInts();
                IntVector h = fifth.lanewise(LSHL, 3);
                IntVector w = q.lanewise(BITWISE_BLEND, h.add(h), 0xF0F0F0F0);
                FloatVector by = lanes.selectFrom(scales).reinterpretAsFloats();
                IntVector even = w.and(PAIR), odd = w.lanewise(LSHR, 8).and(PAIR);
                IntVector m = even.mul(IntVector.fromMemorySegment(I, x, s, LITTLE_ENDIAN))
                        .add(odd.mul(IntVector.fromMemorySegment(I, x, s + 64, LITTLE_ENDIAN)));
                FloatVector u = ((FloatVector) m.convertShape(I2F, F, 0)).mul(by);
                m = even.mul(IntVector.fromMemorySegment(I, x, t, LITTLE_ENDIAN))
                        .add(odd.mul(IntVector.fromMemorySegment(I, x, t + 64, LITTLE_ENDIAN)));
                FloatVector v = ((FloatVector) m.convertShape(I2F, F, 0)).mul(by);
                w = q.lanewise(LSHR, 4).lanewise(BITWISE_BLEND, h, 0xF0F0F0F0);
                by = lanes.add(1).selectFrom(scales).reinterpretAsFloats();
                even = w.and(PAIR);
                odd = w.lanewise(LSHR, 8).and(PAIR);
                m = even.mul(IntVector.fromMemorySegment(I, x, s + 128, LITTLE_ENDIAN))
                        .add(odd.mul(IntVector.fromMemorySegment(I, x, s + 192, LITTLE_ENDIAN)));
                u = ((FloatVector) m.convertShape(I2F, F, 0)).fma(by, u);
                m = even.mul(IntVector.fromMemorySegment(I, x, t + 128, LITTLE_ENDIAN))
                        .add(odd.mul(IntVector.fromMemorySegment(I, x, t + 192, LITTLE_ENDIAN)));
                v = ((FloatVector) m.convertShape(I2F, F, 0)).fma(by, v);
                q = ByteVector.fromMemorySegment(BYTES, data, p + NIBBLES + 64, LITTLE_ENDIAN).reinterpretAsInts();
                w = q.lanewise(BITWISE_BLEND, fifth, 0xF0F0F0F0);
                by = lanes.add(4).selectFrom(scales).reinterpretAsFloats();
                even = w.and(PAIR);
                odd = w.lanewise(LSHR, 8).and(PAIR);
                m = even.mul(IntVector.fromMemorySegment(I, x, s + 256, LITTLE_ENDIAN))
                        .add(odd.mul(IntVector.fromMemorySegment(I, x, s + 320, LITTLE_ENDIAN)));
                u = ((FloatVector) m.convertShape(I2F, F, 0)).fma(by, u);
                m = even.mul(IntVector.fromMemorySegment(I, x, t + 256, LITTLE_ENDIAN))
                        .add(odd.mul(IntVector.fromMemorySegment(I, x, t + 320, LITTLE_ENDIAN)));
                v = ((FloatVector) m.convertShape(I2F, F, 0)).fma(by, v);
                w = q.lanewise(LSHR, 4).lanewise(BITWISE_BLEND, fifth.lanewise(LSHR, 1), 0xF0F0F0F0);
                by = lanes.add(5).selectFrom(scales).reinterpretAsFloats();
                even = w.and(PAIR);
                odd = w.lanewise(LSHR, 8).and(PAIR);
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
     * {@link Q4_K#eight} with the fifth bits, of which each part takes the lowest that are left. Zen 4 limited to AVX2, one thread, rows
     * of 1024 in the L2 cache: 51 cycles a block; with rows that were unpacked to scratch before 176.
     */
    @Override
    void eight(MemorySegment x, long from, long p, int rows, float[] sums) {
        MemorySegment data = this.data.asSlice(0);
        x = x.asSlice(0);
        IntVector ownShift = IntVector.fromArray(I, OWN_SHIFTS, 0), ownBits = IntVector.fromArray(I, OWN_BITS, 0);
        IntVector pairShift = IntVector.fromArray(I, PAIR_SHIFTS, 0), pairBits = IntVector.fromArray(I, PAIR_BITS, 0);
        IntVector next = IntVector.fromArray(I, NEXT_TWO, 0);
        for (int row = 0; row < rows; row++) {
            FloatVector a = FloatVector.zero(F);
            for (long s = from, end = p + rowBytes; p != end; p += BLOCK_BYTES, s += Ints256.BLOCK) {
                IntVector head = ByteVector.fromMemorySegment(BYTES, data, p, LITTLE_ENDIAN).reinterpretAsInts();
                int halves = head.lane(0);
                IntVector upper = IntVector.broadcast(I, 3).selectFrom(head);
                IntVector n = IntVector.broadcast(I, 2).selectFrom(head).lanewise(LSHR, ownShift).and(ownBits)
                        .or(upper.lanewise(LSHR, pairShift.add(4)).and(pairBits));
                a = ((FloatVector) n.convertShape(I2F, F, 0)).mul(-Float.float16ToFloat((short) (halves >> 16)))
                        .fma(FloatVector.fromMemorySegment(F, x, s + Ints256.SUMS + 32, LITTLE_ENDIAN), a);
                n = IntVector.broadcast(I, 1).selectFrom(head).lanewise(LSHR, ownShift).and(ownBits)
                        .or(upper.lanewise(LSHR, pairShift).and(pairBits));
                IntVector scales = ((FloatVector) n.convertShape(I2F, F, 0)).mul(Float.float16ToFloat((short) halves)).reinterpretAsInts();
                IntVector fifth = ByteVector.fromMemorySegment(BYTES, data, p + FIFTH, LITTLE_ENDIAN).reinterpretAsInts();
                FloatVector sum = FloatVector.zero(F);
                for (long k = 0, z = s; k != 128; k += 32, z += k == 64 ? 224 : 32) {
                    IntVector v = ByteVector.fromMemorySegment(BYTES, data, p + NIBBLES + k, LITTLE_ENDIAN).reinterpretAsInts(), c;
                    c = v.and(0x0F0F0F0F).or(fifth.lanewise(LSHL, 4).and(0x10101010));
                    c = c.mul(IntVector.fromMemorySegment(I, x, z, LITTLE_ENDIAN))
                            .add(c.lanewise(LSHR, 8).and(ODD_BYTES).mul(IntVector.fromMemorySegment(I, x, z + 64, LITTLE_ENDIAN)));
                    sum = ((FloatVector) c.convertShape(I2F, F, 0)).fma(IntVector.broadcast(I, 0).selectFrom(scales).reinterpretAsFloats(), sum);
                    c = v.lanewise(LSHR, 4).and(0x0F0F0F0F).or(fifth.lanewise(LSHL, 3).and(0x10101010));
                    c = c.mul(IntVector.fromMemorySegment(I, x, z + 128, LITTLE_ENDIAN))
                            .add(c.lanewise(LSHR, 8).and(ODD_BYTES).mul(IntVector.fromMemorySegment(I, x, z + 192, LITTLE_ENDIAN)));
                    sum = ((FloatVector) c.convertShape(I2F, F, 0)).fma(IntVector.broadcast(I, 1).selectFrom(scales).reinterpretAsFloats(), sum);
                    fifth = fifth.lanewise(LSHR, 2);
                    scales = next.selectFrom(scales);
                }
                a = sum.fma(FloatVector.fromMemorySegment(F, x, s + Ints256.SCALE, LITTLE_ENDIAN), a);
            }
            a.intoArray(sums, L * row);
        }
    }
}
