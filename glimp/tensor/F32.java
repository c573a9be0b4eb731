package glimp.tensor;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT_UNALIGNED;
import static java.nio.ByteOrder.LITTLE_ENDIAN;

import glimp.gguf.GgmlType;
import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorSpecies;

/** Plain floats: norms, routers of experts, reference models. */
final class F32 extends Matrix {
    private static final VectorSpecies<Float> F = FloatVector.SPECIES_PREFERRED;
    private static final int L = F.length();

    F32(MemorySegment data, int rows, int cols) {
        super(data, rows, cols, GgmlType.F32);
    }

    @Override
    public void decode(int row, int from, int to, float[] out, int at) {
        MemorySegment.copy(data, JAVA_FLOAT_UNALIGNED, row * rowBytes + 4L * from, out, at, to - from);
    }

    @Override
    void pair(Activations x, int rowA, int rowB, float[] y, boolean add, float[] scratch) {
        if (x.tokens == 1) {
            one(x.values, rowA, rowB, y, add, scratch);
        } else {
            super.pair(x, rowA, rowB, y, add, scratch);
        }
    }

    private void one(float[] x, int rowA, int rowB, float[] y, boolean add, float[] sums) {
        MemorySegment data = this.data;
        long p = rowA * rowBytes, q = rowB * rowBytes;
        FloatVector a0 = FloatVector.zero(F), a1 = a0, b0 = a0, b1 = a0;
        int i = 0;
        for (; i + 2 * L <= cols; i += 2 * L, p += 8 * L, q += 8 * L) {
            FloatVector x0 = FloatVector.fromArray(F, x, i), x1 = FloatVector.fromArray(F, x, i + L);
            a0 = FloatVector.fromMemorySegment(F, data, p, LITTLE_ENDIAN).fma(x0, a0);
            b0 = FloatVector.fromMemorySegment(F, data, q, LITTLE_ENDIAN).fma(x0, b0);
            a1 = FloatVector.fromMemorySegment(F, data, p + 4 * L, LITTLE_ENDIAN).fma(x1, a1);
            b1 = FloatVector.fromMemorySegment(F, data, q + 4 * L, LITTLE_ENDIAN).fma(x1, b1);
        }
        if (i + L <= cols) {
            FloatVector x0 = FloatVector.fromArray(F, x, i);
            a0 = FloatVector.fromMemorySegment(F, data, p, LITTLE_ENDIAN).fma(x0, a0);
            b0 = FloatVector.fromMemorySegment(F, data, q, LITTLE_ENDIAN).fma(x0, b0);
            i += L;
            p += 4 * L;
            q += 4 * L;
        }
        sums[0] = Lanes.sum(a0.add(a1));
        sums[1] = Lanes.sum(b0.add(b1));
        for (; i < cols; i++, p += 4, q += 4) {
            sums[0] = Math.fma(data.get(JAVA_FLOAT_UNALIGNED, p), x[i], sums[0]);
            sums[1] = Math.fma(data.get(JAVA_FLOAT_UNALIGNED, q), x[i], sums[1]);
        }
        RowPair.put(sums, 1, y, 0, rowA, rowB, rows, add);
    }
}
