package glimp.tensor;

import glimp.gguf.GgmlType;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/** Plain floats: norms, routers of experts, reference models. */
final class F32 extends Matrix {
    F32(MemorySegment data, int rows, int cols) {
        super(data, rows, cols, GgmlType.F32);
    }

    @Override
    public void decode(int row, int from, int to, float[] out, int at) {
        MemorySegment.copy(data, ValueLayout.JAVA_FLOAT_UNALIGNED, row * rowBytes + 4L * from, out, at, to - from);
    }
}
