package glimp.tensor;

import static java.nio.ByteOrder.LITTLE_ENDIAN;
import static jdk.incubator.vector.VectorOperators.BITWISE_BLEND;
import static jdk.incubator.vector.VectorOperators.I2F;
import static jdk.incubator.vector.VectorOperators.LSHR;

import glimp.gguf.GgmlType;
import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.ByteVector;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;

/**
 * Blocks of 256: half floats d and m, a scale s and a minimum n of 6 bits for every 32 values, then nibbles q: values
 * {@code d s q - m n}. 32 bytes hold 32 values in their lower nibbles and the next 32 in their upper ones.
 */
final class Q4_K extends Blocks256 implements SmallInts {
    private static final int BLOCK_BYTES = GgmlType.Q4_K.bytes;
    private static final int SCALES = 4, NIBBLES = 16;
    /** The two weights of a lane. */
    private static final int PAIR = 0x000F000F;

    Q4_K(MemorySegment data, int rows, int cols) {
        super(data, rows, cols, GgmlType.Q4_K, Ints256.Order.NIBBLES);
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
                    ((FloatVector) q.and(15).convertShape(I2F, F, 0)).mul(d0).sub(m0).intoArray(out, at + k + j);
                    ((FloatVector) q.lanewise(LSHR, 4).convertShape(I2F, F, 0)).mul(d1).sub(m1).intoArray(out, at + k + 32 + j);
                }
            }
        }
    }

    @Override
    public void integers(int rowA, int rowB, int from, int to, int[] out, int at) {
        long p = rowA * rowBytes + from / 256L * BLOCK_BYTES + NIBBLES, q = rowB * rowBytes + from / 256L * BLOCK_BYTES + NIBBLES;
        for (int i = from; i < to; i += 256, p += BLOCK_BYTES, q += BLOCK_BYTES, at += 256) {
            ShortTile.nibbles(data, p, q, 32, 4, 0, out, at, 64, 32);
            ShortTile.nibbles(data, p + 16, q + 16, 32, 4, 0, out, at + 16, 64, 32);
        }
    }

    @Override
    public void scales(int row, int from, int to, float[] scales, float[] offsets, int at) {
        blockScales(data, row * rowBytes + from / 256L * BLOCK_BYTES, BLOCK_BYTES, (to - from) / 256, 0, scales, offsets, at);
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
        long p = row * rowBytes + NIBBLES;
        for (int block = 0; block < cols / 256; block++, p += BLOCK_BYTES, at += 128) {
            for (int k = 0; k < 2; k++) {
                for (int j = 0; j < 16; j += L) {
                    IntVector v = ByteVector.fromMemorySegment(BYTES, data, p + 64 * k + 4 * j, LITTLE_ENDIAN).reinterpretAsInts();
                    v.and(PAIR).reinterpretAsFloats().intoArray(w, at + 64 * k + j);
                    v.lanewise(LSHR, 8).and(PAIR).reinterpretAsFloats().intoArray(w, at + 64 * k + 16 + j);
                    v.lanewise(LSHR, 4).and(PAIR).reinterpretAsFloats().intoArray(w, at + 64 * k + 32 + j);
                    v.lanewise(LSHR, 12).and(PAIR).reinterpretAsFloats().intoArray(w, at + 64 * k + 48 + j);
                }
            }
        }
    }

    /**
     * A block is two vectors of 64 bytes, each the nibbles of four parts of 32 values: lanes 0 .. 7 two of them, 8 .. 15 the
     * other two. All eight scales and eight minima come out of the header in one vector, so that one conversion, one
     * multiplication with d or -m and one FMA with the activations' sums serve for all; then a permutation for each pair of
     * parts brings the scales over their lanes. Some 55 operations on whole vectors a block, of which two go at a time: 32
     * cycles with data in the L2 cache (16 GB/s), and 15 for a second token, since 14 of its operations multiply and all
     * multiplications share a pipe. A third and fourth token in the same body would cost 20 each instead of 23, and make it too
     * long for the first compiler. (Zen 4, one thread, rows of 4096.)
     *
     * <p>The half floats come out of a lane because a read of one number from the segment is checked each time, and a load of a
     * vector need not be.
     */
    @Override
    void one(MemorySegment x, long from, long p, int rows, float[] sums) {
        MemorySegment data = this.data.asSlice(0);
        x = x.asSlice(0);
        ByteVector fields = ByteVector.fromArray(BYTES, HEAD_BYTES, 0);
        IntVector ownShift = IntVector.fromArray(I, OWN_SHIFT, 0), pairShift = IntVector.fromArray(I, PAIR_SHIFT, 0);
        IntVector pairBits = IntVector.fromArray(I, PAIR_BITS, 0);
        IntVector lanes = IntVector.fromArray(I, NIBBLE_LANES, 0);
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
                a = f.fma(FloatVector.fromMemorySegment(F, x, s + Ints256.SUMS, LITTLE_ENDIAN), a);
                IntVector q = ByteVector.fromMemorySegment(BYTES, data, p + NIBBLES, LITTLE_ENDIAN).reinterpretAsInts();
                FloatVector by = lanes.selectFrom(scales).reinterpretAsFloats();
                IntVector even = q.and(PAIR), odd = q.lanewise(LSHR, 8).and(PAIR);
                IntVector m = even.mul(IntVector.fromMemorySegment(I, x, s, LITTLE_ENDIAN))
                        .add(odd.mul(IntVector.fromMemorySegment(I, x, s + 64, LITTLE_ENDIAN)));
                FloatVector u = ((FloatVector) m.convertShape(I2F, F, 0)).mul(by);
                by = lanes.add(1).selectFrom(scales).reinterpretAsFloats();
                even = q.lanewise(LSHR, 4).and(PAIR);
                odd = q.lanewise(LSHR, 12).and(PAIR);
                m = even.mul(IntVector.fromMemorySegment(I, x, s + 128, LITTLE_ENDIAN))
                        .add(odd.mul(IntVector.fromMemorySegment(I, x, s + 192, LITTLE_ENDIAN)));
                u = ((FloatVector) m.convertShape(I2F, F, 0)).fma(by, u);
                q = ByteVector.fromMemorySegment(BYTES, data, p + NIBBLES + 64, LITTLE_ENDIAN).reinterpretAsInts();
                by = lanes.add(4).selectFrom(scales).reinterpretAsFloats();
                even = q.and(PAIR);
                odd = q.lanewise(LSHR, 8).and(PAIR);
                m = even.mul(IntVector.fromMemorySegment(I, x, s + 256, LITTLE_ENDIAN))
                        .add(odd.mul(IntVector.fromMemorySegment(I, x, s + 320, LITTLE_ENDIAN)));
                u = ((FloatVector) m.convertShape(I2F, F, 0)).fma(by, u);
                by = lanes.add(5).selectFrom(scales).reinterpretAsFloats();
                even = q.lanewise(LSHR, 4).and(PAIR);
                odd = q.lanewise(LSHR, 12).and(PAIR);
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
                a = f.fma(FloatVector.fromMemorySegment(F, x, s + Ints256.SUMS, LITTLE_ENDIAN), a);
                b = f.fma(FloatVector.fromMemorySegment(F, x, t + Ints256.SUMS, LITTLE_ENDIAN), b);
                IntVector q = ByteVector.fromMemorySegment(BYTES, data, p + NIBBLES, LITTLE_ENDIAN).reinterpretAsInts();
                FloatVector by = lanes.selectFrom(scales).reinterpretAsFloats();
                IntVector even = q.and(PAIR), odd = q.lanewise(LSHR, 8).and(PAIR);
                IntVector m = even.mul(IntVector.fromMemorySegment(I, x, s, LITTLE_ENDIAN))
                        .add(odd.mul(IntVector.fromMemorySegment(I, x, s + 64, LITTLE_ENDIAN)));
                FloatVector u = ((FloatVector) m.convertShape(I2F, F, 0)).mul(by);
                m = even.mul(IntVector.fromMemorySegment(I, x, t, LITTLE_ENDIAN))
                        .add(odd.mul(IntVector.fromMemorySegment(I, x, t + 64, LITTLE_ENDIAN)));
                FloatVector v = ((FloatVector) m.convertShape(I2F, F, 0)).mul(by);
                by = lanes.add(1).selectFrom(scales).reinterpretAsFloats();
                even = q.lanewise(LSHR, 4).and(PAIR);
                odd = q.lanewise(LSHR, 12).and(PAIR);
                m = even.mul(IntVector.fromMemorySegment(I, x, s + 128, LITTLE_ENDIAN))
                        .add(odd.mul(IntVector.fromMemorySegment(I, x, s + 192, LITTLE_ENDIAN)));
                u = ((FloatVector) m.convertShape(I2F, F, 0)).fma(by, u);
                m = even.mul(IntVector.fromMemorySegment(I, x, t + 128, LITTLE_ENDIAN))
                        .add(odd.mul(IntVector.fromMemorySegment(I, x, t + 192, LITTLE_ENDIAN)));
                v = ((FloatVector) m.convertShape(I2F, F, 0)).fma(by, v);
                q = ByteVector.fromMemorySegment(BYTES, data, p + NIBBLES + 64, LITTLE_ENDIAN).reinterpretAsInts();
                by = lanes.add(4).selectFrom(scales).reinterpretAsFloats();
                even = q.and(PAIR);
                odd = q.lanewise(LSHR, 8).and(PAIR);
                m = even.mul(IntVector.fromMemorySegment(I, x, s + 256, LITTLE_ENDIAN))
                        .add(odd.mul(IntVector.fromMemorySegment(I, x, s + 320, LITTLE_ENDIAN)));
                u = ((FloatVector) m.convertShape(I2F, F, 0)).fma(by, u);
                m = even.mul(IntVector.fromMemorySegment(I, x, t + 256, LITTLE_ENDIAN))
                        .add(odd.mul(IntVector.fromMemorySegment(I, x, t + 320, LITTLE_ENDIAN)));
                v = ((FloatVector) m.convertShape(I2F, F, 0)).fma(by, v);
                by = lanes.add(5).selectFrom(scales).reinterpretAsFloats();
                even = q.lanewise(LSHR, 4).and(PAIR);
                odd = q.lanewise(LSHR, 12).and(PAIR);
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
     * 32 bytes are two parts of 32 values, each with a scale of its own; four of them a block. Zen 4 limited to AVX2, one thread, rows of
     * 1024 in the L2 cache: 44 cycles a block.
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
                FloatVector sum = FloatVector.zero(F);
                for (long k = 0, z = s; k != 128; k += 32, z += k == 64 ? 224 : 32) {
                    IntVector v = ByteVector.fromMemorySegment(BYTES, data, p + NIBBLES + k, LITTLE_ENDIAN).reinterpretAsInts(), c;
                    c = v.and(0x0F0F0F0F);
                    c = c.mul(IntVector.fromMemorySegment(I, x, z, LITTLE_ENDIAN))
                            .add(c.lanewise(LSHR, 8).and(ODD_BYTES).mul(IntVector.fromMemorySegment(I, x, z + 64, LITTLE_ENDIAN)));
                    sum = ((FloatVector) c.convertShape(I2F, F, 0)).fma(IntVector.broadcast(I, 0).selectFrom(scales).reinterpretAsFloats(), sum);
                    c = v.lanewise(LSHR, 4).and(0x0F0F0F0F);
                    c = c.mul(IntVector.fromMemorySegment(I, x, z + 128, LITTLE_ENDIAN))
                            .add(c.lanewise(LSHR, 8).and(ODD_BYTES).mul(IntVector.fromMemorySegment(I, x, z + 192, LITTLE_ENDIAN)));
                    sum = ((FloatVector) c.convertShape(I2F, F, 0)).fma(IntVector.broadcast(I, 1).selectFrom(scales).reinterpretAsFloats(), sum);
                    scales = next.selectFrom(scales);
                }
                a = sum.fma(FloatVector.fromMemorySegment(F, x, s + Ints256.SCALE, LITTLE_ENDIAN), a);
            }
            a.intoArray(sums, L * row);
        }
    }
}
