package glimp.tensor;

import static java.nio.ByteOrder.LITTLE_ENDIAN;
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
final class Q4_K extends Blocks256 {
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
                    IntVector q = Blocks256.bytes(data, p + NIBBLES + k / 2 + j);
                    ((FloatVector) q.and(15).castShape(F, 0)).mul(d0).sub(m0).intoArray(out, at + k + j);
                    ((FloatVector) q.lanewise(LSHR, 4).castShape(F, 0)).mul(d1).sub(m1).intoArray(out, at + k + 32 + j);
                }
            }
        }
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

    @Override
    boolean fused() {
        return L >= 8;
    }

    @Override
    void eight(Ints256 ints, int token, long p, int count, float[] sums, int at) {
        Lanes8.q4(data, ints.data(), token * ints.tokenBytes(), p, rowBytes, count, sums, at);
    }

    /**
     * A block is two vectors of 64 bytes, each the nibbles of four parts of 32 values: lanes 0 .. 7 two of them, 8 .. 15 the
     * other two. All eight scales and eight minima come out of the header in one vector, so that one conversion, one
     * multiplication with d or -m and one FMA with the activations' sums serve for all; then a permutation for each pair of
     * parts brings the scales over their lanes. 56 operations on whole vectors a block, of which 8 multiply: their number is
     * what limits. Zen 4: 13 GB/s from memory with rows of 1024, 15 to 20 from the L2 cache with long rows; in vectors of 256
     * bits, with scales unpacked beforehand, 8.5. The half floats come out of a lane because a read of one number from the
     * segment is checked each time, and a load of a vector need not be.
     */
    @Override
    void one(Ints256 ints, long p, long q, int pairs, float[] sums) {
        MemorySegment data = this.data, x = ints.data();
        IntVector lanes = IntVector.fromArray(I, NIBBLE_LANES, 0), words = IntVector.fromArray(I, HEAD_WORDS, 0);
        IntVector ownShift = IntVector.fromArray(I, OWN_SHIFTS, 0), ownBits = IntVector.fromArray(I, OWN_BITS, 0);
        IntVector pairShift = IntVector.fromArray(I, PAIR_SHIFTS, 0), pairBits = IntVector.fromArray(I, PAIR_BITS, 0);
        for (int pair = 0; pair < pairs; pair++) {
            FloatVector a0 = FloatVector.zero(F), b0 = a0, c0 = a0, d0 = a0;
            long end = p + rowBytes, s = 0;
            while (p != end) {
                IntVector v, c;
                IntVector x0 = IntVector.fromMemorySegment(I, x, s, LITTLE_ENDIAN);
                IntVector x1 = IntVector.fromMemorySegment(I, x, s + 64, LITTLE_ENDIAN);
                IntVector x2 = IntVector.fromMemorySegment(I, x, s + 128, LITTLE_ENDIAN);
                IntVector x3 = IntVector.fromMemorySegment(I, x, s + 192, LITTLE_ENDIAN);
                IntVector x4 = IntVector.fromMemorySegment(I, x, s + 256, LITTLE_ENDIAN);
                IntVector x5 = IntVector.fromMemorySegment(I, x, s + 320, LITTLE_ENDIAN);
                IntVector x6 = IntVector.fromMemorySegment(I, x, s + 384, LITTLE_ENDIAN);
                IntVector x7 = IntVector.fromMemorySegment(I, x, s + 448, LITTLE_ENDIAN);
                FloatVector xs = FloatVector.fromMemorySegment(F, x, s + Ints256.SUMS, LITTLE_ENDIAN);
                FloatVector dx = FloatVector.fromMemorySegment(F, x, s + Ints256.SCALE, LITTLE_ENDIAN);
                {
                    IntVector head = ByteVector.fromMemorySegment(BYTES, data, p, LITTLE_ENDIAN).reinterpretAsInts();
                    int halves = head.lane(0);
                    FloatVector by = FloatVector.broadcast(F, Float.float16ToFloat((short) halves))
                            .blend(-Float.float16ToFloat((short) (halves >> 16)), MINIMA);
                    IntVector n = words.selectFrom(head).lanewise(LSHR, ownShift).and(ownBits)
                            .or(IntVector.broadcast(I, 3).selectFrom(head).lanewise(LSHR, pairShift).and(pairBits));
                    FloatVector f = ((FloatVector) n.castShape(F, 0)).mul(by);
                    c0 = f.fma(xs, c0);
                    IntVector scales = f.reinterpretAsInts();
                    v = ByteVector.fromMemorySegment(BYTES, data, p + NIBBLES, LITTLE_ENDIAN).reinterpretAsInts();
                    c = v.and(PAIR).mul(x0).add(v.lanewise(LSHR, 8).and(PAIR).mul(x1));
                    FloatVector s0 = ((FloatVector) c.castShape(F, 0)).mul(lanes.selectFrom(scales).reinterpretAsFloats());
                    c = v.lanewise(LSHR, 4).and(PAIR).mul(x2).add(v.lanewise(LSHR, 12).and(PAIR).mul(x3));
                    FloatVector s1 = ((FloatVector) c.castShape(F, 0)).mul(lanes.add(1).selectFrom(scales).reinterpretAsFloats());
                    v = ByteVector.fromMemorySegment(BYTES, data, p + NIBBLES + 64, LITTLE_ENDIAN).reinterpretAsInts();
                    c = v.and(PAIR).mul(x4).add(v.lanewise(LSHR, 8).and(PAIR).mul(x5));
                    s0 = ((FloatVector) c.castShape(F, 0)).fma(lanes.add(4).selectFrom(scales).reinterpretAsFloats(), s0);
                    c = v.lanewise(LSHR, 4).and(PAIR).mul(x6).add(v.lanewise(LSHR, 12).and(PAIR).mul(x7));
                    s1 = ((FloatVector) c.castShape(F, 0)).fma(lanes.add(5).selectFrom(scales).reinterpretAsFloats(), s1);
                    a0 = s0.add(s1).fma(dx, a0);
                }
                {
                    IntVector head = ByteVector.fromMemorySegment(BYTES, data, q, LITTLE_ENDIAN).reinterpretAsInts();
                    int halves = head.lane(0);
                    FloatVector by = FloatVector.broadcast(F, Float.float16ToFloat((short) halves))
                            .blend(-Float.float16ToFloat((short) (halves >> 16)), MINIMA);
                    IntVector n = words.selectFrom(head).lanewise(LSHR, ownShift).and(ownBits)
                            .or(IntVector.broadcast(I, 3).selectFrom(head).lanewise(LSHR, pairShift).and(pairBits));
                    FloatVector f = ((FloatVector) n.castShape(F, 0)).mul(by);
                    d0 = f.fma(xs, d0);
                    IntVector scales = f.reinterpretAsInts();
                    v = ByteVector.fromMemorySegment(BYTES, data, q + NIBBLES, LITTLE_ENDIAN).reinterpretAsInts();
                    c = v.and(PAIR).mul(x0).add(v.lanewise(LSHR, 8).and(PAIR).mul(x1));
                    FloatVector s0 = ((FloatVector) c.castShape(F, 0)).mul(lanes.selectFrom(scales).reinterpretAsFloats());
                    c = v.lanewise(LSHR, 4).and(PAIR).mul(x2).add(v.lanewise(LSHR, 12).and(PAIR).mul(x3));
                    FloatVector s1 = ((FloatVector) c.castShape(F, 0)).mul(lanes.add(1).selectFrom(scales).reinterpretAsFloats());
                    v = ByteVector.fromMemorySegment(BYTES, data, q + NIBBLES + 64, LITTLE_ENDIAN).reinterpretAsInts();
                    c = v.and(PAIR).mul(x4).add(v.lanewise(LSHR, 8).and(PAIR).mul(x5));
                    s0 = ((FloatVector) c.castShape(F, 0)).fma(lanes.add(4).selectFrom(scales).reinterpretAsFloats(), s0);
                    c = v.lanewise(LSHR, 4).and(PAIR).mul(x6).add(v.lanewise(LSHR, 12).and(PAIR).mul(x7));
                    s1 = ((FloatVector) c.castShape(F, 0)).fma(lanes.add(5).selectFrom(scales).reinterpretAsFloats(), s1);
                    b0 = s0.add(s1).fma(dx, b0);
                }
                s += Ints256.BLOCK;
                p += BLOCK_BYTES;
                q += BLOCK_BYTES;
            }
            a0.add(c0).intoArray(sums, 2 * pair * L);
            b0.add(d0).intoArray(sums, (2 * pair + 1) * L);
        }
    }
}
