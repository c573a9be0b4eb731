package glimp.tensor;

import static java.nio.ByteOrder.LITTLE_ENDIAN;
import static jdk.incubator.vector.VectorOperators.ASHR;
import static jdk.incubator.vector.VectorOperators.I2F;
import static jdk.incubator.vector.VectorOperators.LSHL;
import static jdk.incubator.vector.VectorOperators.LSHR;

import glimp.gguf.GgmlType;
import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.ByteVector;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.LongVector;
import jdk.incubator.vector.ShortVector;
import jdk.incubator.vector.VectorSpecies;

/** Blocks of 32: half floats d and m, and 32 nibbles q, values d q + m. */
final class Q4_1 extends Block32 implements SmallInts {
    private static final long BYTES = GgmlType.Q4_1.bytes;
    private static final VectorSpecies<Short> S = ShortVector.SPECIES_512;
    private static final VectorSpecies<Integer> I = IntVector.SPECIES_512;
    private static final VectorSpecies<Float> F = FloatVector.SPECIES_512;
    private static final ShortVector SCALES = Ints32.gather(10, 0, 1), MINIMA = Ints32.gather(10, 1, 1), NIBBLES = Ints32.gather(10, 2, 8);

    Q4_1(MemorySegment data, int rows, int cols) {
        super(data, rows, cols, GgmlType.Q4_1);
    }

    @Override
    public void decode(int row, int from, int to, float[] out, int at) {
        long q = block(row, from);
        for (int i = from; i < to; i += 32, q += blockBytes, at += 32) {
            ByteVector v = load(q + 4);
            float d = half(q), m = half(q + 2);
            store(low(v), d, m, out, at);
            store(high(v), d, m, out, at + 16);
        }
    }

    @Override
    public void integers(int rowA, int rowB, int from, int to, int[] out, int at) {
        ShortTile.nibbles(data, block(rowA, from) + 4, block(rowB, from) + 4, blockBytes, (to - from) / 32, 0, out, at, 32, 16);
    }

    @Override
    public void scales(int row, int from, int to, float[] scales, float[] offsets, int at) {
        long p = block(row, from);
        for (int i = from; i < to; i += 32, p += blockBytes, at++) {
            ShortVector halves = ShortVector.fromMemorySegment(ShortVector.SPECIES_64, data, p, LITTLE_ENDIAN);
            scales[at] = Float.float16ToFloat(halves.lane(0));
            offsets[at] = Float.float16ToFloat(halves.lane(1));
        }
    }

    @Override
    public boolean offset() {
        return true;
    }

    @Override
    int bits() {
        return 4;
    }

    @Override
    Ints32.Layout layout() {
        return Ints32.USABLE ? Ints32.Layout.NIBBLES_AND_BITS : null;
    }

    @Override
    void multiply(int group, MemorySegment x, long s, long next, int rowA, int rowB, int count, float[] sums) {
        if (group == 4) {
            four(x, s, next, rowA, rowB, count, sums);
        } else {
            one(x, s, rowA, rowB, count, sums);
        }
    }

    /**
     * Four blocks, 80 bytes, an iteration: eight as in {@link Q4_0} would need three loads for each gather. Nibbles are
     * centred as there, and the minimum gets the difference back in {@code m + 8 d}, times the sum of the same integers:
     * with exact activations there, their rounding would no longer cancel. Zen 4, one thread: 15-16 GB/s; float lanes 4.5.
     */
    private void one(MemorySegment x, long s, int rowA, int rowB, int count, float[] sums) {
        MemorySegment data = this.data.asSlice(0);
        x = x.asSlice(0);
        for (int i = 0; i < count; i++) {
            FloatVector a = FloatVector.zero(F), b = a;
            long at = s, c = (rowA + i) * rowBytes, e = (rowB + i) * rowBytes;
            long end = c + cols / 128 * 80L;
            while (c != end) {
                ShortVector x0 = ShortVector.fromMemorySegment(S, x, at, LITTLE_ENDIAN);
                ShortVector x1 = ShortVector.fromMemorySegment(S, x, at + 64, LITTLE_ENDIAN);
                ShortVector x2 = ShortVector.fromMemorySegment(S, x, at + 128, LITTLE_ENDIAN);
                ShortVector x3 = ShortVector.fromMemorySegment(S, x, at + 192, LITTLE_ENDIAN);
                IntVector eights = IntVector.fromMemorySegment(I, x, at + 512, LITTLE_ENDIAN);
                FloatVector dx = FloatVector.fromMemorySegment(F, x, at + 576, LITTLE_ENDIAN);
                {
                    ShortVector u = ShortVector.fromMemorySegment(S, data, c, LITTLE_ENDIAN);
                    ShortVector v = ShortVector.fromMemorySegment(S, data, c + 16, LITTLE_ENDIAN);
                    ShortVector n = NIBBLES.selectFrom(u, v);
                    IntVector w = n.reinterpretAsInts();
                    ShortVector t = n.mul(x0).add(w.lanewise(LSHR, 4).reinterpretAsShorts().mul(x1))
                            .add(w.lanewise(LSHR, 8).reinterpretAsShorts().mul(x2).add(w.lanewise(LSHR, 12).reinterpretAsShorts().mul(x3)));
                    FloatVector d = SCALES.selectFrom(u, v).reinterpretAsInts().lanewise(ASHR, 3).and(0x8FFFE000).reinterpretAsFloats();
                    w = t.reinterpretAsInts();
                    w = w.add(w.lanewise(LSHL, 16)).add(eights).and(0xFFFF0000);
                    FloatVector m = MINIMA.selectFrom(u, v).reinterpretAsInts().lanewise(ASHR, 3).and(0x8FFFE000).reinterpretAsFloats();
                    a = d.fma(FloatVector.broadcast(F, 8), m).fma(FloatVector.fromMemorySegment(F, x, at + 640, LITTLE_ENDIAN), a);
                    a = ((FloatVector) w.convert(I2F, 0)).fma(d.mul(dx), a);
                }
                {
                    ShortVector u = ShortVector.fromMemorySegment(S, data, e, LITTLE_ENDIAN);
                    ShortVector v = ShortVector.fromMemorySegment(S, data, e + 16, LITTLE_ENDIAN);
                    ShortVector n = NIBBLES.selectFrom(u, v);
                    IntVector w = n.reinterpretAsInts();
                    ShortVector t = n.mul(x0).add(w.lanewise(LSHR, 4).reinterpretAsShorts().mul(x1))
                            .add(w.lanewise(LSHR, 8).reinterpretAsShorts().mul(x2).add(w.lanewise(LSHR, 12).reinterpretAsShorts().mul(x3)));
                    FloatVector d = SCALES.selectFrom(u, v).reinterpretAsInts().lanewise(ASHR, 3).and(0x8FFFE000).reinterpretAsFloats();
                    w = t.reinterpretAsInts();
                    w = w.add(w.lanewise(LSHL, 16)).add(eights).and(0xFFFF0000);
                    FloatVector m = MINIMA.selectFrom(u, v).reinterpretAsInts().lanewise(ASHR, 3).and(0x8FFFE000).reinterpretAsFloats();
                    b = d.fma(FloatVector.broadcast(F, 8), m).fma(FloatVector.fromMemorySegment(F, x, at + 640, LITTLE_ENDIAN), b);
                    b = ((FloatVector) w.convert(I2F, 0)).fma(d.mul(dx), b);
                }
                at += 704;
                c += 80;
                e += 80;
            }
            a.intoArray(sums, 16 * i);
            b.intoArray(sums, 16 * (PAIRS + i));
        }
    }

    /**
     * Four tokens and a row at a time, rows of either half in turn: a token takes 33 operations on whole vectors for 256 weights. Zen
     * 4: 3.6 times the time of one token; with the views in a loop 4.3.
     */
    private void four(MemorySegment x, long s, long next, int rowA, int rowB, int count, float[] sums) {
        MemorySegment data = this.data.asSlice(0);
        x = x.asSlice(0);
        ShortVector nibbles = NIBBLES, scales = SCALES, minima = MINIMA;
        for (int i = 0; i < 2 * count; i++) {
            int to = i / 2 + i % 2 * 2;
            long p = (i % 2 == 0 ? rowA + i / 2 : rowB + i / 2) * rowBytes, end = p + cols / 128 * 80L;
            long s0 = s, s1 = s0 + next, s2 = s1 + next, s3 = s2 + next;
            FloatVector a0 = FloatVector.zero(F), a1 = FloatVector.zero(F), a2 = FloatVector.zero(F), a3 = FloatVector.zero(F);
            while (p != end) {
                ShortVector u = ShortVector.fromMemorySegment(S, data, p, LITTLE_ENDIAN);
                ShortVector z = ShortVector.fromMemorySegment(S, data, p + 16, LITTLE_ENDIAN);
                IntVector v0 = nibbles.selectFrom(u, z).reinterpretAsInts();
                IntVector v1 = v0.lanewise(LSHR, 4), v2 = v0.lanewise(LSHR, 8), v3 = v0.lanewise(LSHR, 12), r;
                FloatVector d = scales.selectFrom(u, z).reinterpretAsInts().lanewise(ASHR, 3).and(0x8FFFE000).reinterpretAsFloats();
                FloatVector m = d.fma(FloatVector.broadcast(F, 8),
                        minima.selectFrom(u, z).reinterpretAsInts().lanewise(ASHR, 3).and(0x8FFFE000).reinterpretAsFloats());
                r = v0.reinterpretAsShorts().mul(ShortVector.fromMemorySegment(S, x, s0, LITTLE_ENDIAN)).add(v1.reinterpretAsShorts().mul(ShortVector.fromMemorySegment(S, x, s0 + 64, LITTLE_ENDIAN)))
                        .add(v2.reinterpretAsShorts().mul(ShortVector.fromMemorySegment(S, x, s0 + 128, LITTLE_ENDIAN)).add(v3.reinterpretAsShorts().mul(ShortVector.fromMemorySegment(S, x, s0 + 192, LITTLE_ENDIAN)))).reinterpretAsInts();
                r = r.add(r.lanewise(LSHL, 16)).add(IntVector.fromMemorySegment(I, x, s0 + 512, LITTLE_ENDIAN)).and(0xFFFF0000);
                a0 = m.fma(FloatVector.fromMemorySegment(F, x, s0 + 640, LITTLE_ENDIAN), a0);
                a0 = ((FloatVector) r.convert(I2F, 0)).fma(d.mul(FloatVector.fromMemorySegment(F, x, s0 + 576, LITTLE_ENDIAN)), a0);
                s0 += 704;
                r = v0.reinterpretAsShorts().mul(ShortVector.fromMemorySegment(S, x, s1, LITTLE_ENDIAN)).add(v1.reinterpretAsShorts().mul(ShortVector.fromMemorySegment(S, x, s1 + 64, LITTLE_ENDIAN)))
                        .add(v2.reinterpretAsShorts().mul(ShortVector.fromMemorySegment(S, x, s1 + 128, LITTLE_ENDIAN)).add(v3.reinterpretAsShorts().mul(ShortVector.fromMemorySegment(S, x, s1 + 192, LITTLE_ENDIAN)))).reinterpretAsInts();
                r = r.add(r.lanewise(LSHL, 16)).add(IntVector.fromMemorySegment(I, x, s1 + 512, LITTLE_ENDIAN)).and(0xFFFF0000);
                a1 = m.fma(FloatVector.fromMemorySegment(F, x, s1 + 640, LITTLE_ENDIAN), a1);
                a1 = ((FloatVector) r.convert(I2F, 0)).fma(d.mul(FloatVector.fromMemorySegment(F, x, s1 + 576, LITTLE_ENDIAN)), a1);
                s1 += 704;
                r = v0.reinterpretAsShorts().mul(ShortVector.fromMemorySegment(S, x, s2, LITTLE_ENDIAN)).add(v1.reinterpretAsShorts().mul(ShortVector.fromMemorySegment(S, x, s2 + 64, LITTLE_ENDIAN)))
                        .add(v2.reinterpretAsShorts().mul(ShortVector.fromMemorySegment(S, x, s2 + 128, LITTLE_ENDIAN)).add(v3.reinterpretAsShorts().mul(ShortVector.fromMemorySegment(S, x, s2 + 192, LITTLE_ENDIAN)))).reinterpretAsInts();
                r = r.add(r.lanewise(LSHL, 16)).add(IntVector.fromMemorySegment(I, x, s2 + 512, LITTLE_ENDIAN)).and(0xFFFF0000);
                a2 = m.fma(FloatVector.fromMemorySegment(F, x, s2 + 640, LITTLE_ENDIAN), a2);
                a2 = ((FloatVector) r.convert(I2F, 0)).fma(d.mul(FloatVector.fromMemorySegment(F, x, s2 + 576, LITTLE_ENDIAN)), a2);
                s2 += 704;
                r = v0.reinterpretAsShorts().mul(ShortVector.fromMemorySegment(S, x, s3, LITTLE_ENDIAN)).add(v1.reinterpretAsShorts().mul(ShortVector.fromMemorySegment(S, x, s3 + 64, LITTLE_ENDIAN)))
                        .add(v2.reinterpretAsShorts().mul(ShortVector.fromMemorySegment(S, x, s3 + 128, LITTLE_ENDIAN)).add(v3.reinterpretAsShorts().mul(ShortVector.fromMemorySegment(S, x, s3 + 192, LITTLE_ENDIAN)))).reinterpretAsInts();
                r = r.add(r.lanewise(LSHL, 16)).add(IntVector.fromMemorySegment(I, x, s3 + 512, LITTLE_ENDIAN)).and(0xFFFF0000);
                a3 = m.fma(FloatVector.fromMemorySegment(F, x, s3 + 640, LITTLE_ENDIAN), a3);
                a3 = ((FloatVector) r.convert(I2F, 0)).fma(d.mul(FloatVector.fromMemorySegment(F, x, s3 + 576, LITTLE_ENDIAN)), a3);
                s3 += 704;
                p += 80;
            }
            a0.intoArray(sums, 16 * to);
            a1.intoArray(sums, 16 * (4 + to));
            a2.intoArray(sums, 16 * (8 + to));
            a3.intoArray(sums, 16 * (12 + to));
        }
    }

    /**
     * {@link Q4_0#eight} with the minimum, to which goes what the centre of the weights took: {@code m + 8 d}. Both are multiplied with
     * integers first, so that weights of zero make nothing. (51 cycles for 256 weights.)
     */
    @Override
    void eight(MemorySegment x, long from, long p, int rows, float[] sums) {
        MemorySegment data = this.data.asSlice(0);
        x = x.asSlice(0);
        for (int row = 0; row < rows; row++) {
            FloatVector a = FloatVector.zero(Lanes8.F);
            for (long s = from, end = p + rowBytes; p != end; p += 2 * BYTES, s += Pairs64.BYTES) {
                IntVector v = ByteVector.fromMemorySegment(Lanes8.B, data, p + BYTES - 16, LITTLE_ENDIAN).reinterpretAsInts()
                        .blend(ByteVector.fromMemorySegment(Lanes8.B, data, p + 2 * BYTES - 32, LITTLE_ENDIAN).reinterpretAsInts(), Lanes8.UPPER);
                long h0 = LongVector.fromMemorySegment(LongVector.SPECIES_128, data, p, LITTLE_ENDIAN).lane(0);
                long h1 = LongVector.fromMemorySegment(LongVector.SPECIES_128, data, p + BYTES, LITTLE_ENDIAN).lane(0);
                IntVector head = IntVector.broadcast(Lanes8.I, (int) h0).blend((int) h1, Lanes8.UPPER);
                IntVector low = v.and(0x0F0F0F0F), high = v.lanewise(LSHR, 4).and(0x0F0F0F0F);
                IntVector c = low.mul(IntVector.fromMemorySegment(Lanes8.I, x, s, LITTLE_ENDIAN))
                        .add(low.lanewise(LSHR, 8).and(Lanes8.ODD_BYTES).mul(IntVector.fromMemorySegment(Lanes8.I, x, s + 32, LITTLE_ENDIAN)))
                        .add(high.mul(IntVector.fromMemorySegment(Lanes8.I, x, s + 64, LITTLE_ENDIAN)))
                        .add(high.lanewise(LSHR, 8).and(Lanes8.ODD_BYTES).mul(IntVector.fromMemorySegment(Lanes8.I, x, s + 96, LITTLE_ENDIAN)))
                        .add(IntVector.fromMemorySegment(Lanes8.I, x, s + Pairs64.CENTRES, LITTLE_ENDIAN)).and(0xFFFF0000);
                FloatVector d = head.lanewise(LSHL, 16).lanewise(ASHR, 3).and(0x8FFFE000).reinterpretAsFloats();
                FloatVector m = head.lanewise(ASHR, 3).and(0x8FFFE000).reinterpretAsFloats();
                m = d.mul(8).add(m).mul(FloatVector.fromMemorySegment(Lanes8.F, x, s + Pairs64.SUMS, LITTLE_ENDIAN));
                a = ((FloatVector) c.convertShape(I2F, Lanes8.F, 0)).fma(d, m)
                        .fma(FloatVector.fromMemorySegment(Lanes8.F, x, s + Pairs64.SCALES, LITTLE_ENDIAN), a);
            }
            a.intoArray(sums, 8 * row);
        }
    }
}
