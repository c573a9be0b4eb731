package glimp.tensor;

import static java.nio.ByteOrder.LITTLE_ENDIAN;
import static jdk.incubator.vector.VectorOperators.ASHR;
import static jdk.incubator.vector.VectorOperators.I2F;
import static jdk.incubator.vector.VectorOperators.LSHL;
import static jdk.incubator.vector.VectorOperators.LSHR;

import glimp.gguf.GgmlType;
import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.ShortVector;
import jdk.incubator.vector.VectorSpecies;

/** Blocks of 32: a half float d and 32 nibbles q, values d (q - 8). */
final class Q4_0 extends CodeBook32 {
    private static final byte[] CODES = {-8, -7, -6, -5, -4, -3, -2, -1, 0, 1, 2, 3, 4, 5, 6, 7};
    private static final VectorSpecies<Short> S = ShortVector.SPECIES_512;
    private static final VectorSpecies<Integer> I = IntVector.SPECIES_512;
    private static final VectorSpecies<Float> F = FloatVector.SPECIES_512;
    /** From 64 bytes of the blocks 0 .. 3 and 64 of the blocks 4 .. 7, half of each block's nibbles. */
    private static final ShortVector NIBBLES = Ints32.USABLE ? gather(1, 1) : null;
    /** Likewise each block's d, four times: in both halves of the block's two lanes of 32 bits. */
    private static final ShortVector SCALES = Ints32.USABLE ? gather(0, 0) : null;

    Q4_0(MemorySegment data, int rows, int cols) {
        super(data, rows, cols, GgmlType.Q4_0, CODES, false);
    }

    private static ShortVector gather(int first, int step) {
        short[] from = new short[32];
        for (int i = 0; i < 32; i++) {
            int block = i / 4;
            from[i] = (short) (block / 4 * 32 + block % 4 * 9 + first + i % 4 * step);
        }
        return ShortVector.fromArray(S, from, 0);
    }

    @Override
    int together() {
        return 8;
    }

    /**
     * Eight blocks an iteration: two gathers bring half of each block's nibbles into its place, so that after four views of
     * each half (see {@link Ints32}) and one addition of halves a block is two lanes, and conversion and scales cost once
     * for 256 weights. That makes 33 operations on whole vectors for 144 bytes, at best two a cycle, and the memory brings
     * 144 bytes in 19 cycles. Zen 4, one thread: 20-22 GB/s of the 24-28 that a plain read gets; with four blocks an
     * iteration 16.5, and 13.5 with activations that do not lie on cache lines. A loop that the compiler does not take for
     * a counted one stays as it is; unrolled, with its rests, rows of 1024 lose 5 %.
     */
    @Override
    void multiply(MemorySegment x, long start, int rowA, int rowB, int count, float[] sums) {
        MemorySegment data = this.data;
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
}
