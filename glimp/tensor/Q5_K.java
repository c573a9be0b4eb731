package glimp.tensor;

import static glimp.tensor.Blocks256.F;
import static glimp.tensor.Blocks256.L;
import static jdk.incubator.vector.VectorOperators.LSHL;
import static jdk.incubator.vector.VectorOperators.LSHR;

import glimp.gguf.GgmlType;
import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;

/**
 * Blocks of 256: {@link Q4_K} with a fifth bit. 32 bytes between the scales and the nibbles hold it: bit i of byte j belongs
 * to value j of the i-th 32.
 */
final class Q5_K extends Matrix {
    private static final int BLOCK_BYTES = GgmlType.Q5_K.bytes;
    private static final int SCALES = 4, FIFTH = 16, NIBBLES = 48;

    Q5_K(MemorySegment data, int rows, int cols) {
        super(data, rows, cols, GgmlType.Q5_K);
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
                    IntVector h = Blocks256.bytes(data, p + FIFTH + j).lanewise(LSHR, k / 32);
                    IntVector q0 = q.and(15).or(h.and(1).lanewise(LSHL, 4));
                    IntVector q1 = q.lanewise(LSHR, 4).or(h.and(2).lanewise(LSHL, 3));
                    ((FloatVector) q0.castShape(F, 0)).mul(d0).sub(m0).intoArray(out, at + k + j);
                    ((FloatVector) q1.castShape(F, 0)).mul(d1).sub(m1).intoArray(out, at + k + 32 + j);
                }
            }
        }
    }
}
