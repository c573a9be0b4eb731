package glimp.tensor;

import glimp.gguf.GgmlType;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import jdk.incubator.vector.ByteVector;

/**
 * Blocks of 32 in the Open Compute Project's microscaling format: an exponent e and 32 nibbles, each a sign and a
 * magnitude of 0, 0.5, 1, 1.5, 2, 3, 4 or 6, values 2^(e - 127) times those.
 */
final class MXFP4 extends Block32 {
    /** Twice the values, so that they are whole numbers. */
    static final byte[] CODES = {0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12};
    private static final ByteVector TABLE = ByteVector.fromArray(ByteVector.SPECIES_128, CODES, 0);

    MXFP4(MemorySegment data, int rows, int cols) {
        super(data, rows, cols, GgmlType.MXFP4);
    }

    @Override
    public void decode(int row, int from, int to, float[] out, int at) {
        long q = block(row, from);
        for (int i = from; i < to; i += 32, q += blockBytes, at += 32) {
            ByteVector v = load(q + 1);
            float d = scale(data.get(ValueLayout.JAVA_BYTE, q));
            store(low(v).selectFrom(TABLE), d, out, at);
            store(high(v).selectFrom(TABLE), d, out, at + 16);
        }
    }

    /** {@code 2^(e - 128)}: half the block's scale; the two smallest are no normal floats. */
    private static float scale(byte e) {
        int exponent = Byte.toUnsignedInt(e);
        return Float.intBitsToFloat(exponent < 2 ? 0x00200000 << exponent : (exponent - 1) << 23);
    }
}
