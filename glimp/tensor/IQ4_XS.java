package glimp.tensor;

import static glimp.tensor.Blocks256.BYTES;
import static glimp.tensor.Blocks256.F;
import static glimp.tensor.Blocks256.I;
import static glimp.tensor.Blocks256.L;
import static java.nio.ByteOrder.LITTLE_ENDIAN;
import static jdk.incubator.vector.VectorOperators.B2F;
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
import jdk.incubator.vector.VectorSpecies;

/**
 * Blocks of 256: a half float d, a scale s of 6 bits for every 32 values (2 bytes of upper bits, 4 bytes of lower nibbles),
 * then 128 bytes of nibbles, 16 bytes for each 32 values (lower nibbles first), that index the code book c of
 * {@link IQ4_NL}: values {@code d (s - 32) c[q]}.
 */
final class IQ4_XS extends Matrix {
    private static final int BLOCK_BYTES = GgmlType.IQ4_XS.bytes;
    private static final int UPPER = 2, LOWER = 4, NIBBLES = 8;

    private static final VectorSpecies<Short> SHORTS = ShortVector.SPECIES_PREFERRED;
    /** The codes as the upper halves of floats, which hold them exactly; twice, since an index has a bit too many. */
    private static final short[] CODES = codes();
    /** For the kernels, of a block's first bytes: a lane's byte of lower nibbles, then that of its upper bits. */
    private static final byte[] SCALE_BYTES = scaleBytes();
    private static final int[] LOW_SHIFT = {0, 4, 0, 4, 0, 4, 0, 4, 0, 4, 0, 4, 0, 4, 0, 4};
    private static final int[] HIGH_SHIFT = {4, 6, 8, 10, 4, 6, 8, 10, 4, 6, 8, 10, 4, 6, 8, 10};
    /** Which scale the lanes of a block's first 64 bytes of nibbles have; those of the second have the fourth after. */
    private static final int[] LANES = {0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3};
    /** Pairs of rows that are multiplied in one call. */
    private static final int PAIRS = 4;

    IQ4_XS(MemorySegment data, int rows, int cols) {
        super(data, rows, cols, GgmlType.IQ4_XS);
    }

    private static short[] codes() {
        short[] codes = new short[32];
        for (int i = 0; i < 32; i++) {
            codes[i] = (short) (Float.floatToRawIntBits(IQ4_NL.CODES[i % 16]) >>> 16);
        }
        return codes;
    }

    private static byte[] scaleBytes() {
        byte[] from = new byte[64];
        for (int i = 0; i < 16; i++) {
            from[4 * i] = (byte) (LOWER + i % 8 / 2);
            from[4 * i + 1] = (byte) (UPPER + i % 8 / 4);
        }
        return from;
    }

    @Override
    public void decode(int row, int from, int to, float[] out, int at) {
        ByteVector codes = ByteVector.fromArray(ByteVector.SPECIES_128, IQ4_NL.CODES, 0);
        long p = row * rowBytes + from / 256L * BLOCK_BYTES;
        for (int i = from; i < to; i += 256, p += BLOCK_BYTES) {
            float d = Blocks256.half(data, p);
            int upper = data.get(ValueLayout.JAVA_SHORT_UNALIGNED, p + UPPER), lower = data.get(ValueLayout.JAVA_INT_UNALIGNED, p + LOWER);
            for (int k = 0; k < 8; k++, at += 32, upper >>>= 2, lower >>>= 4) {
                float scale = d * ((lower & 15 | (upper & 3) << 4) - 32);
                ByteVector q = ByteVector.fromMemorySegment(ByteVector.SPECIES_128, data, p + NIBBLES + 16 * k, LITTLE_ENDIAN);
                ByteVector c0 = q.and((byte) 15).selectFrom(codes), c1 = q.lanewise(LSHR, 4).selectFrom(codes);
                for (int part = 0; part < 16 / L; part++) {
                    ((FloatVector) c0.convertShape(B2F, F, part)).mul(scale).intoArray(out, at + part * L);
                    ((FloatVector) c1.convertShape(B2F, F, part)).mul(scale).intoArray(out, at + 16 + part * L);
                }
            }
        }
    }

    @Override
    void prepare(Activations x) {
        if (L == 16) {
            x.nibbles().make();
        }
    }

    /** With the kernels for 512 bits, rows stay in the L1 cache for all tokens, which come in twos. */
    @Override
    void dot(Activations x, int from, int to, float[] y, boolean add, float[] scratch) {
        if (!x.nibbles().ready) {
            super.dot(x, from, to, y, add, scratch);
            return;
        }
        int half = (to - from) / 2;
        for (int row = from; row < from + half; row += PAIRS) {
            pairs(x, row, row + half, Math.min(PAIRS, from + half - row), y, add, scratch);
        }
        if (from + 2 * half < to) {
            pairs(x, to - 1, to - 1, 1, y, add, scratch);
        }
    }

    private void pairs(Activations x, int rowA, int rowB, int count, float[] y, boolean add, float[] sums) {
        float[] values = x.nibbles().values();
        int t = 0;
        for (; t + 2 <= x.tokens; t += 2) {
            for (int row = rowA; row <= rowB; row += Math.max(1, rowB - rowA)) {
                two(values, t * cols, row * rowBytes, count, sums);
                put(sums, y, t * rows + row, (t + 1) * rows + row, count, add);
            }
        }
        if (t < x.tokens) {
            one(values, t * cols, rowA * rowBytes, rowB * rowBytes, count, sums);
            put(sums, y, t * rows + rowA, t * rows + rowB, count, add);
        }
    }

    private static void put(float[] sums, float[] y, int a, int b, int count, boolean add) {
        RowPair.reduce(sums, PAIRS);
        put(sums, 0, count, y, a, add);
        if (b != a) {
            put(sums, PAIRS, count, y, b, add);
        }
    }

    /**
     * Rows from p and from q on times one token, whose activations stay floats. Of the 32 codes that one permutation looks up,
     * as upper halves of floats, a shift and a mask make two vectors of floats; all lanes of one kind have one scale, so that
     * it is multiplied once for 128 weights. Both rows meet the same half of a block before the next, since 16 vectors of
     * activations would not stay in registers. Some 70 operations on whole vectors for 136 bytes. Zen 4, one thread: 6 to 8.5
     * GB/s; as bytes that are widened and scaled one by one, 3.8.
     */
    private void one(float[] x, int token, long p, long q, int count, float[] sums) {
        MemorySegment data = this.data;
        ShortVector codes = ShortVector.fromArray(SHORTS, CODES, 0);
        ByteVector scaleBytes = ByteVector.fromArray(BYTES, SCALE_BYTES, 0);
        IntVector lowShift = IntVector.fromArray(I, LOW_SHIFT, 0), highShift = IntVector.fromArray(I, HIGH_SHIFT, 0);
        IntVector lanes = IntVector.fromArray(I, LANES, 0);
        for (int i = 0; i < count; i++) {
            FloatVector a = FloatVector.zero(F), b = FloatVector.zero(F);
            long end = p + rowBytes;
            for (int s = token; p != end; s += 256, p += BLOCK_BYTES, q += BLOCK_BYTES) {
                IntVector v, c;
                FloatVector s0, s1;
                IntVector nf = scaleBytes.selectFrom(ByteVector.fromMemorySegment(BYTES, data, p, LITTLE_ENDIAN)).reinterpretAsInts();
                nf = nf.lanewise(LSHR, lowShift).lanewise(BITWISE_BLEND, nf.lanewise(LSHR, highShift), 0xF0).and(63).sub(32);
                float df = Float.float16ToFloat(ShortVector.fromMemorySegment(ShortVector.SPECIES_128, data, p, LITTLE_ENDIAN).lane(0));
                IntVector f = ((FloatVector) nf.convertShape(I2F, F, 0)).mul(df).reinterpretAsInts();
                IntVector ng = scaleBytes.selectFrom(ByteVector.fromMemorySegment(BYTES, data, q, LITTLE_ENDIAN)).reinterpretAsInts();
                ng = ng.lanewise(LSHR, lowShift).lanewise(BITWISE_BLEND, ng.lanewise(LSHR, highShift), 0xF0).and(63).sub(32);
                float dg = Float.float16ToFloat(ShortVector.fromMemorySegment(ShortVector.SPECIES_128, data, q, LITTLE_ENDIAN).lane(0));
                IntVector g = ((FloatVector) ng.convertShape(I2F, F, 0)).mul(dg).reinterpretAsInts();
                v = ByteVector.fromMemorySegment(BYTES, data, p + NIBBLES, LITTLE_ENDIAN).reinterpretAsInts();
                c = v.reinterpretAsShorts().selectFrom(codes).reinterpretAsInts();
                s0 = c.lanewise(LSHL, 16).reinterpretAsFloats().mul(FloatVector.fromArray(F, x, s));
                s1 = c.and(0xFFFF0000).reinterpretAsFloats().mul(FloatVector.fromArray(F, x, s + 64));
                c = v.lanewise(LSHR, 4).reinterpretAsShorts().selectFrom(codes).reinterpretAsInts();
                s0 = c.lanewise(LSHL, 16).reinterpretAsFloats().fma(FloatVector.fromArray(F, x, s + 16), s0);
                s1 = c.and(0xFFFF0000).reinterpretAsFloats().fma(FloatVector.fromArray(F, x, s + 80), s1);
                c = v.lanewise(LSHR, 8).reinterpretAsShorts().selectFrom(codes).reinterpretAsInts();
                s0 = c.lanewise(LSHL, 16).reinterpretAsFloats().fma(FloatVector.fromArray(F, x, s + 32), s0);
                s1 = c.and(0xFFFF0000).reinterpretAsFloats().fma(FloatVector.fromArray(F, x, s + 96), s1);
                c = v.lanewise(LSHR, 12).reinterpretAsShorts().selectFrom(codes).reinterpretAsInts();
                s0 = c.lanewise(LSHL, 16).reinterpretAsFloats().fma(FloatVector.fromArray(F, x, s + 48), s0);
                s1 = c.and(0xFFFF0000).reinterpretAsFloats().fma(FloatVector.fromArray(F, x, s + 112), s1);
                a = s0.add(s1).fma(lanes.selectFrom(f).reinterpretAsFloats(), a);
                v = ByteVector.fromMemorySegment(BYTES, data, q + NIBBLES, LITTLE_ENDIAN).reinterpretAsInts();
                c = v.reinterpretAsShorts().selectFrom(codes).reinterpretAsInts();
                s0 = c.lanewise(LSHL, 16).reinterpretAsFloats().mul(FloatVector.fromArray(F, x, s));
                s1 = c.and(0xFFFF0000).reinterpretAsFloats().mul(FloatVector.fromArray(F, x, s + 64));
                c = v.lanewise(LSHR, 4).reinterpretAsShorts().selectFrom(codes).reinterpretAsInts();
                s0 = c.lanewise(LSHL, 16).reinterpretAsFloats().fma(FloatVector.fromArray(F, x, s + 16), s0);
                s1 = c.and(0xFFFF0000).reinterpretAsFloats().fma(FloatVector.fromArray(F, x, s + 80), s1);
                c = v.lanewise(LSHR, 8).reinterpretAsShorts().selectFrom(codes).reinterpretAsInts();
                s0 = c.lanewise(LSHL, 16).reinterpretAsFloats().fma(FloatVector.fromArray(F, x, s + 32), s0);
                s1 = c.and(0xFFFF0000).reinterpretAsFloats().fma(FloatVector.fromArray(F, x, s + 96), s1);
                c = v.lanewise(LSHR, 12).reinterpretAsShorts().selectFrom(codes).reinterpretAsInts();
                s0 = c.lanewise(LSHL, 16).reinterpretAsFloats().fma(FloatVector.fromArray(F, x, s + 48), s0);
                s1 = c.and(0xFFFF0000).reinterpretAsFloats().fma(FloatVector.fromArray(F, x, s + 112), s1);
                b = s0.add(s1).fma(lanes.selectFrom(g).reinterpretAsFloats(), b);
                v = ByteVector.fromMemorySegment(BYTES, data, p + NIBBLES + 64, LITTLE_ENDIAN).reinterpretAsInts();
                c = v.reinterpretAsShorts().selectFrom(codes).reinterpretAsInts();
                s0 = c.lanewise(LSHL, 16).reinterpretAsFloats().mul(FloatVector.fromArray(F, x, s + 128));
                s1 = c.and(0xFFFF0000).reinterpretAsFloats().mul(FloatVector.fromArray(F, x, s + 192));
                c = v.lanewise(LSHR, 4).reinterpretAsShorts().selectFrom(codes).reinterpretAsInts();
                s0 = c.lanewise(LSHL, 16).reinterpretAsFloats().fma(FloatVector.fromArray(F, x, s + 144), s0);
                s1 = c.and(0xFFFF0000).reinterpretAsFloats().fma(FloatVector.fromArray(F, x, s + 208), s1);
                c = v.lanewise(LSHR, 8).reinterpretAsShorts().selectFrom(codes).reinterpretAsInts();
                s0 = c.lanewise(LSHL, 16).reinterpretAsFloats().fma(FloatVector.fromArray(F, x, s + 160), s0);
                s1 = c.and(0xFFFF0000).reinterpretAsFloats().fma(FloatVector.fromArray(F, x, s + 224), s1);
                c = v.lanewise(LSHR, 12).reinterpretAsShorts().selectFrom(codes).reinterpretAsInts();
                s0 = c.lanewise(LSHL, 16).reinterpretAsFloats().fma(FloatVector.fromArray(F, x, s + 176), s0);
                s1 = c.and(0xFFFF0000).reinterpretAsFloats().fma(FloatVector.fromArray(F, x, s + 240), s1);
                a = s0.add(s1).fma(lanes.add(4).selectFrom(f).reinterpretAsFloats(), a);
                v = ByteVector.fromMemorySegment(BYTES, data, q + NIBBLES + 64, LITTLE_ENDIAN).reinterpretAsInts();
                c = v.reinterpretAsShorts().selectFrom(codes).reinterpretAsInts();
                s0 = c.lanewise(LSHL, 16).reinterpretAsFloats().mul(FloatVector.fromArray(F, x, s + 128));
                s1 = c.and(0xFFFF0000).reinterpretAsFloats().mul(FloatVector.fromArray(F, x, s + 192));
                c = v.lanewise(LSHR, 4).reinterpretAsShorts().selectFrom(codes).reinterpretAsInts();
                s0 = c.lanewise(LSHL, 16).reinterpretAsFloats().fma(FloatVector.fromArray(F, x, s + 144), s0);
                s1 = c.and(0xFFFF0000).reinterpretAsFloats().fma(FloatVector.fromArray(F, x, s + 208), s1);
                c = v.lanewise(LSHR, 8).reinterpretAsShorts().selectFrom(codes).reinterpretAsInts();
                s0 = c.lanewise(LSHL, 16).reinterpretAsFloats().fma(FloatVector.fromArray(F, x, s + 160), s0);
                s1 = c.and(0xFFFF0000).reinterpretAsFloats().fma(FloatVector.fromArray(F, x, s + 224), s1);
                c = v.lanewise(LSHR, 12).reinterpretAsShorts().selectFrom(codes).reinterpretAsInts();
                s0 = c.lanewise(LSHL, 16).reinterpretAsFloats().fma(FloatVector.fromArray(F, x, s + 176), s0);
                s1 = c.and(0xFFFF0000).reinterpretAsFloats().fma(FloatVector.fromArray(F, x, s + 240), s1);
                b = s0.add(s1).fma(lanes.add(4).selectFrom(g).reinterpretAsFloats(), b);
            }
            a.intoArray(sums, i * L);
            b.intoArray(sums, (PAIRS + i) * L);
        }
    }

    /** Rows from p on times two tokens, the same sums for each; the second token costs a fifth of the first. */
    private void two(float[] x, int token, long p, int count, float[] sums) {
        MemorySegment data = this.data;
        ShortVector codes = ShortVector.fromArray(SHORTS, CODES, 0);
        ByteVector scaleBytes = ByteVector.fromArray(BYTES, SCALE_BYTES, 0);
        IntVector lowShift = IntVector.fromArray(I, LOW_SHIFT, 0), highShift = IntVector.fromArray(I, HIGH_SHIFT, 0);
        IntVector lanes = IntVector.fromArray(I, LANES, 0);
        for (int i = 0; i < count; i++) {
            FloatVector a = FloatVector.zero(F), b = FloatVector.zero(F);
            long end = p + rowBytes;
            for (int s = token, z = token + cols; p != end; s += 256, z += 256, p += BLOCK_BYTES) {
                IntVector v, c;
                FloatVector s0, s1, t0, t1;
                {
                    IntVector n = scaleBytes.selectFrom(ByteVector.fromMemorySegment(BYTES, data, p, LITTLE_ENDIAN)).reinterpretAsInts();
                    n = n.lanewise(LSHR, lowShift).lanewise(BITWISE_BLEND, n.lanewise(LSHR, highShift), 0xF0).and(63).sub(32);
                    float d = Float.float16ToFloat(ShortVector.fromMemorySegment(ShortVector.SPECIES_128, data, p, LITTLE_ENDIAN).lane(0));
                    IntVector f = ((FloatVector) n.convertShape(I2F, F, 0)).mul(d).reinterpretAsInts();
                    v = ByteVector.fromMemorySegment(BYTES, data, p + NIBBLES, LITTLE_ENDIAN).reinterpretAsInts();
                    c = v.reinterpretAsShorts().selectFrom(codes).reinterpretAsInts();
                    s0 = c.lanewise(LSHL, 16).reinterpretAsFloats().mul(FloatVector.fromArray(F, x, s));
                    s1 = c.and(0xFFFF0000).reinterpretAsFloats().mul(FloatVector.fromArray(F, x, s + 64));
                    t0 = c.lanewise(LSHL, 16).reinterpretAsFloats().mul(FloatVector.fromArray(F, x, z));
                    t1 = c.and(0xFFFF0000).reinterpretAsFloats().mul(FloatVector.fromArray(F, x, z + 64));
                    c = v.lanewise(LSHR, 4).reinterpretAsShorts().selectFrom(codes).reinterpretAsInts();
                    s0 = c.lanewise(LSHL, 16).reinterpretAsFloats().fma(FloatVector.fromArray(F, x, s + 16), s0);
                    s1 = c.and(0xFFFF0000).reinterpretAsFloats().fma(FloatVector.fromArray(F, x, s + 80), s1);
                    t0 = c.lanewise(LSHL, 16).reinterpretAsFloats().fma(FloatVector.fromArray(F, x, z + 16), t0);
                    t1 = c.and(0xFFFF0000).reinterpretAsFloats().fma(FloatVector.fromArray(F, x, z + 80), t1);
                    c = v.lanewise(LSHR, 8).reinterpretAsShorts().selectFrom(codes).reinterpretAsInts();
                    s0 = c.lanewise(LSHL, 16).reinterpretAsFloats().fma(FloatVector.fromArray(F, x, s + 32), s0);
                    s1 = c.and(0xFFFF0000).reinterpretAsFloats().fma(FloatVector.fromArray(F, x, s + 96), s1);
                    t0 = c.lanewise(LSHL, 16).reinterpretAsFloats().fma(FloatVector.fromArray(F, x, z + 32), t0);
                    t1 = c.and(0xFFFF0000).reinterpretAsFloats().fma(FloatVector.fromArray(F, x, z + 96), t1);
                    c = v.lanewise(LSHR, 12).reinterpretAsShorts().selectFrom(codes).reinterpretAsInts();
                    s0 = c.lanewise(LSHL, 16).reinterpretAsFloats().fma(FloatVector.fromArray(F, x, s + 48), s0);
                    s1 = c.and(0xFFFF0000).reinterpretAsFloats().fma(FloatVector.fromArray(F, x, s + 112), s1);
                    t0 = c.lanewise(LSHL, 16).reinterpretAsFloats().fma(FloatVector.fromArray(F, x, z + 48), t0);
                    t1 = c.and(0xFFFF0000).reinterpretAsFloats().fma(FloatVector.fromArray(F, x, z + 112), t1);
                    a = s0.add(s1).fma(lanes.selectFrom(f).reinterpretAsFloats(), a);
                    b = t0.add(t1).fma(lanes.selectFrom(f).reinterpretAsFloats(), b);
                    v = ByteVector.fromMemorySegment(BYTES, data, p + NIBBLES + 64, LITTLE_ENDIAN).reinterpretAsInts();
                    c = v.reinterpretAsShorts().selectFrom(codes).reinterpretAsInts();
                    s0 = c.lanewise(LSHL, 16).reinterpretAsFloats().mul(FloatVector.fromArray(F, x, s + 128));
                    s1 = c.and(0xFFFF0000).reinterpretAsFloats().mul(FloatVector.fromArray(F, x, s + 192));
                    t0 = c.lanewise(LSHL, 16).reinterpretAsFloats().mul(FloatVector.fromArray(F, x, z + 128));
                    t1 = c.and(0xFFFF0000).reinterpretAsFloats().mul(FloatVector.fromArray(F, x, z + 192));
                    c = v.lanewise(LSHR, 4).reinterpretAsShorts().selectFrom(codes).reinterpretAsInts();
                    s0 = c.lanewise(LSHL, 16).reinterpretAsFloats().fma(FloatVector.fromArray(F, x, s + 144), s0);
                    s1 = c.and(0xFFFF0000).reinterpretAsFloats().fma(FloatVector.fromArray(F, x, s + 208), s1);
                    t0 = c.lanewise(LSHL, 16).reinterpretAsFloats().fma(FloatVector.fromArray(F, x, z + 144), t0);
                    t1 = c.and(0xFFFF0000).reinterpretAsFloats().fma(FloatVector.fromArray(F, x, z + 208), t1);
                    c = v.lanewise(LSHR, 8).reinterpretAsShorts().selectFrom(codes).reinterpretAsInts();
                    s0 = c.lanewise(LSHL, 16).reinterpretAsFloats().fma(FloatVector.fromArray(F, x, s + 160), s0);
                    s1 = c.and(0xFFFF0000).reinterpretAsFloats().fma(FloatVector.fromArray(F, x, s + 224), s1);
                    t0 = c.lanewise(LSHL, 16).reinterpretAsFloats().fma(FloatVector.fromArray(F, x, z + 160), t0);
                    t1 = c.and(0xFFFF0000).reinterpretAsFloats().fma(FloatVector.fromArray(F, x, z + 224), t1);
                    c = v.lanewise(LSHR, 12).reinterpretAsShorts().selectFrom(codes).reinterpretAsInts();
                    s0 = c.lanewise(LSHL, 16).reinterpretAsFloats().fma(FloatVector.fromArray(F, x, s + 176), s0);
                    s1 = c.and(0xFFFF0000).reinterpretAsFloats().fma(FloatVector.fromArray(F, x, s + 240), s1);
                    t0 = c.lanewise(LSHL, 16).reinterpretAsFloats().fma(FloatVector.fromArray(F, x, z + 176), t0);
                    t1 = c.and(0xFFFF0000).reinterpretAsFloats().fma(FloatVector.fromArray(F, x, z + 240), t1);
                    a = s0.add(s1).fma(lanes.add(4).selectFrom(f).reinterpretAsFloats(), a);
                    b = t0.add(t1).fma(lanes.add(4).selectFrom(f).reinterpretAsFloats(), b);
                }
            }
            a.intoArray(sums, i * L);
            b.intoArray(sums, (PAIRS + i) * L);
        }
    }
}
