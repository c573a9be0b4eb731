package glimp.tensor;

import glimp.gguf.GgmlType;
import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.ByteVector;

/** Blocks of 32: a half float d and 32 nibbles q, values d (q - 8). */
final class Q4_0 extends Block32 {
    Q4_0(MemorySegment data, int rows, int cols) {
        super(data, rows, cols, GgmlType.Q4_0);
    }

    @Override
    public void decode(int row, int from, int to, float[] out, int at) {
        long q = block(row, from);
        for (int i = from; i < to; i += 32, q += blockBytes, at += 32) {
            ByteVector v = load(q + 2);
            float d = half(q);
            store(low(v).sub((byte) 8), d, out, at);
            store(high(v).sub((byte) 8), d, out, at + 16);
        }
    }
}
