package glimp.tensor;

import static java.nio.ByteOrder.LITTLE_ENDIAN;
import static jdk.incubator.vector.VectorOperators.LSHL;
import static jdk.incubator.vector.VectorOperators.LSHR;

import glimp.gguf.GgmlType;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import jdk.incubator.vector.ByteVector;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;

/**
 * Blocks of 256: 32 bytes of third bits, 64 bytes of bit pairs q, 12 bytes with a scale s of 6 bits for every 16 values, and
 * a half float d: values {@code d (s - 32) (q - 4)}. The pairs lie as in {@link Q2_K}; bit i of byte j of the third bits
 * belongs to value j of the i-th 32.
 */
final class Q3_K extends Blocks256 {
    private static final int BLOCK_BYTES = GgmlType.Q3_K.bytes;
    private static final int PAIRS = 32, SCALES = 96, D = 108;
    /** The two weights of a lane. */
    private static final int PAIR = 0x00070007;
    private static final int[] TWICE = {0, 1, 2, 3, 4, 5, 6, 7, 0, 1, 2, 3, 4, 5, 6, 7};
    private static final int[] SECOND = {0, 0, 0, 0, 0, 0, 0, 0, 4, 4, 4, 4, 4, 4, 4, 4};

    Q3_K(MemorySegment data, int rows, int cols) {
        super(data, rows, cols, GgmlType.Q3_K, Ints256.Order.BIT_PAIRS);
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

    @Override
    void scales(int row, float[] w, int at, int offsets) {
        long p = row * rowBytes;
        for (int block = 0; block < cols / 256; block++, p += BLOCK_BYTES, at += 64, offsets += 16) {
            float d = Blocks256.half(data, p + D);
            for (int k = 0; k < 16; k += 8) {
                long scales = scales(data, p + SCALES, k / 2);
                for (int i = k; i < k + 8; i++, scales >>>= 8) {
                    w[offsets + i] = d * ((scales & 0xFF) - 32);
                }
            }
            spread(w, offsets, BIT_PAIR_LANES, at);
            for (int k = 0; k < 16; k += L) {
                FloatVector.fromArray(F, w, offsets + k).mul(-4).intoArray(w, offsets + k);
            }
        }
    }

    @Override
    void pairs(int row, float[] w, int at) {
        long p = row * rowBytes;
        for (int block = 0; block < cols / 256; block++, p += BLOCK_BYTES, at += 128) {
            for (int j = 0; j < 16; j += L) {
                IntVector v = ByteVector.fromMemorySegment(BYTES, data, p + PAIRS + 4 * j, LITTLE_ENDIAN).reinterpretAsInts();
                IntVector h = third(data, p, j);
                for (int i = 0; i < 128; i += 32, v = v.lanewise(LSHR, 2), h = h.lanewise(LSHR, 1)) {
                    IntVector q = v.and(0x03030303).or(h.lanewise(LSHL, 2).and(0x04040404));
                    q.and(PAIR).reinterpretAsFloats().intoArray(w, at + i + j);
                    q.lanewise(LSHR, 8).and(PAIR).reinterpretAsFloats().intoArray(w, at + i + 16 + j);
                }
            }
        }
    }

    /** The third bits for the lanes from j on: the second eight of 16 lanes have theirs 4 bits higher in the same bytes. */
    private static IntVector third(MemorySegment data, long at, int j) {
        IntVector h = ByteVector.fromMemorySegment(BYTES, data, at + 4 * (j % 8), LITTLE_ENDIAN).reinterpretAsInts();
        if (L == 16) {
            return IntVector.fromArray(I, TWICE, 0).selectFrom(h).lanewise(LSHR, IntVector.fromArray(I, SECOND, 0));
        }
        return h.lanewise(LSHR, j / 8 * 4);
    }
}
