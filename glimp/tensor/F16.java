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
 * Half floats, finite ones: exponent and fraction are shifted to where a float has them, which gives 2^-112 of the value,
 * subnormals included, and multiplied by 2^112, which is exact. The conversion instruction that processors have is not
 * reachable from a vector; this takes three instructions more and hides behind the memory.
 */
final class F16 extends Matrix {
    private static final VectorSpecies<Float> F = FloatVector.SPECIES_PREFERRED;
    private static final VectorSpecies<Integer> I = IntVector.SPECIES_PREFERRED;
    private static final VectorSpecies<Short> S = VectorSpecies.of(short.class, VectorShape.forBitSize(I.vectorBitSize() / 2));
    private static final int L = F.length();
    private static final int KEEP = 0x8FFFE000;
    private static final float UNSHIFT = 0x1p112f;

    F16(MemorySegment data, int rows, int cols) {
        super(data, rows, cols, GgmlType.F16);
    }

    @Override
    public void decode(int row, int from, int to, float[] out, int at) {
        MemorySegment data = this.data;
        long p = row * rowBytes + 2L * from;
        int i = from;
        for (; i + L <= to; i += L, p += 2 * L, at += L) {
            ShortVector.fromMemorySegment(S, data, p, LITTLE_ENDIAN).convertShape(S2I, I, 0).reinterpretAsInts()
                    .lanewise(LSHL, 13).and(KEEP).reinterpretAsFloats().mul(UNSHIFT).intoArray(out, at);
        }
        for (; i < to; i++, p += 2, at++) {
            out[at] = Float.float16ToFloat(data.get(JAVA_SHORT_UNALIGNED, p));
        }
    }

    @Override
    void pair(Activations x, int rowA, int rowB, float[] y, boolean add, float[] scratch) {
        if (x.tokens == 1) {
            one(x.values, rowA, rowB, y, add);
        } else {
            super.pair(x, rowA, rowB, y, add, scratch);
        }
    }

    private void one(float[] x, int rowA, int rowB, float[] y, boolean add) {
        MemorySegment data = this.data;
        long p = rowA * rowBytes, q = rowB * rowBytes;
        FloatVector a0 = FloatVector.zero(F), a1 = a0, b0 = a0, b1 = a0;
        int i = 0;
        for (; i + 2 * L <= cols; i += 2 * L, p += 4 * L, q += 4 * L) {
            FloatVector x0 = FloatVector.fromArray(F, x, i), x1 = FloatVector.fromArray(F, x, i + L);
            a0 = ShortVector.fromMemorySegment(S, data, p, LITTLE_ENDIAN).convertShape(S2I, I, 0).reinterpretAsInts()
                    .lanewise(LSHL, 13).and(KEEP).reinterpretAsFloats().mul(UNSHIFT).fma(x0, a0);
            b0 = ShortVector.fromMemorySegment(S, data, q, LITTLE_ENDIAN).convertShape(S2I, I, 0).reinterpretAsInts()
                    .lanewise(LSHL, 13).and(KEEP).reinterpretAsFloats().mul(UNSHIFT).fma(x0, b0);
            a1 = ShortVector.fromMemorySegment(S, data, p + 2 * L, LITTLE_ENDIAN).convertShape(S2I, I, 0).reinterpretAsInts()
                    .lanewise(LSHL, 13).and(KEEP).reinterpretAsFloats().mul(UNSHIFT).fma(x1, a1);
            b1 = ShortVector.fromMemorySegment(S, data, q + 2 * L, LITTLE_ENDIAN).convertShape(S2I, I, 0).reinterpretAsInts()
                    .lanewise(LSHL, 13).and(KEEP).reinterpretAsFloats().mul(UNSHIFT).fma(x1, b1);
        }
        if (i + L <= cols) {
            FloatVector x0 = FloatVector.fromArray(F, x, i);
            a0 = ShortVector.fromMemorySegment(S, data, p, LITTLE_ENDIAN).convertShape(S2I, I, 0).reinterpretAsInts()
                    .lanewise(LSHL, 13).and(KEEP).reinterpretAsFloats().mul(UNSHIFT).fma(x0, a0);
            b0 = ShortVector.fromMemorySegment(S, data, q, LITTLE_ENDIAN).convertShape(S2I, I, 0).reinterpretAsInts()
                    .lanewise(LSHL, 13).and(KEEP).reinterpretAsFloats().mul(UNSHIFT).fma(x0, b0);
            i += L;
            p += 2 * L;
            q += 2 * L;
        }
        float a = Lanes.sum(a0.add(a1)), b = Lanes.sum(b0.add(b1));
        for (; i < cols; i++, p += 2, q += 2) {
            a = Math.fma(Float.float16ToFloat(data.get(JAVA_SHORT_UNALIGNED, p)), x[i], a);
            b = Math.fma(Float.float16ToFloat(data.get(JAVA_SHORT_UNALIGNED, q)), x[i], b);
        }
        RowPair.put(y, rowA, rowB, a, b, add);
    }
}
