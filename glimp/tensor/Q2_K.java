package glimp.tensor;

import static java.nio.ByteOrder.LITTLE_ENDIAN;
import static jdk.incubator.vector.VectorOperators.LSHR;

import glimp.gguf.GgmlType;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import jdk.incubator.vector.ByteVector;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;

/**
 * Blocks of 256: for every 16 values a byte with a scale s (lower nibble) and a minimum n (upper), then 64 bytes of bit
 * pairs q, then half floats d and m: values {@code d s q - m n}. Each half of a block has 32 bytes whose four pairs hold 32
 * values each.
 */
final class Q2_K extends Blocks256 {
    private static final int BLOCK_BYTES = GgmlType.Q2_K.bytes;
    private static final int PAIRS = 16, D = 80, M = 82;
    /** The two weights of a lane. */
    private static final int PAIR = 0x00030003;

    Q2_K(MemorySegment data, int rows, int cols) {
        super(data, rows, cols, GgmlType.Q2_K, Ints256.Order.BIT_PAIRS);
    }

    @Override
    public void decode(int row, int from, int to, float[] out, int at) {
        long p = row * rowBytes + from / 256L * BLOCK_BYTES;
        for (int i = from; i < to; i += 256, p += BLOCK_BYTES, at += 256) {
            float d = Blocks256.half(data, p + D), m = Blocks256.half(data, p + M);
            for (int k = 0; k < 256; k += 128) {
                for (int j = 0; j < 32; j += L) {
                    IntVector q = Blocks256.bytes(data, p + PAIRS + k / 4 + j);
                    for (int pair = 0; pair < 4; pair++, q = q.lanewise(LSHR, 2)) {
                        int s = data.get(ValueLayout.JAVA_BYTE, p + k / 16 + 2 * pair + j / 16);
                        ((FloatVector) q.and(3).castShape(F, 0)).mul(d * (s & 15)).sub(m * (s >>> 4 & 15)).intoArray(out, at + k + 32 * pair + j);
                    }
                }
            }
        }
    }

    @Override
    void scales(int row, float[] w, int at, int offsets) {
        long p = row * rowBytes;
        for (int block = 0; block < cols / 256; block++, p += BLOCK_BYTES, at += 64, offsets += 16) {
            float d = Blocks256.half(data, p + D), m = -Blocks256.half(data, p + M);
            for (int k = 0; k < 16; k += L) {
                ((FloatVector) Blocks256.bytes(data, p + k).and(15).castShape(F, 0)).mul(d).intoArray(w, offsets + k);
            }
            spread(w, offsets, BIT_PAIR_LANES, at);
            for (int k = 0; k < 16; k += L) {
                ((FloatVector) Blocks256.bytes(data, p + k).lanewise(LSHR, 4).castShape(F, 0)).mul(m).intoArray(w, offsets + k);
            }
        }
    }

    @Override
    void pairs(int row, float[] w, int at) {
        long p = row * rowBytes + PAIRS;
        for (int block = 0; block < cols / 256; block++, p += BLOCK_BYTES, at += 128) {
            for (int j = 0; j < 16; j += L) {
                IntVector v = ByteVector.fromMemorySegment(BYTES, data, p + 4 * j, LITTLE_ENDIAN).reinterpretAsInts();
                for (int i = 0; i < 128; i += 32, v = v.lanewise(LSHR, 2)) {
                    v.and(PAIR).reinterpretAsFloats().intoArray(w, at + i + j);
                    v.lanewise(LSHR, 8).and(PAIR).reinterpretAsFloats().intoArray(w, at + i + 16 + j);
                }
            }
        }
    }
}
