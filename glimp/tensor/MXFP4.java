package glimp.tensor;

import glimp.gguf.GgmlType;
import java.lang.foreign.MemorySegment;

/**
 * Blocks of 32 in the Open Compute Project's microscaling format: an exponent e and 32 nibbles, each a sign and a
 * magnitude of 0, 0.5, 1, 1.5, 2, 3, 4 or 6, values 2^(e - 127) times those.
 */
final class MXFP4 extends CodeBook32 {
    /** Twice the values, so that they are whole numbers. */
    private static final byte[] CODES = {0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12};

    MXFP4(MemorySegment data, int rows, int cols) {
        super(data, rows, cols, GgmlType.MXFP4, CODES, true);
    }
}
