package glimp.tensor;

import static glimp.tensor.Blocks256.BYTES;
import static glimp.tensor.Blocks256.F;
import static glimp.tensor.Blocks256.I;
import static glimp.tensor.Blocks256.L;
import static java.nio.ByteOrder.LITTLE_ENDIAN;
import static jdk.incubator.vector.VectorOperators.ASHR;
import static jdk.incubator.vector.VectorOperators.B2F;
import static jdk.incubator.vector.VectorOperators.BITWISE_BLEND;
import static jdk.incubator.vector.VectorOperators.I2F;
import static jdk.incubator.vector.VectorOperators.LSHR;

import glimp.gguf.GgmlType;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import jdk.incubator.vector.ByteVector;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.ShortVector;
import jdk.incubator.vector.VectorMask;
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

    /** For the kernels, of the first bytes of two rows' blocks: a lane's byte of lower nibbles, then that of its upper bits. */
    private static final ByteVector SCALE_BYTES = Codes.bytes(i -> i / 32 * 64 + (i % 4 == 0 ? LOWER + i % 32 / 8 : UPPER + i % 32 / 16));
    private static final int[] LOW_SHIFT = {0, 4, 0, 4, 0, 4, 0, 4, 0, 4, 0, 4, 0, 4, 0, 4};
    private static final int[] HIGH_SHIFT = {4, 6, 8, 10, 4, 6, 8, 10, 4, 6, 8, 10, 4, 6, 8, 10};
    /** Which scale the lanes of a block's first 64 bytes of nibbles have; the second's is the fourth after, another row's the eighth. */
    private static final int[] LANES = {0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3};
    /** The lanes of the second row's scales. */
    private static final VectorMask<Float> SECOND = VectorMask.fromLong(F, 0xFF00);
    /** Pairs of rows that are multiplied in one call of a kernel; their sums are a vector. */
    private static final int PAIRS = 8;

    IQ4_XS(MemorySegment data, int rows, int cols) {
        super(data, rows, cols, GgmlType.IQ4_XS);
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
        if (Codes.USABLE) {
            x.codes(CodeInts.Order.BLOCKS_OF_256).make();
        }
    }

    @Override
    void dot(Activations x, int from, int to, float[] y, boolean add, float[] scratch) {
        if (!x.codes(CodeInts.Order.BLOCKS_OF_256).ready()) {
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
        CodeInts ints = x.codes(CodeInts.Order.BLOCKS_OF_256);
        int t = 0;
        for (; t + 2 <= x.tokens; t += 2) {
            for (int i = 0; i < count; i += PAIRS / 2) {
                int n = Math.min(PAIRS / 2, count - i), a = rowA + i, b = rowB + i;
                two(ints.data(), ints.start(t), ints.start(1), a * rowBytes, b * rowBytes, n, sums);
                Lanes.sums(sums, 0, sums, 0);
                put(sums, 0, PAIRS / 2, n, y, t * rows, a, b, add);
                put(sums, PAIRS, PAIRS / 2, n, y, (t + 1) * rows, a, b, add);
            }
        }
        if (t < x.tokens) {
            one(ints.data(), ints.start(t), rowA * rowBytes, rowB * rowBytes, count, sums);
            Lanes.sums(sums, 0, sums, 0);
            put(sums, 0, PAIRS, count, y, t * rows, rowA, rowB, add);
        }
    }

    /** Of pairs of rows: the sums of the second rows are {@code step} behind those of the first. */
    private static void put(float[] sums, int from, int step, int count, float[] y, int at, int rowA, int rowB, boolean add) {
        put(sums, from, count, y, at + rowA, add);
        if (rowB != rowA) {
            put(sums, from + step, count, y, at + rowB, add);
        }
    }

    /**
     * Rows from p on and rows from q on times one token ({@link CodeInts}): the scales of both rows' blocks are one vector, and activations
     * are loaded for both. The half floats come as numbers. They are so small that most are subnormal, and their bits in a float's place
     * would be no normal float either, with which a block took 60 cycles instead of 36 (rows of 1024 in the L2 cache). Zen 4, one thread, a
     * model's matrices from memory: 39 cycles a block, 31 for each of four tokens; as floats 72 and 41.
     */
    private void one(MemorySegment x, long from, long p, long q, int count, float[] sums) {
        MemorySegment data = this.data.asSlice(0);
        x = x.asSlice(0);
        ByteVector codes = IQ4_NL.TABLE, scaleBytes = SCALE_BYTES;
        IntVector lowShift = IntVector.fromArray(I, LOW_SHIFT, 0), highShift = IntVector.fromArray(I, HIGH_SHIFT, 0);
        IntVector lanes = IntVector.fromArray(I, LANES, 0);
        ShortVector eights = ShortVector.broadcast(SHORTS, 8);
        for (int i = 0; i < count; i++) {
            FloatVector a = FloatVector.zero(F), b = FloatVector.zero(F);
            long end = p + rowBytes;
            for (long s = from; p != end; s += CodeInts.BYTES, p += BLOCK_BYTES, q += BLOCK_BYTES) {
                ByteVector hp = ByteVector.fromMemorySegment(BYTES, data, p, LITTLE_ENDIAN),
                        hq = ByteVector.fromMemorySegment(BYTES, data, q, LITTLE_ENDIAN);
                FloatVector d = FloatVector.broadcast(F, Float.float16ToFloat((short) hp.reinterpretAsInts().lane(0)))
                        .blend(Float.float16ToFloat((short) hq.reinterpretAsInts().lane(0)), SECOND);
                IntVector n = scaleBytes.selectFrom(hp, hq).reinterpretAsInts();
                n = n.lanewise(LSHR, lowShift).lanewise(BITWISE_BLEND, n.lanewise(LSHR, highShift), 0xF0).and(63).sub(32);
                IntVector f = ((FloatVector) n.convertShape(I2F, F, 0)).mul(d).reinterpretAsInts();
                IntVector v, w, x0, x1, x2, t, u;
                ByteVector c, e;
                v = ByteVector.fromMemorySegment(BYTES, data, p + NIBBLES, LITTLE_ENDIAN).reinterpretAsInts();
                w = ByteVector.fromMemorySegment(BYTES, data, q + NIBBLES, LITTLE_ENDIAN).reinterpretAsInts();
                c = v.reinterpretAsBytes().selectFrom(codes);
                e = w.reinterpretAsBytes().selectFrom(codes);
                x0 = IntVector.fromMemorySegment(I, x, s, LITTLE_ENDIAN);
                x1 = IntVector.fromMemorySegment(I, x, s + 64, LITTLE_ENDIAN);
                x2 = IntVector.fromMemorySegment(I, x, s + 128, LITTLE_ENDIAN);
                t = c.reinterpretAsInts().mul(x0)
                        .add(c.reinterpretAsShorts().lanewise(LSHR, eights).reinterpretAsInts().mul(x1)).add(x2).lanewise(ASHR, 16);
                u = e.reinterpretAsInts().mul(x0)
                        .add(e.reinterpretAsShorts().lanewise(LSHR, eights).reinterpretAsInts().mul(x1)).add(x2).lanewise(ASHR, 16);
                c = v.lanewise(LSHR, 4).reinterpretAsBytes().selectFrom(codes);
                e = w.lanewise(LSHR, 4).reinterpretAsBytes().selectFrom(codes);
                x0 = IntVector.fromMemorySegment(I, x, s + 192, LITTLE_ENDIAN);
                x1 = IntVector.fromMemorySegment(I, x, s + 256, LITTLE_ENDIAN);
                x2 = IntVector.fromMemorySegment(I, x, s + 320, LITTLE_ENDIAN);
                t = c.reinterpretAsInts().mul(x0)
                        .add(c.reinterpretAsShorts().lanewise(LSHR, eights).reinterpretAsInts().mul(x1)).add(x2).lanewise(ASHR, 16).add(t);
                u = e.reinterpretAsInts().mul(x0)
                        .add(e.reinterpretAsShorts().lanewise(LSHR, eights).reinterpretAsInts().mul(x1)).add(x2).lanewise(ASHR, 16).add(u);
                FloatVector y = ((FloatVector) t.convertShape(I2F, F, 0)).mul(lanes.selectFrom(f).reinterpretAsFloats());
                FloatVector z = ((FloatVector) u.convertShape(I2F, F, 0)).mul(lanes.add(8).selectFrom(f).reinterpretAsFloats());
                v = ByteVector.fromMemorySegment(BYTES, data, p + NIBBLES + 64, LITTLE_ENDIAN).reinterpretAsInts();
                w = ByteVector.fromMemorySegment(BYTES, data, q + NIBBLES + 64, LITTLE_ENDIAN).reinterpretAsInts();
                c = v.reinterpretAsBytes().selectFrom(codes);
                e = w.reinterpretAsBytes().selectFrom(codes);
                x0 = IntVector.fromMemorySegment(I, x, s + 384, LITTLE_ENDIAN);
                x1 = IntVector.fromMemorySegment(I, x, s + 448, LITTLE_ENDIAN);
                x2 = IntVector.fromMemorySegment(I, x, s + 512, LITTLE_ENDIAN);
                t = c.reinterpretAsInts().mul(x0)
                        .add(c.reinterpretAsShorts().lanewise(LSHR, eights).reinterpretAsInts().mul(x1)).add(x2).lanewise(ASHR, 16);
                u = e.reinterpretAsInts().mul(x0)
                        .add(e.reinterpretAsShorts().lanewise(LSHR, eights).reinterpretAsInts().mul(x1)).add(x2).lanewise(ASHR, 16);
                c = v.lanewise(LSHR, 4).reinterpretAsBytes().selectFrom(codes);
                e = w.lanewise(LSHR, 4).reinterpretAsBytes().selectFrom(codes);
                x0 = IntVector.fromMemorySegment(I, x, s + 576, LITTLE_ENDIAN);
                x1 = IntVector.fromMemorySegment(I, x, s + 640, LITTLE_ENDIAN);
                x2 = IntVector.fromMemorySegment(I, x, s + 704, LITTLE_ENDIAN);
                t = c.reinterpretAsInts().mul(x0)
                        .add(c.reinterpretAsShorts().lanewise(LSHR, eights).reinterpretAsInts().mul(x1)).add(x2).lanewise(ASHR, 16).add(t);
                u = e.reinterpretAsInts().mul(x0)
                        .add(e.reinterpretAsShorts().lanewise(LSHR, eights).reinterpretAsInts().mul(x1)).add(x2).lanewise(ASHR, 16).add(u);
                y = ((FloatVector) t.convertShape(I2F, F, 0)).fma(lanes.add(4).selectFrom(f).reinterpretAsFloats(), y);
                z = ((FloatVector) u.convertShape(I2F, F, 0)).fma(lanes.add(12).selectFrom(f).reinterpretAsFloats(), z);
                FloatVector dx = FloatVector.fromMemorySegment(F, x, s + CodeInts.SCALES, LITTLE_ENDIAN);
                a = y.fma(dx, a);
                b = z.fma(dx, b);
            }
            a.intoArray(sums, i * L);
            b.intoArray(sums, (PAIRS + i) * L);
        }
    }

    /** A row at a time, rows of either half in turn, times two tokens: the same sums for each as {@link #one}. */
    private void two(MemorySegment x, long from, long next, long rowA, long rowB, int count, float[] sums) {
        MemorySegment data = this.data.asSlice(0);
        x = x.asSlice(0);
        ByteVector codes = IQ4_NL.TABLE, scaleBytes = SCALE_BYTES;
        IntVector lowShift = IntVector.fromArray(I, LOW_SHIFT, 0), highShift = IntVector.fromArray(I, HIGH_SHIFT, 0);
        IntVector lanes = IntVector.fromArray(I, LANES, 0);
        ShortVector eights = ShortVector.broadcast(SHORTS, 8);
        for (int i = 0; i < 2 * count; i++) {
            int to = i / 2 + i % 2 * (PAIRS / 2);
            long p = (i % 2 == 0 ? rowA : rowB) + i / 2 * rowBytes, end = p + rowBytes;
            FloatVector a = FloatVector.zero(F), b = FloatVector.zero(F);
            for (long s = from, z = from + next; p != end; s += CodeInts.BYTES, z += CodeInts.BYTES, p += BLOCK_BYTES) {
                ByteVector head = ByteVector.fromMemorySegment(BYTES, data, p, LITTLE_ENDIAN);
                float d = Float.float16ToFloat((short) head.reinterpretAsInts().lane(0));
                IntVector n = scaleBytes.selectFrom(head).reinterpretAsInts();
                n = n.lanewise(LSHR, lowShift).lanewise(BITWISE_BLEND, n.lanewise(LSHR, highShift), 0xF0).and(63).sub(32);
                IntVector f = ((FloatVector) n.convertShape(I2F, F, 0)).mul(d).reinterpretAsInts();
                IntVector v, w, t, u;
                ByteVector c;
                FloatVector by;
                v = ByteVector.fromMemorySegment(BYTES, data, p + NIBBLES, LITTLE_ENDIAN).reinterpretAsInts();
                c = v.reinterpretAsBytes().selectFrom(codes);
                w = c.reinterpretAsShorts().lanewise(LSHR, eights).reinterpretAsInts();
                t = c.reinterpretAsInts().mul(IntVector.fromMemorySegment(I, x, s, LITTLE_ENDIAN))
                        .add(w.mul(IntVector.fromMemorySegment(I, x, s + 64, LITTLE_ENDIAN)))
                        .add(IntVector.fromMemorySegment(I, x, s + 128, LITTLE_ENDIAN)).lanewise(ASHR, 16);
                u = c.reinterpretAsInts().mul(IntVector.fromMemorySegment(I, x, z, LITTLE_ENDIAN))
                        .add(w.mul(IntVector.fromMemorySegment(I, x, z + 64, LITTLE_ENDIAN)))
                        .add(IntVector.fromMemorySegment(I, x, z + 128, LITTLE_ENDIAN)).lanewise(ASHR, 16);
                c = v.lanewise(LSHR, 4).reinterpretAsBytes().selectFrom(codes);
                w = c.reinterpretAsShorts().lanewise(LSHR, eights).reinterpretAsInts();
                t = c.reinterpretAsInts().mul(IntVector.fromMemorySegment(I, x, s + 192, LITTLE_ENDIAN))
                        .add(w.mul(IntVector.fromMemorySegment(I, x, s + 256, LITTLE_ENDIAN)))
                        .add(IntVector.fromMemorySegment(I, x, s + 320, LITTLE_ENDIAN)).lanewise(ASHR, 16).add(t);
                u = c.reinterpretAsInts().mul(IntVector.fromMemorySegment(I, x, z + 192, LITTLE_ENDIAN))
                        .add(w.mul(IntVector.fromMemorySegment(I, x, z + 256, LITTLE_ENDIAN)))
                        .add(IntVector.fromMemorySegment(I, x, z + 320, LITTLE_ENDIAN)).lanewise(ASHR, 16).add(u);
                by = lanes.selectFrom(f).reinterpretAsFloats();
                FloatVector g = ((FloatVector) t.convertShape(I2F, F, 0)).mul(by), r = ((FloatVector) u.convertShape(I2F, F, 0)).mul(by);
                v = ByteVector.fromMemorySegment(BYTES, data, p + NIBBLES + 64, LITTLE_ENDIAN).reinterpretAsInts();
                c = v.reinterpretAsBytes().selectFrom(codes);
                w = c.reinterpretAsShorts().lanewise(LSHR, eights).reinterpretAsInts();
                t = c.reinterpretAsInts().mul(IntVector.fromMemorySegment(I, x, s + 384, LITTLE_ENDIAN))
                        .add(w.mul(IntVector.fromMemorySegment(I, x, s + 448, LITTLE_ENDIAN)))
                        .add(IntVector.fromMemorySegment(I, x, s + 512, LITTLE_ENDIAN)).lanewise(ASHR, 16);
                u = c.reinterpretAsInts().mul(IntVector.fromMemorySegment(I, x, z + 384, LITTLE_ENDIAN))
                        .add(w.mul(IntVector.fromMemorySegment(I, x, z + 448, LITTLE_ENDIAN)))
                        .add(IntVector.fromMemorySegment(I, x, z + 512, LITTLE_ENDIAN)).lanewise(ASHR, 16);
                c = v.lanewise(LSHR, 4).reinterpretAsBytes().selectFrom(codes);
                w = c.reinterpretAsShorts().lanewise(LSHR, eights).reinterpretAsInts();
                t = c.reinterpretAsInts().mul(IntVector.fromMemorySegment(I, x, s + 576, LITTLE_ENDIAN))
                        .add(w.mul(IntVector.fromMemorySegment(I, x, s + 640, LITTLE_ENDIAN)))
                        .add(IntVector.fromMemorySegment(I, x, s + 704, LITTLE_ENDIAN)).lanewise(ASHR, 16).add(t);
                u = c.reinterpretAsInts().mul(IntVector.fromMemorySegment(I, x, z + 576, LITTLE_ENDIAN))
                        .add(w.mul(IntVector.fromMemorySegment(I, x, z + 640, LITTLE_ENDIAN)))
                        .add(IntVector.fromMemorySegment(I, x, z + 704, LITTLE_ENDIAN)).lanewise(ASHR, 16).add(u);
                by = lanes.add(4).selectFrom(f).reinterpretAsFloats();
                g = ((FloatVector) t.convertShape(I2F, F, 0)).fma(by, g);
                r = ((FloatVector) u.convertShape(I2F, F, 0)).fma(by, r);
                a = g.fma(FloatVector.fromMemorySegment(F, x, s + CodeInts.SCALES, LITTLE_ENDIAN), a);
                b = r.fma(FloatVector.fromMemorySegment(F, x, z + CodeInts.SCALES, LITTLE_ENDIAN), b);
            }
            a.intoArray(sums, L * to);
            b.intoArray(sums, L * (PAIRS + to));
        }
    }
}
