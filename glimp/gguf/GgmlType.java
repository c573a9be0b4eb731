package glimp.gguf;

import java.util.Arrays;
import java.util.stream.Collectors;

/**
 * How a tensor's numbers are stored: blocks of {@link #block} elements in {@link #bytes} bytes each, one after the other
 * without gaps. Ids are those of the GGUF format.
 *
 * <p>The types at the end are known by name and size, so that a file that holds them can be described, but nothing in
 * this program computes with them: {@link #supported} is false.
 */
public enum GgmlType {
    F32(0, 1, 4),
    F16(1, 1, 2),
    BF16(30, 1, 2),
    Q4_0(2, 32, 18),
    Q4_1(3, 32, 20),
    Q5_0(6, 32, 22),
    Q5_1(7, 32, 24),
    Q8_0(8, 32, 34),
    Q2_K(10, 256, 84),
    Q3_K(11, 256, 110),
    Q4_K(12, 256, 144),
    Q5_K(13, 256, 176),
    Q6_K(14, 256, 210),
    IQ4_NL(20, 32, 18),
    IQ4_XS(23, 256, 136),
    MXFP4(39, 32, 17),

    Q8_1(9, 32, 36, false),
    Q8_K(15, 256, 292, false),
    IQ2_XXS(16, 256, 66, false),
    IQ2_XS(17, 256, 74, false),
    IQ3_XXS(18, 256, 98, false),
    IQ1_S(19, 256, 50, false),
    IQ3_S(21, 256, 110, false),
    IQ2_S(22, 256, 82, false),
    I8(24, 1, 1, false),
    I16(25, 1, 2, false),
    I32(26, 1, 4, false),
    I64(27, 1, 8, false),
    F64(28, 1, 8, false),
    IQ1_M(29, 256, 56, false),
    Q4_0_4_4(31, 32, 18, false),
    Q4_0_4_8(32, 32, 18, false),
    Q4_0_8_8(33, 32, 18, false),
    TQ1_0(34, 256, 54, false),
    TQ2_0(35, 256, 66, false),
    NVFP4(40, 64, 36, false),
    Q1_0(41, 128, 18, false);

    private static final GgmlType[] BY_ID = byId();

    /** Number of the type in a GGUF file. */
    public final int id;
    /** Elements in a block. */
    public final int block;
    /** Bytes of a block. */
    public final int bytes;
    /** Whether this program can compute with tensors of the type. */
    public final boolean supported;

    GgmlType(int id, int block, int bytes) {
        this(id, block, bytes, true);
    }

    GgmlType(int id, int block, int bytes, boolean supported) {
        this.id = id;
        this.block = block;
        this.bytes = bytes;
        this.supported = supported;
    }

    /** The type with this number, or null when there is none that this program has heard of. */
    public static GgmlType of(int id) {
        return id >= 0 && id < BY_ID.length ? BY_ID[id] : null;
    }

    /**
     * Bytes that so many elements take.
     *
     * @param elements a whole number of blocks
     * @throws ArithmeticException if they are more than a long can count
     */
    public long bytesFor(long elements) {
        if (elements < 0 || elements % block != 0) {
            throw new IllegalArgumentException(elements + " elements are no whole number of " + this + " blocks of " + block);
        }
        return Math.multiplyExact(elements / block, bytes);
    }

    /** The names of the supported types, separated by commas. */
    static String supportedNames() {
        return Arrays.stream(values()).filter(t -> t.supported).map(Enum::name).collect(Collectors.joining(", "));
    }

    private static GgmlType[] byId() {
        GgmlType[] all = new GgmlType[64];
        for (GgmlType type : values()) {
            all[type.id] = type;
        }
        return all;
    }
}
