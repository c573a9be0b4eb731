package glimp.tensor;

import glimp.gguf.GgmlType;
import glimp.gguf.GgufException;
import java.lang.foreign.MemorySegment;

/** Which class reads which format: adding one is a file and a line here. */
final class Formats {
    private Formats() {}

    static Matrix matrix(GgmlType type, MemorySegment data, int rows, int cols) {
        return switch (type) {
            case F32 -> new F32(data, rows, cols);
            case F16 -> new F16(data, rows, cols);
            case BF16 -> new BF16(data, rows, cols);
            case Q8_0 -> new Q8_0(data, rows, cols);
            default -> throw new GgufException("no kernel for tensors of type " + type);
        };
    }
}
