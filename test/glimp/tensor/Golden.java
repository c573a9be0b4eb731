package glimp.tensor;

import glimp.gguf.GgmlType;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HexFormat;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Assumptions;

/**
 * Blocks of a format and the values they stand for, made with other software ({@code dequantize.json}).
 *
 * @param values {@code float[rows][cols]}, row-major
 */
record Golden(Matrix matrix, float[] values) {
    private static final Path FILE = Path.of("../shared/golden/dequantize.json");

    /** The blocks of one format; the calling test is skipped where there are none. */
    static Golden of(GgmlType type) throws IOException {
        Assumptions.assumeTrue(Files.exists(FILE), () -> FILE + " is not there");
        Matcher m = Pattern.compile('"' + type.name() + "\": \\{[^{}]*?\"rows\": (\\d+), \"cols\": (\\d+), \"bytes_hex\": \"([0-9a-f]*+)\", "
                + "\"values\": \\[([^]]*+)]").matcher(Files.readString(FILE));
        Assumptions.assumeTrue(m.find(), () -> FILE + " has no blocks of " + type);
        byte[] bytes = HexFormat.of().parseHex(m.group(3));
        MemorySegment data = Arena.ofAuto().allocate(bytes.length, 1);
        MemorySegment.copy(bytes, 0, data, ValueLayout.JAVA_BYTE, 0, bytes.length);
        String[] numbers = m.group(4).split(",");
        float[] values = new float[numbers.length];
        for (int i = 0; i < values.length; i++) {
            values[i] = Float.parseFloat(numbers[i].strip());
        }
        return new Golden(Formats.matrix(type, data, Integer.parseInt(m.group(1)), Integer.parseInt(m.group(2))), values);
    }
}
