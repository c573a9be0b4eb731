package glimp.tensor;

import glimp.gguf.GgmlType;
import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.ByteVector;

/** Blocks of 32: half floats d and m, and 32 nibbles q, values d q + m. */
final class Q4_1 extends Block32 {
    private final Ints32Rows ints;

    Q4_1(MemorySegment data, int rows, int cols) {
        super(data, rows, cols, GgmlType.Q4_1);
        this.ints = Ints32.USABLE ? new Ints32Rows(data, cols / 128, true, false) : null;
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
    int together() {
        return 4;
    }

    @Override
    void multiply(MemorySegment x, long start, int rowA, int rowB, int count, float[] sums) {
        ints.multiply(x, start, rowA * rowBytes, rowB * rowBytes, rowBytes, count, sums);
    }
}
