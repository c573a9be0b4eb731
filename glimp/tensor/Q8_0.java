package glimp.tensor;

import glimp.gguf.GgmlType;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import jdk.incubator.vector.ByteVector;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorSpecies;

/** Blocks of 32: a half float d and 32 signed bytes q, values d q. */
final class Q8_0 extends Matrix {
    private static final int BLOCK_BYTES = GgmlType.Q8_0.bytes;
    private static final VectorSpecies<Float> F = FloatVector.SPECIES_PREFERRED;
    private static final VectorSpecies<Byte> B = ByteVector.SPECIES_64;

    Q8_0(MemorySegment data, int rows, int cols) {
        super(data, rows, cols, GgmlType.Q8_0);
    }

    @Override
    public void decode(int row, int from, int to, float[] out, int at) {
        long p = row * rowBytes + from / 32L * BLOCK_BYTES;
        for (int i = from; i < to; i += 32, p += BLOCK_BYTES, at += 32) {
            float d = Float.float16ToFloat(data.get(ValueLayout.JAVA_SHORT_UNALIGNED, p));
            for (int k = 0; k < 32; k++) {
                out[at + k] = d * data.get(ValueLayout.JAVA_BYTE, p + 2 + k);
            }
        }
    }
}
