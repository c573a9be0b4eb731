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
 * included. (The processors' own conversion cannot be reached from a vector.) What is missing is half in the activations and half
 * applied to the sums, 2^56 each, so that nothing is rounded otherwise than by the value itself and no weight costs a multiplication
 * of its own (Zen 4, two rows by four tokens: 84 GFLOP/s with one, 100 without). A bfloat16 is a shift only. Places to shift by are a vector,
 * since a number that is no constant costs twice as much (72 GFLOP/s, not 92).
 *
 * <p>One thread of a Zen 4 gets 46 GB/s from its L2 with one token, 34 with two, 24 with four, and from memory what memory gives, which is
 * 28 to 33.
 */
final class HalfFloats extends FloatRows {
    private static final VectorSpecies<Float> F = FloatVector.SPECIES_PREFERRED;
    private static final VectorSpecies<Integer> I = IntVector.SPECIES_PREFERRED;
    private static final VectorSpecies<Short> S = VectorSpecies.of(short.class, VectorShape.forBitSize(I.vectorBitSize() / 2));
    private static final int L = F.length();
    /** Half of the exponent that a shifted half float lacks. */
    static final float HALFWAY = 0x1p56f;

    private final boolean half;
    private final int shift;
    private final int keep;

    HalfFloats(MemorySegment data, int rows, int cols, GgmlType type) {
        super(data, rows, cols, type);
        this.half = type == GgmlType.F16;
        this.shift = half ? 13 : 16;
        this.keep = half ? 0x8FFFE000 : 0xFFFF0000;
    }

    @Override
    Lines lines(Activations x) {
        return half ? x.halfwayLines() : x.lines();
    }

    @Override
    float unit() {
        return half ? HALFWAY : 1;
    }

    /** What a weight's bits, shifted, are to be multiplied by. */
    private float value() {
        return half ? 0x1p112f : 1;
    }

    @Override
    public void decode(int row, int from, int to, float[] out, int at) {
        MemorySegment data = this.data;
        FloatVector unit = FloatVector.broadcast(F, value());
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
        return Float.intBitsToFloat(data.get(JAVA_SHORT_UNALIGNED, p) << shift & keep) * value();
    }

    /**
     * The largest batch that is multiplied so, rather than in tiles by {@link Gemm}, which packs it and fills up its vectors. (Zen 4, one
     * thread, GFLOP/s with 24, 32, 40 and 48 tokens: of 768 x 256 77, 80, 79, 81, in tiles 67, 83, 76, 90; of 1024 x 1024 99, 99, 98, 98, in
     * tiles 86, 85, 79, 95.)
     */
    @Override
    int most() {
        return L == 8 ? Products.SMALL : 40;
    }

    @Override
    float rest(int row, float[] x, int xAt, int from, float sum) {
        for (int i = from; i < cols; i++) {
            sum = Math.fma(value(row * rowBytes + 2L * i), x[xAt + i], sum);
        }
        return sum;
    }

    @Override
    void one(Activations activations, int token, int rowA, int rowB, int count, float[] sums) {
        MemorySegment data = this.data.asSlice(0), x = lines(activations).data().asSlice(0);
        long s = token * lines(activations).tokenBytes();
        IntVector shift = IntVector.broadcast(I, this.shift), keep = IntVector.broadcast(I, this.keep);
        int done = cols / L * L;
        for (int n = 0; n < count; n++) {
            long p = (rowA + n) * rowBytes, q = (rowB + n) * rowBytes;
            FloatVector a = FloatVector.zero(F), b = FloatVector.zero(F);
            for (long k = 0; k < 2L * done; k += 2 * L) {
                FloatVector v = ShortVector.fromMemorySegment(S, data, p + k, LITTLE_ENDIAN).convertShape(S2I, I, 0).reinterpretAsInts()
                        .lanewise(LSHL, shift).and(keep).reinterpretAsFloats();
                FloatVector w = ShortVector.fromMemorySegment(S, data, q + k, LITTLE_ENDIAN).convertShape(S2I, I, 0).reinterpretAsInts()
                        .lanewise(LSHL, shift).and(keep).reinterpretAsFloats();
                FloatVector y = FloatVector.fromMemorySegment(F, x, s + 2 * k, LITTLE_ENDIAN);
                a = v.fma(y, a);
                b = w.fma(y, b);
            }
            a.intoArray(sums, n * L);
            b.intoArray(sums, NEXT + n * L);
        }
    }

    @Override
    void two(MemorySegment x, long s, long next, int rowA, int rowB, int count, float[] sums) {
        MemorySegment data = this.data.asSlice(0);
        x = x.asSlice(0);
        IntVector shift = IntVector.broadcast(I, this.shift), keep = IntVector.broadcast(I, this.keep);
        int done = cols / L * L;
        for (int n = 0; n < count; n++) {
            long p = (rowA + n) * rowBytes, q = (rowB + n) * rowBytes;
            FloatVector a0 = FloatVector.zero(F), b0 = FloatVector.zero(F), a1 = FloatVector.zero(F), b1 = FloatVector.zero(F);
            for (long k = 0; k < 2L * done; k += 2 * L) {
                FloatVector v = ShortVector.fromMemorySegment(S, data, p + k, LITTLE_ENDIAN).convertShape(S2I, I, 0).reinterpretAsInts()
                        .lanewise(LSHL, shift).and(keep).reinterpretAsFloats();
                FloatVector w = ShortVector.fromMemorySegment(S, data, q + k, LITTLE_ENDIAN).convertShape(S2I, I, 0).reinterpretAsInts()
                        .lanewise(LSHL, shift).and(keep).reinterpretAsFloats();
                FloatVector y = FloatVector.fromMemorySegment(F, x, s + 2 * k, LITTLE_ENDIAN);
                a0 = v.fma(y, a0);
                b0 = w.fma(y, b0);
                y = FloatVector.fromMemorySegment(F, x, s + next + 2 * k, LITTLE_ENDIAN);
                a1 = v.fma(y, a1);
                b1 = w.fma(y, b1);
            }
            a0.intoArray(sums, n * L);
            b0.intoArray(sums, NEXT + n * L);
            a1.intoArray(sums, 2 * NEXT + n * L);
            b1.intoArray(sums, 3 * NEXT + n * L);
        }
    }

    /**
     * Four rows, a half of the pairs apart: 16 sums, and an activation serves four times, so that long rows, whose activations are in the
     * L2 cache, are multiplied as fast as short ones (rows of 3072: 106 GFLOP/s; two by four 72, of 1024: 98 and 94). In vectors of 256 bits there
     * are 16 registers, and it is still better than two tokens at a time (1024 x 1024: 47 GFLOP/s, 26).
     */
    @Override
    void four(MemorySegment x, long s, long next, int tokens, int rowA, int rowB, float[] sums) {
        MemorySegment data = this.data.asSlice(0);
        x = x.asSlice(0);
        IntVector shift = IntVector.broadcast(I, this.shift), keep = IntVector.broadcast(I, this.keep);
        int done = cols / L * L;
        long t = s + next, u = t + next, z = tokens > 3 ? u + next : u, far = PAIRS / 2 * rowBytes;
        for (int n = 0; n < PAIRS / 2; n++) {
            long p = (rowA + n) * rowBytes, q = (rowB + n) * rowBytes;
            FloatVector a0 = FloatVector.zero(F), a1 = FloatVector.zero(F), a2 = FloatVector.zero(F), a3 = FloatVector.zero(F);
            FloatVector b0 = FloatVector.zero(F), b1 = FloatVector.zero(F), b2 = FloatVector.zero(F), b3 = FloatVector.zero(F);
            FloatVector c0 = FloatVector.zero(F), c1 = FloatVector.zero(F), c2 = FloatVector.zero(F), c3 = FloatVector.zero(F);
            FloatVector d0 = FloatVector.zero(F), d1 = FloatVector.zero(F), d2 = FloatVector.zero(F), d3 = FloatVector.zero(F);
            for (long k = 0; k < 2L * done; k += 2 * L) {
                FloatVector y0 = FloatVector.fromMemorySegment(F, x, s + 2 * k, LITTLE_ENDIAN);
                FloatVector y1 = FloatVector.fromMemorySegment(F, x, t + 2 * k, LITTLE_ENDIAN);
                FloatVector y2 = FloatVector.fromMemorySegment(F, x, u + 2 * k, LITTLE_ENDIAN);
                FloatVector y3 = FloatVector.fromMemorySegment(F, x, z + 2 * k, LITTLE_ENDIAN);
                FloatVector v = ShortVector.fromMemorySegment(S, data, p + k, LITTLE_ENDIAN).convertShape(S2I, I, 0).reinterpretAsInts()
                        .lanewise(LSHL, shift).and(keep).reinterpretAsFloats();
                a0 = v.fma(y0, a0); a1 = v.fma(y1, a1); a2 = v.fma(y2, a2); a3 = v.fma(y3, a3);
                v = ShortVector.fromMemorySegment(S, data, p + far + k, LITTLE_ENDIAN).convertShape(S2I, I, 0).reinterpretAsInts()
                        .lanewise(LSHL, shift).and(keep).reinterpretAsFloats();
                b0 = v.fma(y0, b0); b1 = v.fma(y1, b1); b2 = v.fma(y2, b2); b3 = v.fma(y3, b3);
                v = ShortVector.fromMemorySegment(S, data, q + k, LITTLE_ENDIAN).convertShape(S2I, I, 0).reinterpretAsInts()
                        .lanewise(LSHL, shift).and(keep).reinterpretAsFloats();
                c0 = v.fma(y0, c0); c1 = v.fma(y1, c1); c2 = v.fma(y2, c2); c3 = v.fma(y3, c3);
                v = ShortVector.fromMemorySegment(S, data, q + far + k, LITTLE_ENDIAN).convertShape(S2I, I, 0).reinterpretAsInts()
                        .lanewise(LSHL, shift).and(keep).reinterpretAsFloats();
                d0 = v.fma(y0, d0); d1 = v.fma(y1, d1); d2 = v.fma(y2, d2); d3 = v.fma(y3, d3);
            }
            int a = n * L, b = a + PAIRS / 2 * L, c = a + NEXT, d = b + NEXT;
            a0.intoArray(sums, a); b0.intoArray(sums, b); c0.intoArray(sums, c); d0.intoArray(sums, d);
            a += 2 * NEXT; b += 2 * NEXT; c += 2 * NEXT; d += 2 * NEXT;
            a1.intoArray(sums, a); b1.intoArray(sums, b); c1.intoArray(sums, c); d1.intoArray(sums, d);
            a += 2 * NEXT; b += 2 * NEXT; c += 2 * NEXT; d += 2 * NEXT;
            a2.intoArray(sums, a); b2.intoArray(sums, b); c2.intoArray(sums, c); d2.intoArray(sums, d);
            a += 2 * NEXT; b += 2 * NEXT; c += 2 * NEXT; d += 2 * NEXT;
            a3.intoArray(sums, a); b3.intoArray(sums, b); c3.intoArray(sums, c); d3.intoArray(sums, d);
        }
    }
}
