package glimp.tensor;

import static java.nio.ByteOrder.LITTLE_ENDIAN;
import static jdk.incubator.vector.VectorOperators.LSHL;
import static jdk.incubator.vector.VectorOperators.LSHR;

import glimp.gguf.GgmlType;
import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.ByteVector;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;

/**
 * Blocks of 256: {@link Q4_K} with a fifth bit. 32 bytes between the scales and the nibbles hold it: bit i of byte j belongs
 * to value j of the i-th 32.
 */
final class Q5_K extends Blocks256 {
    private static final int BLOCK_BYTES = GgmlType.Q5_K.bytes;
    private static final int SCALES = 4, FIFTH = 16, NIBBLES = 48;
    /** The two weights of a lane. */
    private static final int PAIR = 0x001F001F;
    private static final int[] TWICE = {0, 1, 2, 3, 4, 5, 6, 7, 0, 1, 2, 3, 4, 5, 6, 7};
    private static final int[] SECOND = {0, 0, 0, 0, 0, 0, 0, 0, 2, 2, 2, 2, 2, 2, 2, 2};

    Q5_K(MemorySegment data, int rows, int cols) {
        super(data, rows, cols, GgmlType.Q5_K, Ints256.Order.NIBBLES);
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

    @Override
    void scales(int row, float[] w, int at, int offsets) {
        scalesAndMinima(data, row * rowBytes, BLOCK_BYTES, cols / 256, w, at, offsets);
    }

    @Override
    void pairs(int row, float[] w, int at) {
        long p = row * rowBytes;
        for (int block = 0; block < cols / 256; block++, p += BLOCK_BYTES, at += 128) {
            for (int k = 0; k < 2; k++) {
                for (int j = 0; j < 16; j += L) {
                    IntVector v = ByteVector.fromMemorySegment(BYTES, data, p + NIBBLES + 64 * k + 4 * j, LITTLE_ENDIAN).reinterpretAsInts();
                    IntVector h = fifth(data, p + FIFTH, j).lanewise(LSHR, 4 * k);
                    IntVector low = v.and(0x0F0F0F0F).or(h.lanewise(LSHL, 4).and(0x10101010));
                    IntVector high = v.lanewise(LSHR, 4).and(0x0F0F0F0F).or(h.lanewise(LSHL, 3).and(0x10101010));
                    low.and(PAIR).reinterpretAsFloats().intoArray(w, at + 64 * k + j);
                    low.lanewise(LSHR, 8).and(PAIR).reinterpretAsFloats().intoArray(w, at + 64 * k + 16 + j);
                    high.and(PAIR).reinterpretAsFloats().intoArray(w, at + 64 * k + 32 + j);
                    high.lanewise(LSHR, 8).and(PAIR).reinterpretAsFloats().intoArray(w, at + 64 * k + 48 + j);
                }
            }
        }
    }

    /** The fifth bits for the lanes from j on: the second eight of 16 lanes have theirs 2 bits higher in the same bytes. */
    private static IntVector fifth(MemorySegment data, long at, int j) {
        IntVector h = ByteVector.fromMemorySegment(BYTES, data, at + 4 * (j % 8), LITTLE_ENDIAN).reinterpretAsInts();
        if (L == 16) {
            return IntVector.fromArray(I, TWICE, 0).selectFrom(h).lanewise(LSHR, IntVector.fromArray(I, SECOND, 0));
        }
        return h.lanewise(LSHR, j / 8 * 2);
    }
}
