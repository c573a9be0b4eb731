package glimp.tensor;

import glimp.gguf.GgmlType;
import java.lang.foreign.MemorySegment;

/** Blocks of 32: a half float d and 32 nibbles, each the place of a value in a code book, values d CODES[nibble]. */
final class IQ4_NL extends CodeBook32 {
    /** Denser near zero, as weights are. */
    static final byte[] CODES = {-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113};

    IQ4_NL(MemorySegment data, int rows, int cols) {
        super(data, rows, cols, GgmlType.IQ4_NL, CODES, false);
    }
}
