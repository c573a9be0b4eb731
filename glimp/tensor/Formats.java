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
            case F16, BF16 -> new HalfFloats(data, rows, cols, type);
            case Q4_0 -> new Q4_0(data, rows, cols);
            case Q4_1 -> new Q4_1(data, rows, cols);
            case Q5_0 -> new Q5_0(data, rows, cols);
            case Q5_1 -> new Q5_1(data, rows, cols);
            case IQ4_NL -> new IQ4_NL(data, rows, cols);
            case MXFP4 -> new MXFP4(data, rows, cols);
            case Q8_0 -> new Q8_0(data, rows, cols);
            case Q2_K -> new Q2_K(data, rows, cols);
            case Q3_K -> new Q3_K(data, rows, cols);
            case Q4_K -> new Q4_K(data, rows, cols);
            case Q5_K -> new Q5_K(data, rows, cols);
            case Q6_K -> new Q6_K(data, rows, cols);
            case IQ4_XS -> new IQ4_XS(data, rows, cols);
            default -> throw new GgufException("no kernel for tensors of type " + type);
        };
    }
}
