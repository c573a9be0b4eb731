package glimp.tensor;

import static glimp.tensor.Blocks256.F;
import static glimp.tensor.Blocks256.L;
import static jdk.incubator.vector.VectorOperators.LSHR;

import glimp.gguf.GgmlType;
import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;

/**
 * Blocks of 256: half floats d and m, a scale s and a minimum n of 6 bits for every 32 values, then nibbles q: values
 * {@code d s q - m n}. 32 bytes hold 32 values in their lower nibbles and the next 32 in their upper ones.
 */
final class Q4_K extends Matrix {
    private static final int BLOCK_BYTES = GgmlType.Q4_K.bytes;
    private static final int SCALES = 4, NIBBLES = 16;

    Q4_K(MemorySegment data, int rows, int cols) {
        super(data, rows, cols, GgmlType.Q4_K);
    }

    @Override
    public void decode(int row, int from, int to, float[] out, int at) {
        long p = row * rowBytes + from / 256L * BLOCK_BYTES;
        for (int i = from; i < to; i += 256, p += BLOCK_BYTES, at += 256) {
            float d = Blocks256.half(data, p), m = Blocks256.half(data, p + 2);
            long scales = Blocks256.scales(data, p + SCALES), minima = Blocks256.minima(data, p + SCALES);
            for (int k = 0; k < 256; k += 64, scales >>>= 16, minima >>>= 16) {
                float d0 = d * (scales & 0xFF), d1 = d * (scales >>> 8 & 0xFF);
                float m0 = m * (minima & 0xFF), m1 = m * (minima >>> 8 & 0xFF);
                for (int j = 0; j < 32; j += L) {
                    IntVector q = Blocks256.bytes(data, p + NIBBLES + k / 2 + j);
                    ((FloatVector) q.and(15).castShape(F, 0)).mul(d0).sub(m0).intoArray(out, at + k + j);
                    ((FloatVector) q.lanewise(LSHR, 4).castShape(F, 0)).mul(d1).sub(m1).intoArray(out, at + k + 32 + j);
                }
            }
        }
    }
}
