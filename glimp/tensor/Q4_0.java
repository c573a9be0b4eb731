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

/** Blocks of 32: a half float d and 32 nibbles q, values d (q - 8). */
final class Q4_0 extends CodeBook32 implements SmallInts {
    private static final long BYTES = GgmlType.Q4_0.bytes;
    private static final byte[] CODES = {-8, -7, -6, -5, -4, -3, -2, -1, 0, 1, 2, 3, 4, 5, 6, 7};
    private static final VectorSpecies<Short> S = ShortVector.SPECIES_512;
    private static final VectorSpecies<Integer> I = IntVector.SPECIES_512;
    private static final VectorSpecies<Float> F = FloatVector.SPECIES_512;
    /** From 64 bytes of the blocks 0 .. 3 and 64 of the blocks 4 .. 7, half of each block's nibbles. */
    private static final ShortVector NIBBLES = gather(1, 1);
    /** Likewise each block's d, four times: in both halves of the block's two lanes of 32 bits. */
    private static final ShortVector SCALES = gather(0, 0);

    Q4_0(MemorySegment data, int rows, int cols) {
        super(data, rows, cols, GgmlType.Q4_0, CODES, false);
    }

    /** Of eight blocks of 18 bytes, two vectors that begin with the first and with the fifth: four shorts from {@code first}. */
    static ShortVector gather(int first, int step) {
        return Ints32.shorts(i -> i / 16 * 32 + i / 4 % 4 * 9 + first + i % 4 * step);
    }

    @Override
    public void integers(int rowA, int rowB, int from, int to, int[] out, int at) {
        ShortTile.nibbles(data, block(rowA, from) + 2, block(rowB, from) + 2, blockBytes, (to - from) / 32, 8, out, at, 32, 16);
    }

    @Override
    public void scales(int row, int from, int to, float[] scales, float[] offsets, int at) {
        long p = block(row, from);
        for (int i = from; i < to; i += 32, p += blockBytes) {
            scales[at++] = Float.float16ToFloat(ShortVector.fromMemorySegment(ShortVector.SPECIES_64, data, p, LITTLE_ENDIAN).lane(0));
        }
    }

    @Override
    int bits() {
        return 4;
    }

    @Override
    Ints32.Layout layout() {
        return Ints32.USABLE ? Ints32.Layout.NIBBLES : null;
    }

    @Override
    int group(int tokens) {
        return 1;
    }

    @Override
    void multiply(int group, MemorySegment x, long s, long next, int rowA, int rowB, int count, float[] sums) {
        one(x, s, rowA, rowB, count, sums);
    }

    @Override
    boolean inLine() {
        return true;
    }

    /**
     * Eight blocks an iteration: two gathers bring half of each block's nibbles into its place, so that after four views of
     * each half (see {@link Ints32}) and one addition of halves a block is two lanes, and conversion and scales cost once
     * for 256 weights. That makes 33 operations on whole vectors for 144 bytes, at best two a cycle, and the memory brings
     * 144 bytes in 19 cycles. Zen 4, one thread: 20-22 GB/s of the 24-28 that a plain read gets; with four blocks an
     * iteration 16.5, and 13.5 with activations that do not lie on cache lines. A loop that the compiler does not take for
     * a counted one stays as it is; unrolled, with its rests, rows of 1024 lose 5 %.
     */
    private void one(MemorySegment x, long start, int rowA, int rowB, int count, float[] sums) {
        MemorySegment data = this.data.asSlice(0);
        x = x.asSlice(0);
        for (int i = 0; i < count; i++) {
            long s = start, p = (rowA + i) * rowBytes, q = (rowB + i) * rowBytes;
            FloatVector a = FloatVector.zero(F), b = a;
            long end = p + cols / 256 * 144L;
            while (p != end) {
                ShortVector x0 = ShortVector.fromMemorySegment(S, x, s, LITTLE_ENDIAN);
                ShortVector x1 = ShortVector.fromMemorySegment(S, x, s + 64, LITTLE_ENDIAN);
                ShortVector x2 = ShortVector.fromMemorySegment(S, x, s + 128, LITTLE_ENDIAN);
                ShortVector x3 = ShortVector.fromMemorySegment(S, x, s + 192, LITTLE_ENDIAN);
                ShortVector x4 = ShortVector.fromMemorySegment(S, x, s + 256, LITTLE_ENDIAN);
                ShortVector x5 = ShortVector.fromMemorySegment(S, x, s + 320, LITTLE_ENDIAN);
                ShortVector x6 = ShortVector.fromMemorySegment(S, x, s + 384, LITTLE_ENDIAN);
                ShortVector x7 = ShortVector.fromMemorySegment(S, x, s + 448, LITTLE_ENDIAN);
                IntVector eights = IntVector.fromMemorySegment(I, x, s + 512, LITTLE_ENDIAN);
                FloatVector dx = FloatVector.fromMemorySegment(F, x, s + 576, LITTLE_ENDIAN);
                {
                    ShortVector u = ShortVector.fromMemorySegment(S, data, p, LITTLE_ENDIAN);
                    ShortVector v = ShortVector.fromMemorySegment(S, data, p + 72, LITTLE_ENDIAN);
                    FloatVector d = SCALES.selectFrom(u, v).reinterpretAsInts().lanewise(ASHR, 3).and(0x8FFFE000).reinterpretAsFloats();
                    ShortVector n = NIBBLES.selectFrom(u, v);
                    IntVector w = n.reinterpretAsInts();
                    ShortVector t = n.mul(x0).add(w.lanewise(LSHR, 4).reinterpretAsShorts().mul(x1))
                            .add(w.lanewise(LSHR, 8).reinterpretAsShorts().mul(x2).add(w.lanewise(LSHR, 12).reinterpretAsShorts().mul(x3)));
                    u = ShortVector.fromMemorySegment(S, data, p + 8, LITTLE_ENDIAN);
                    v = ShortVector.fromMemorySegment(S, data, p + 80, LITTLE_ENDIAN);
                    n = NIBBLES.selectFrom(u, v);
                    w = n.reinterpretAsInts();
                    t = t.add(n.mul(x4).add(w.lanewise(LSHR, 4).reinterpretAsShorts().mul(x5))
                            .add(w.lanewise(LSHR, 8).reinterpretAsShorts().mul(x6).add(w.lanewise(LSHR, 12).reinterpretAsShorts().mul(x7))));
                    w = t.reinterpretAsInts();
                    w = w.add(w.lanewise(LSHL, 16)).add(eights).and(0xFFFF0000);
                    a = ((FloatVector) w.convert(I2F, 0)).fma(d.mul(dx), a);
                }
                {
                    ShortVector u = ShortVector.fromMemorySegment(S, data, q, LITTLE_ENDIAN);
                    ShortVector v = ShortVector.fromMemorySegment(S, data, q + 72, LITTLE_ENDIAN);
                    FloatVector d = SCALES.selectFrom(u, v).reinterpretAsInts().lanewise(ASHR, 3).and(0x8FFFE000).reinterpretAsFloats();
                    ShortVector n = NIBBLES.selectFrom(u, v);
                    IntVector w = n.reinterpretAsInts();
                    ShortVector t = n.mul(x0).add(w.lanewise(LSHR, 4).reinterpretAsShorts().mul(x1))
                            .add(w.lanewise(LSHR, 8).reinterpretAsShorts().mul(x2).add(w.lanewise(LSHR, 12).reinterpretAsShorts().mul(x3)));
                    u = ShortVector.fromMemorySegment(S, data, q + 8, LITTLE_ENDIAN);
                    v = ShortVector.fromMemorySegment(S, data, q + 80, LITTLE_ENDIAN);
                    n = NIBBLES.selectFrom(u, v);
                    w = n.reinterpretAsInts();
                    t = t.add(n.mul(x4).add(w.lanewise(LSHR, 4).reinterpretAsShorts().mul(x5))
                            .add(w.lanewise(LSHR, 8).reinterpretAsShorts().mul(x6).add(w.lanewise(LSHR, 12).reinterpretAsShorts().mul(x7))));
                    w = t.reinterpretAsInts();
                    w = w.add(w.lanewise(LSHL, 16)).add(eights).and(0xFFFF0000);
                    b = ((FloatVector) w.convert(I2F, 0)).fma(d.mul(dx), b);
                }
                s += 640;
                p += 144;
                q += 144;
            }
            a.intoArray(sums, 16 * i);
            b.intoArray(sums, 16 * (PAIRS + i));
        }
    }

    /**
     * Two tokens, a row at a time, so that all eight views stay in registers: with two rows sums went through memory, and factors
     * loaded once for both rows did not make up for that. A token takes 22 operations on whole vectors for 256 weights; the ten
     * multiplications among them, of integers or floats, share two of the four pipes and are at best one a cycle. Zen 4, one thread, rows
     * of 1024, cycles a token and 256 weights: 19 from the L2 cache and 22 from memory. Four tokens in a body are no faster, 19 and 23, and
     * more than the first compiler takes: it gives up, and such a method may then never reach the second (0.3 tokens/s, not 120).
     */
    @Override
    void two(MemorySegment x, long s, long next, int row, int count, float[] sums) {
        MemorySegment data = this.data.asSlice(0);
        x = x.asSlice(0);
        for (int at = 0, last = 16 * count; at < last; at += 16, row++) {
            long p = row * rowBytes, end = p + cols / 256 * 144L;
            long s0 = s, s1 = s0 + next;
            FloatVector a0 = FloatVector.zero(F), a1 = a0;
            while (p != end) {
                ShortVector u = ShortVector.fromMemorySegment(S, data, p, LITTLE_ENDIAN);
                ShortVector v = ShortVector.fromMemorySegment(S, data, p + 72, LITTLE_ENDIAN);
                FloatVector d = SCALES.selectFrom(u, v).reinterpretAsInts().lanewise(ASHR, 3).and(0x8FFFE000).reinterpretAsFloats();
                ShortVector n0 = NIBBLES.selectFrom(u, v);
                IntVector w = n0.reinterpretAsInts();
                ShortVector n1 = w.lanewise(LSHR, 4).reinterpretAsShorts(), n2 = w.lanewise(LSHR, 8).reinterpretAsShorts();
                ShortVector n3 = w.lanewise(LSHR, 12).reinterpretAsShorts();
                u = ShortVector.fromMemorySegment(S, data, p + 8, LITTLE_ENDIAN);
                v = ShortVector.fromMemorySegment(S, data, p + 80, LITTLE_ENDIAN);
                ShortVector n4 = NIBBLES.selectFrom(u, v), t;
                w = n4.reinterpretAsInts();
                ShortVector n5 = w.lanewise(LSHR, 4).reinterpretAsShorts(), n6 = w.lanewise(LSHR, 8).reinterpretAsShorts();
                ShortVector n7 = w.lanewise(LSHR, 12).reinterpretAsShorts();
                t = n0.mul(ShortVector.fromMemorySegment(S, x, s0, LITTLE_ENDIAN)).add(n1.mul(ShortVector.fromMemorySegment(S, x, s0 + 64, LITTLE_ENDIAN)))
                        .add(n2.mul(ShortVector.fromMemorySegment(S, x, s0 + 128, LITTLE_ENDIAN)).add(n3.mul(ShortVector.fromMemorySegment(S, x, s0 + 192, LITTLE_ENDIAN))));
                t = n4.mul(ShortVector.fromMemorySegment(S, x, s0 + 256, LITTLE_ENDIAN)).add(n5.mul(ShortVector.fromMemorySegment(S, x, s0 + 320, LITTLE_ENDIAN)))
                        .add(n6.mul(ShortVector.fromMemorySegment(S, x, s0 + 384, LITTLE_ENDIAN)).add(n7.mul(ShortVector.fromMemorySegment(S, x, s0 + 448, LITTLE_ENDIAN)))).add(t);
                w = t.reinterpretAsInts();
                w = w.add(w.lanewise(LSHL, 16)).add(IntVector.fromMemorySegment(I, x, s0 + 512, LITTLE_ENDIAN)).and(0xFFFF0000);
                a0 = ((FloatVector) w.convert(I2F, 0)).fma(d.mul(FloatVector.fromMemorySegment(F, x, s0 + 576, LITTLE_ENDIAN)), a0);
                s0 += 640;
                t = n0.mul(ShortVector.fromMemorySegment(S, x, s1, LITTLE_ENDIAN)).add(n1.mul(ShortVector.fromMemorySegment(S, x, s1 + 64, LITTLE_ENDIAN)))
                        .add(n2.mul(ShortVector.fromMemorySegment(S, x, s1 + 128, LITTLE_ENDIAN)).add(n3.mul(ShortVector.fromMemorySegment(S, x, s1 + 192, LITTLE_ENDIAN))));
                t = n4.mul(ShortVector.fromMemorySegment(S, x, s1 + 256, LITTLE_ENDIAN)).add(n5.mul(ShortVector.fromMemorySegment(S, x, s1 + 320, LITTLE_ENDIAN)))
                        .add(n6.mul(ShortVector.fromMemorySegment(S, x, s1 + 384, LITTLE_ENDIAN)).add(n7.mul(ShortVector.fromMemorySegment(S, x, s1 + 448, LITTLE_ENDIAN)))).add(t);
                w = t.reinterpretAsInts();
                w = w.add(w.lanewise(LSHL, 16)).add(IntVector.fromMemorySegment(I, x, s1 + 512, LITTLE_ENDIAN)).and(0xFFFF0000);
                a1 = ((FloatVector) w.convert(I2F, 0)).fma(d.mul(FloatVector.fromMemorySegment(F, x, s1 + 576, LITTLE_ENDIAN)), a1);
                s1 += 640;
                p += 144;
            }
            a0.intoArray(sums, at);
            a1.intoArray(sums, at + 256);
        }
    }

    /**
     * Two blocks at a time. Their nibbles lie a block apart: two loads, of which one has the first block's in its lower half and the
     * other the second block's in its upper half. All eight products of a lane are summed before they become a float. (Zen 4
     * limited to AVX2, one thread, rows of 1024: 45 cycles for 256 weights; as floats 109. Where the size of a block is no constant,
     * ten more, and with a second size of int vectors, for the scales, thirty.)
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
                a = ((FloatVector) c.convertShape(I2F, Lanes8.F, 0)).mul(d)
                        .fma(FloatVector.fromMemorySegment(Lanes8.F, x, s + Pairs64.SCALES, LITTLE_ENDIAN), a);
            }
            a.intoArray(sums, 8 * row);
        }
    }
}
