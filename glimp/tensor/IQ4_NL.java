package glimp.tensor;

import glimp.gguf.GgmlType;
import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.ByteVector;

/** Blocks of 32: a half float d and 32 nibbles, each the place of a value in a code book, values d CODES[nibble]. */
final class IQ4_NL extends Block32 {
    /** Denser near zero, as weights are. */
    static final byte[] CODES = {-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113};
    private static final ByteVector TABLE = ByteVector.fromArray(ByteVector.SPECIES_128, CODES, 0);

    IQ4_NL(MemorySegment data, int rows, int cols) {
        super(data, rows, cols, GgmlType.IQ4_NL);
    }

    @Override
    public void decode(int row, int from, int to, float[] out, int at) {
        long q = block(row, from);
        for (int i = from; i < to; i += 32, q += blockBytes, at += 32) {
            ByteVector v = load(q + 2);
            float d = half(q);
            store(low(v).selectFrom(TABLE), d, out, at);
            store(high(v).selectFrom(TABLE), d, out, at + 16);
        }
    }
}
