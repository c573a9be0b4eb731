package glimp.tensor;

import static java.nio.ByteOrder.LITTLE_ENDIAN;
import static jdk.incubator.vector.VectorOperators.BITWISE_BLEND;
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
final class Q5_K extends Blocks256 {
    private static final int BLOCK_BYTES = GgmlType.Q5_K.bytes;
    private static final int SCALES = 4, FIFTH = 16, NIBBLES = 48;
    /** The two weights of a lane. */
    private static final int PAIR = 0x001F001F;
    private static final int[] TWICE = {0, 1, 2, 3, 4, 5, 6, 7, 0, 1, 2, 3, 4, 5, 6, 7};
    private static final int[] SECOND = {0, 0, 0, 0, 0, 0, 0, 0, 2, 2, 2, 2, 2, 2, 2, 2};

    /**
     * The eight scales and eight minima, as in {@link Blocks256#HEAD_WORDS}: a lane's own byte, and in the second byte the
     * pair of lower halves.
     */
    private static final byte[] HEAD_BYTES = headBytes();
    private static final int[] OWN_SHIFT = {0, 0, 0, 0, 2, 2, 2, 2, 0, 0, 0, 0, 2, 2, 2, 2};
    private static final int[] PAIR_SHIFT = {8, 8, 8, 8, 8, 8, 8, 8, 8, 8, 8, 8, 12, 12, 12, 12};

    Q5_K(MemorySegment data, int rows, int cols) {
        super(data, rows, cols, GgmlType.Q5_K, Ints256.Order.NIBBLES);
    }

    private static byte[] headBytes() {
        byte[] from = new byte[64];
        for (int i = 0; i < 16; i++) {
            from[4 * i] = (byte) (SCALES + i / 8 * 4 + i % 4);
            from[4 * i + 1] = (byte) (SCALES + 8 + i % 4);
        }
        return from;
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
                    IntVector h = Blocks256.bytes(data, p + FIFTH + j).lanewise(LSHR, k / 32);
                    IntVector q0 = q.and(15).or(h.and(1).lanewise(LSHL, 4));
                    IntVector q1 = q.lanewise(LSHR, 4).or(h.and(2).lanewise(LSHL, 3));
                    ((FloatVector) q0.castShape(F, 0)).mul(d0).sub(m0).intoArray(out, at + k + j);
                    ((FloatVector) q1.castShape(F, 0)).mul(d1).sub(m1).intoArray(out, at + k + 32 + j);
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

    /** The fifth bits for the lanes from j on: the second eight of 16 lanes have theirs 2 bits higher in the same bytes. */
    private static IntVector fifth(MemorySegment data, long at, int j) {
        IntVector h = ByteVector.fromMemorySegment(BYTES, data, at + 4 * (j % 8), LITTLE_ENDIAN).reinterpretAsInts();
        if (L == 16) {
            return IntVector.fromArray(I, TWICE, 0).selectFrom(h).lanewise(LSHR, IntVector.fromArray(I, SECOND, 0));
        }
        return h.lanewise(LSHR, j / 8 * 2);
    }

    @Override
    boolean fused() {
        return L == 16;
    }

    /**
     * {@link Q4_K#one} with the fifth bits, which are brought into both halves of a vector, shifted by lane to where those of
     * its part are, then by part, and merged with the nibbles in one operation; what lies above them is masked when a lane is
     * split into its two pairs of weights. A lane's two bytes of scales come out of the header by one permutation. 61
     * operations on whole vectors for 176 bytes. Zen 4, one thread: 13 GB/s from memory and from the L2 cache; with both rows
     * unpacked to scratch, 7.
     */
    @Override
    void one(Ints256 ints, long p, long q, int pairs, float[] sums) {
        MemorySegment data = this.data;
        int[] x = ints.array();
        IntVector lanes = IntVector.fromArray(I, NIBBLE_LANES, 0);
        IntVector twice = IntVector.fromArray(I, TWICE, 0), second = IntVector.fromArray(I, SECOND, 0);
        ByteVector headBytes = ByteVector.fromArray(BYTES, HEAD_BYTES, 0);
        IntVector ownShift = IntVector.fromArray(I, OWN_SHIFT, 0), pairShift = IntVector.fromArray(I, PAIR_SHIFT, 0);
        IntVector pairBits = IntVector.fromArray(I, PAIR_BITS, 0);
        for (int pair = 0; pair < pairs; pair++) {
            FloatVector a0 = FloatVector.zero(F), b0 = a0, c0 = a0, d0 = a0;
            long end = p + rowBytes;
            for (int s = 0; p != end; s += (int) Ints256.BLOCK / 4, p += BLOCK_BYTES, q += BLOCK_BYTES) {
                IntVector v, h, c;
                IntVector x0 = IntVector.fromArray(I, x, s);
                IntVector x1 = IntVector.fromArray(I, x, s + 16);
                IntVector x2 = IntVector.fromArray(I, x, s + 32);
                IntVector x3 = IntVector.fromArray(I, x, s + 48);
                IntVector x4 = IntVector.fromArray(I, x, s + 64);
                IntVector x5 = IntVector.fromArray(I, x, s + 80);
                IntVector x6 = IntVector.fromArray(I, x, s + 96);
                IntVector x7 = IntVector.fromArray(I, x, s + 112);
                FloatVector xs = IntVector.fromArray(I, x, s + (int) Ints256.SUMS / 4).reinterpretAsFloats();
                FloatVector dx = IntVector.fromArray(I, x, s + (int) Ints256.SCALE / 4).reinterpretAsFloats();
                {
                    IntVector head = headBytes.selectFrom(ByteVector.fromMemorySegment(BYTES, data, p, LITTLE_ENDIAN)).reinterpretAsInts();
                    int halves = IntVector.fromMemorySegment(IntVector.SPECIES_128, data, p, LITTLE_ENDIAN).lane(0);
                    FloatVector by = FloatVector.broadcast(F, Float.float16ToFloat((short) halves))
                            .blend(-Float.float16ToFloat((short) (halves >> 16)), MINIMA);
                    IntVector n = head.lanewise(LSHR, ownShift).lanewise(BITWISE_BLEND, head.lanewise(LSHR, pairShift), pairBits).and(63);
                    FloatVector f = ((FloatVector) n.castShape(F, 0)).mul(by);
                    c0 = f.fma(xs, c0);
                    IntVector scales = f.reinterpretAsInts();
                    IntVector fifth = ByteVector.fromMemorySegment(BYTES, data, p + FIFTH, LITTLE_ENDIAN).reinterpretAsInts();
                    fifth = twice.selectFrom(fifth).lanewise(LSHR, second);
                    h = fifth.lanewise(LSHL, 3);
                    v = ByteVector.fromMemorySegment(BYTES, data, p + NIBBLES, LITTLE_ENDIAN).reinterpretAsInts();
                    c = v.lanewise(BITWISE_BLEND, h.add(h), 0xF0F0F0F0);
                    c = c.and(PAIR).mul(x0).add(c.lanewise(LSHR, 8).and(PAIR).mul(x1));
                    FloatVector s0 = ((FloatVector) c.castShape(F, 0)).mul(lanes.selectFrom(scales).reinterpretAsFloats());
                    c = v.lanewise(LSHR, 4).lanewise(BITWISE_BLEND, h, 0xF0F0F0F0);
                    c = c.and(PAIR).mul(x2).add(c.lanewise(LSHR, 8).and(PAIR).mul(x3));
                    FloatVector s1 = ((FloatVector) c.castShape(F, 0)).mul(lanes.add(1).selectFrom(scales).reinterpretAsFloats());
                    v = ByteVector.fromMemorySegment(BYTES, data, p + NIBBLES + 64, LITTLE_ENDIAN).reinterpretAsInts();
                    c = v.lanewise(BITWISE_BLEND, fifth, 0xF0F0F0F0);
                    c = c.and(PAIR).mul(x4).add(c.lanewise(LSHR, 8).and(PAIR).mul(x5));
                    s0 = ((FloatVector) c.castShape(F, 0)).fma(lanes.add(4).selectFrom(scales).reinterpretAsFloats(), s0);
                    c = v.lanewise(LSHR, 4).lanewise(BITWISE_BLEND, fifth.lanewise(LSHR, 1), 0xF0F0F0F0);
                    c = c.and(PAIR).mul(x6).add(c.lanewise(LSHR, 8).and(PAIR).mul(x7));
                    s1 = ((FloatVector) c.castShape(F, 0)).fma(lanes.add(5).selectFrom(scales).reinterpretAsFloats(), s1);
                    a0 = s0.add(s1).fma(dx, a0);
                }
                {
                    IntVector head = headBytes.selectFrom(ByteVector.fromMemorySegment(BYTES, data, q, LITTLE_ENDIAN)).reinterpretAsInts();
                    int halves = IntVector.fromMemorySegment(IntVector.SPECIES_128, data, q, LITTLE_ENDIAN).lane(0);
                    FloatVector by = FloatVector.broadcast(F, Float.float16ToFloat((short) halves))
                            .blend(-Float.float16ToFloat((short) (halves >> 16)), MINIMA);
                    IntVector n = head.lanewise(LSHR, ownShift).lanewise(BITWISE_BLEND, head.lanewise(LSHR, pairShift), pairBits).and(63);
                    FloatVector f = ((FloatVector) n.castShape(F, 0)).mul(by);
                    d0 = f.fma(xs, d0);
                    IntVector scales = f.reinterpretAsInts();
                    IntVector fifth = ByteVector.fromMemorySegment(BYTES, data, q + FIFTH, LITTLE_ENDIAN).reinterpretAsInts();
                    fifth = twice.selectFrom(fifth).lanewise(LSHR, second);
                    h = fifth.lanewise(LSHL, 3);
                    v = ByteVector.fromMemorySegment(BYTES, data, q + NIBBLES, LITTLE_ENDIAN).reinterpretAsInts();
                    c = v.lanewise(BITWISE_BLEND, h.add(h), 0xF0F0F0F0);
                    c = c.and(PAIR).mul(x0).add(c.lanewise(LSHR, 8).and(PAIR).mul(x1));
                    FloatVector s0 = ((FloatVector) c.castShape(F, 0)).mul(lanes.selectFrom(scales).reinterpretAsFloats());
                    c = v.lanewise(LSHR, 4).lanewise(BITWISE_BLEND, h, 0xF0F0F0F0);
                    c = c.and(PAIR).mul(x2).add(c.lanewise(LSHR, 8).and(PAIR).mul(x3));
                    FloatVector s1 = ((FloatVector) c.castShape(F, 0)).mul(lanes.add(1).selectFrom(scales).reinterpretAsFloats());
                    v = ByteVector.fromMemorySegment(BYTES, data, q + NIBBLES + 64, LITTLE_ENDIAN).reinterpretAsInts();
                    c = v.lanewise(BITWISE_BLEND, fifth, 0xF0F0F0F0);
                    c = c.and(PAIR).mul(x4).add(c.lanewise(LSHR, 8).and(PAIR).mul(x5));
                    s0 = ((FloatVector) c.castShape(F, 0)).fma(lanes.add(4).selectFrom(scales).reinterpretAsFloats(), s0);
                    c = v.lanewise(LSHR, 4).lanewise(BITWISE_BLEND, fifth.lanewise(LSHR, 1), 0xF0F0F0F0);
                    c = c.and(PAIR).mul(x6).add(c.lanewise(LSHR, 8).and(PAIR).mul(x7));
                    s1 = ((FloatVector) c.castShape(F, 0)).fma(lanes.add(5).selectFrom(scales).reinterpretAsFloats(), s1);
                    b0 = s0.add(s1).fma(dx, b0);
                }
            }
            a0.add(c0).intoArray(sums, 2 * pair * L);
            b0.add(d0).intoArray(sums, (2 * pair + 1) * L);
        }
    }
}
