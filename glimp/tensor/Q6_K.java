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
 * Blocks of 256: 128 bytes of nibbles, 64 bytes of bit pairs that go on top of them, a signed byte s for every 16 values,
 * and a half float d: values {@code d s (q - 32)}. Each half of a block has 64 bytes of nibbles, 32 values in each quarter
 * (lower nibbles of the first 32 bytes, of the second, then the upper ones), and 32 bytes whose four pairs go to the four.
 */
final class Q6_K extends Matrix {
    private static final int BLOCK_BYTES = GgmlType.Q6_K.bytes;
    private static final int PAIRS = 128, SCALES = 192, D = 208;

    Q6_K(MemorySegment data, int rows, int cols) {
        super(data, rows, cols, GgmlType.Q6_K);
    }

    @Override
    public void decode(int row, int from, int to, float[] out, int at) {
        long p = row * rowBytes + from / 256L * BLOCK_BYTES;
        for (int i = from; i < to; i += 256, p += BLOCK_BYTES, at += 256) {
            float d = Blocks256.half(data, p + D);
            for (int k = 0; k < 256; k += 128) {
                for (int j = 0; j < 32; j += L) {
                    long s = p + SCALES + k / 16 + j / 16;
                    IntVector a = Blocks256.bytes(data, p + k / 2 + j), b = Blocks256.bytes(data, p + k / 2 + 32 + j);
                    IntVector h = Blocks256.bytes(data, p + PAIRS + k / 4 + j);
                    IntVector q0 = a.and(15).or(h.and(3).lanewise(LSHL, 4)).sub(32);
                    IntVector q1 = b.and(15).or(h.and(12).lanewise(LSHL, 2)).sub(32);
                    IntVector q2 = a.lanewise(LSHR, 4).or(h.and(48)).sub(32);
                    IntVector q3 = b.lanewise(LSHR, 4).or(h.and(192).lanewise(LSHR, 2)).sub(32);
                    ((FloatVector) q0.castShape(F, 0)).mul(d * data.get(ValueLayout.JAVA_BYTE, s)).intoArray(out, at + k + j);
                    ((FloatVector) q1.castShape(F, 0)).mul(d * data.get(ValueLayout.JAVA_BYTE, s + 2)).intoArray(out, at + k + 32 + j);
                    ((FloatVector) q2.castShape(F, 0)).mul(d * data.get(ValueLayout.JAVA_BYTE, s + 4)).intoArray(out, at + k + 64 + j);
                    ((FloatVector) q3.castShape(F, 0)).mul(d * data.get(ValueLayout.JAVA_BYTE, s + 6)).intoArray(out, at + k + 96 + j);
                }
            }
        }
    }
}
