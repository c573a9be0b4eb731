package glimp.tensor;

import static glimp.tensor.Blocks256.F;
import static glimp.tensor.Blocks256.L;
import static jdk.incubator.vector.VectorOperators.LSHL;
import static jdk.incubator.vector.VectorOperators.LSHR;

import glimp.gguf.GgmlType;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;

/**
 * Blocks of 256: 32 bytes of third bits, 64 bytes of bit pairs q, 12 bytes with a scale s of 6 bits for every 16 values, and
 * a half float d: values {@code d (s - 32) (q - 4)}. The pairs lie as in {@link Q2_K}; bit i of byte j of the third bits
 * belongs to value j of the i-th 32.
 */
final class Q3_K extends Matrix {
    private static final int BLOCK_BYTES = GgmlType.Q3_K.bytes;
    private static final int PAIRS = 32, SCALES = 96, D = 108;

    Q3_K(MemorySegment data, int rows, int cols) {
        super(data, rows, cols, GgmlType.Q3_K);
    }

    /**
     * Eight of a block's sixteen scales, a byte each, 32 too high: the lower halves are the nibbles of 8 bytes, the upper 2
     * bits of scale i are bits {@code 2 (i / 4)} of byte {@code i % 4} after them.
     *
     * @param half 0 for the first eight (lower nibbles), 4 for the others
     */
    private static long scales(MemorySegment data, long at, int half) {
        long low = data.get(ValueLayout.JAVA_LONG_UNALIGNED, at) >>> half & 0x0F0F0F0F0F0F0F0FL;
        int high = data.get(ValueLayout.JAVA_INT_UNALIGNED, at + 8) >>> half;
        return low | (long) (high & 0x03030303) << 4 | (long) (high & 0x0C0C0C0C) << 34;
    }

    @Override
    public void decode(int row, int from, int to, float[] out, int at) {
        long p = row * rowBytes + from / 256L * BLOCK_BYTES;
        for (int i = from; i < to; i += 256, p += BLOCK_BYTES, at += 256) {
            float d = Blocks256.half(data, p + D);
            for (int k = 0; k < 256; k += 128) {
                long scales = scales(data, p + SCALES, k / 32);
                for (int j = 0; j < 32; j += L) {
                    IntVector q = Blocks256.bytes(data, p + PAIRS + k / 4 + j);
                    IntVector h = Blocks256.bytes(data, p + j).lanewise(LSHR, k / 32);
                    long s = scales >>> j / 16 * 8;
                    for (int pair = 0; pair < 4; pair++, s >>>= 16, q = q.lanewise(LSHR, 2), h = h.lanewise(LSHR, 1)) {
                        IntVector value = q.and(3).or(h.and(1).lanewise(LSHL, 2)).sub(4);
                        ((FloatVector) value.castShape(F, 0)).mul(d * ((s & 0xFF) - 32)).intoArray(out, at + k + 32 * pair + j);
                    }
                }
            }
        }
    }
}
