package glimp.tensor;

import static java.lang.foreign.ValueLayout.JAVA_SHORT_UNALIGNED;
import static java.nio.ByteOrder.LITTLE_ENDIAN;
import static jdk.incubator.vector.VectorOperators.LSHL;
import static jdk.incubator.vector.VectorOperators.S2I;

import glimp.gguf.GgmlType;
import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.ShortVector;
import jdk.incubator.vector.VectorShape;
import jdk.incubator.vector.VectorSpecies;

/**
 * Floats of 16 bits, finite ones: IEEE half floats (F16) and the upper halves of floats (BF16).
 *
 * <p>A half's exponent and fraction are shifted to where a float has them, which gives 2^-112 of the value, subnormals
 * included, and multiplied by 2^112, which is exact. (The processors' own conversion cannot be reached from a vector.) A
 * bfloat16 is a shift only; that it takes the same way, times 1, costs nothing that shows: on Zen 4 one thread gets 30 GB/s
 * from its L2, 24 with two tokens and 16 with four, where memory delivers 28 to one and half of it to each of two.
 */
final class HalfFloats extends FloatRows {
    private static final VectorSpecies<Float> F = FloatVector.SPECIES_PREFERRED;
    private static final VectorSpecies<Integer> I = IntVector.SPECIES_PREFERRED;
    private static final VectorSpecies<Short> S = VectorSpecies.of(short.class, VectorShape.forBitSize(I.vectorBitSize() / 2));
    private static final int L = F.length();

    private final int shift;
    private final int keep;
    private final float unit;

    HalfFloats(MemorySegment data, int rows, int cols, GgmlType type) {
        super(data, rows, cols, type);
        boolean half = type == GgmlType.F16;
        this.shift = half ? 13 : 16;
        this.keep = half ? 0x8FFFE000 : 0xFFFF0000;
        this.unit = half ? 0x1p112f : 1;
    }

    @Override
    public void decode(int row, int from, int to, float[] out, int at) {
        MemorySegment data = this.data;
        FloatVector unit = FloatVector.broadcast(F, this.unit);
        long p = row * rowBytes + 2L * from;
        int i = from;
        for (; i + L <= to; i += L, p += 2 * L, at += L) {
            ShortVector.fromMemorySegment(S, data, p, LITTLE_ENDIAN).convertShape(S2I, I, 0).reinterpretAsInts()
                    .lanewise(LSHL, shift).and(keep).reinterpretAsFloats().mul(unit).intoArray(out, at);
        }
        for (; i < to; i++, p += 2, at++) {
            out[at] = value(p);
        }
    }

    private float value(long p) {
        return Float.intBitsToFloat(data.get(JAVA_SHORT_UNALIGNED, p) << shift & keep) * unit;
    }

    @Override
    float rest(int row, float[] x, int xAt, int from, float sum) {
        for (int i = from; i < cols; i++) {
            sum = Math.fma(value(row * rowBytes + 2L * i), x[xAt + i], sum);
        }
        return sum;
    }

    @Override
    int one(float[] x, int xAt, int rowA, int rowB, int count, float[] sums) {
        MemorySegment data = this.data;
        FloatVector unit = FloatVector.broadcast(F, this.unit);
        int shift = this.shift, keep = this.keep, cols = this.cols;
        int i = 0;
        for (int n = 0; n < count; n++) {
            long p = (rowA + n) * rowBytes, q = (rowB + n) * rowBytes;
            FloatVector a0 = FloatVector.zero(F), a1 = FloatVector.zero(F), b0 = FloatVector.zero(F), b1 = FloatVector.zero(F);
            i = 0;
            for (; i + 2 * L <= cols; i += 2 * L, p += 4 * L, q += 4 * L) {
                FloatVector v = ShortVector.fromMemorySegment(S, data, p, LITTLE_ENDIAN).convertShape(S2I, I, 0).reinterpretAsInts()
                        .lanewise(LSHL, shift).and(keep).reinterpretAsFloats().mul(unit);
                FloatVector w = ShortVector.fromMemorySegment(S, data, q, LITTLE_ENDIAN).convertShape(S2I, I, 0).reinterpretAsInts()
                        .lanewise(LSHL, shift).and(keep).reinterpretAsFloats().mul(unit);
                FloatVector x0 = FloatVector.fromArray(F, x, xAt + i);
                a0 = v.fma(x0, a0); b0 = w.fma(x0, b0);
                v = ShortVector.fromMemorySegment(S, data, p + 2 * L, LITTLE_ENDIAN).convertShape(S2I, I, 0).reinterpretAsInts()
                        .lanewise(LSHL, shift).and(keep).reinterpretAsFloats().mul(unit);
                w = ShortVector.fromMemorySegment(S, data, q + 2 * L, LITTLE_ENDIAN).convertShape(S2I, I, 0).reinterpretAsInts()
                        .lanewise(LSHL, shift).and(keep).reinterpretAsFloats().mul(unit);
                x0 = FloatVector.fromArray(F, x, xAt + i + L);
                a1 = v.fma(x0, a1); b1 = w.fma(x0, b1);
            }
            if (i + L <= cols) {
                FloatVector v = ShortVector.fromMemorySegment(S, data, p, LITTLE_ENDIAN).convertShape(S2I, I, 0).reinterpretAsInts()
                        .lanewise(LSHL, shift).and(keep).reinterpretAsFloats().mul(unit);
                FloatVector w = ShortVector.fromMemorySegment(S, data, q, LITTLE_ENDIAN).convertShape(S2I, I, 0).reinterpretAsInts()
                        .lanewise(LSHL, shift).and(keep).reinterpretAsFloats().mul(unit);
                FloatVector x0 = FloatVector.fromArray(F, x, xAt + i);
                a0 = v.fma(x0, a0); b0 = w.fma(x0, b0);
                i += L;
            }
            a0.add(a1).intoArray(sums, 2 * n * L);
            b0.add(b1).intoArray(sums, 2 * n * L + L);
        }
        return i;
    }

    @Override
    int two(float[] x, int xAt, int rowA, int rowB, float[] sums) {
        MemorySegment data = this.data;
        FloatVector unit = FloatVector.broadcast(F, this.unit);
        int shift = this.shift, keep = this.keep, cols = this.cols;
        long p = rowA * rowBytes, q = rowB * rowBytes;
        int s = xAt, t = s + cols;
        FloatVector a0 = FloatVector.zero(F), a1 = a0, b0 = a0, b1 = a0, c0 = a0, c1 = a0, d0 = a0, d1 = a0;
        int i = 0;
        for (; i + 2 * L <= cols; i += 2 * L, p += 4 * L, q += 4 * L) {
            FloatVector v = ShortVector.fromMemorySegment(S, data, p, LITTLE_ENDIAN).convertShape(S2I, I, 0).reinterpretAsInts()
                    .lanewise(LSHL, shift).and(keep).reinterpretAsFloats().mul(unit);
            FloatVector w = ShortVector.fromMemorySegment(S, data, q, LITTLE_ENDIAN).convertShape(S2I, I, 0).reinterpretAsInts()
                    .lanewise(LSHL, shift).and(keep).reinterpretAsFloats().mul(unit);
            FloatVector x0 = FloatVector.fromArray(F, x, s + i);
            FloatVector x1 = FloatVector.fromArray(F, x, t + i);
            a0 = v.fma(x0, a0); b0 = w.fma(x0, b0); c0 = v.fma(x1, c0); d0 = w.fma(x1, d0);
            v = ShortVector.fromMemorySegment(S, data, p + 2 * L, LITTLE_ENDIAN).convertShape(S2I, I, 0).reinterpretAsInts()
                    .lanewise(LSHL, shift).and(keep).reinterpretAsFloats().mul(unit);
            w = ShortVector.fromMemorySegment(S, data, q + 2 * L, LITTLE_ENDIAN).convertShape(S2I, I, 0).reinterpretAsInts()
                    .lanewise(LSHL, shift).and(keep).reinterpretAsFloats().mul(unit);
            x0 = FloatVector.fromArray(F, x, s + i + L);
            x1 = FloatVector.fromArray(F, x, t + i + L);
            a1 = v.fma(x0, a1); b1 = w.fma(x0, b1); c1 = v.fma(x1, c1); d1 = w.fma(x1, d1);
        }
        if (i + L <= cols) {
            FloatVector v = ShortVector.fromMemorySegment(S, data, p, LITTLE_ENDIAN).convertShape(S2I, I, 0).reinterpretAsInts()
                    .lanewise(LSHL, shift).and(keep).reinterpretAsFloats().mul(unit);
            FloatVector w = ShortVector.fromMemorySegment(S, data, q, LITTLE_ENDIAN).convertShape(S2I, I, 0).reinterpretAsInts()
                    .lanewise(LSHL, shift).and(keep).reinterpretAsFloats().mul(unit);
            FloatVector x0 = FloatVector.fromArray(F, x, s + i);
            FloatVector x1 = FloatVector.fromArray(F, x, t + i);
            a0 = v.fma(x0, a0); b0 = w.fma(x0, b0); c0 = v.fma(x1, c0); d0 = w.fma(x1, d0);
            i += L;
        }
        a0.add(a1).intoArray(sums, 0);
        b0.add(b1).intoArray(sums, L);
        c0.add(c1).intoArray(sums, 2 * L);
        d0.add(d1).intoArray(sums, 3 * L);
        return i;
    }

    @Override
    int four(float[] x, int xAt, int tokens, int rowA, int rowB, float[] sums) {
        MemorySegment data = this.data;
        FloatVector unit = FloatVector.broadcast(F, this.unit);
        int shift = this.shift, keep = this.keep, cols = this.cols;
        long p = rowA * rowBytes, q = rowB * rowBytes;
        int s = xAt, t = s + cols, u = t + cols, z = tokens > 3 ? u + cols : u;
        FloatVector a0 = FloatVector.zero(F), a1 = a0, b0 = a0, b1 = a0, c0 = a0, c1 = a0, d0 = a0, d1 = a0;
        FloatVector e0 = a0, e1 = a0, f0 = a0, f1 = a0, g0 = a0, g1 = a0, h0 = a0, h1 = a0;
        int i = 0;
        for (; i + 2 * L <= cols; i += 2 * L, p += 4 * L, q += 4 * L) {
            FloatVector v = ShortVector.fromMemorySegment(S, data, p, LITTLE_ENDIAN).convertShape(S2I, I, 0).reinterpretAsInts()
                    .lanewise(LSHL, shift).and(keep).reinterpretAsFloats().mul(unit);
            FloatVector w = ShortVector.fromMemorySegment(S, data, q, LITTLE_ENDIAN).convertShape(S2I, I, 0).reinterpretAsInts()
                    .lanewise(LSHL, shift).and(keep).reinterpretAsFloats().mul(unit);
            FloatVector x0 = FloatVector.fromArray(F, x, s + i);
            FloatVector x1 = FloatVector.fromArray(F, x, t + i);
            FloatVector x2 = FloatVector.fromArray(F, x, u + i);
            FloatVector x3 = FloatVector.fromArray(F, x, z + i);
            a0 = v.fma(x0, a0); b0 = w.fma(x0, b0); c0 = v.fma(x1, c0); d0 = w.fma(x1, d0);
            e0 = v.fma(x2, e0); f0 = w.fma(x2, f0); g0 = v.fma(x3, g0); h0 = w.fma(x3, h0);
            v = ShortVector.fromMemorySegment(S, data, p + 2 * L, LITTLE_ENDIAN).convertShape(S2I, I, 0).reinterpretAsInts()
                    .lanewise(LSHL, shift).and(keep).reinterpretAsFloats().mul(unit);
            w = ShortVector.fromMemorySegment(S, data, q + 2 * L, LITTLE_ENDIAN).convertShape(S2I, I, 0).reinterpretAsInts()
                    .lanewise(LSHL, shift).and(keep).reinterpretAsFloats().mul(unit);
            x0 = FloatVector.fromArray(F, x, s + i + L);
            x1 = FloatVector.fromArray(F, x, t + i + L);
            x2 = FloatVector.fromArray(F, x, u + i + L);
            x3 = FloatVector.fromArray(F, x, z + i + L);
            a1 = v.fma(x0, a1); b1 = w.fma(x0, b1); c1 = v.fma(x1, c1); d1 = w.fma(x1, d1);
            e1 = v.fma(x2, e1); f1 = w.fma(x2, f1); g1 = v.fma(x3, g1); h1 = w.fma(x3, h1);
        }
        if (i + L <= cols) {
            FloatVector v = ShortVector.fromMemorySegment(S, data, p, LITTLE_ENDIAN).convertShape(S2I, I, 0).reinterpretAsInts()
                    .lanewise(LSHL, shift).and(keep).reinterpretAsFloats().mul(unit);
            FloatVector w = ShortVector.fromMemorySegment(S, data, q, LITTLE_ENDIAN).convertShape(S2I, I, 0).reinterpretAsInts()
                    .lanewise(LSHL, shift).and(keep).reinterpretAsFloats().mul(unit);
            FloatVector x0 = FloatVector.fromArray(F, x, s + i);
            FloatVector x1 = FloatVector.fromArray(F, x, t + i);
            FloatVector x2 = FloatVector.fromArray(F, x, u + i);
            FloatVector x3 = FloatVector.fromArray(F, x, z + i);
            a0 = v.fma(x0, a0); b0 = w.fma(x0, b0); c0 = v.fma(x1, c0); d0 = w.fma(x1, d0);
            e0 = v.fma(x2, e0); f0 = w.fma(x2, f0); g0 = v.fma(x3, g0); h0 = w.fma(x3, h0);
            i += L;
        }
        a0.add(a1).intoArray(sums, 0);
        b0.add(b1).intoArray(sums, L);
        c0.add(c1).intoArray(sums, 2 * L);
        d0.add(d1).intoArray(sums, 3 * L);
        e0.add(e1).intoArray(sums, 4 * L);
        f0.add(f1).intoArray(sums, 5 * L);
        g0.add(g1).intoArray(sums, 6 * L);
        h0.add(h1).intoArray(sums, 7 * L);
        return i;
    }
}
