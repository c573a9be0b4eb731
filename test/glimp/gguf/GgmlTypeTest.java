package glimp.gguf;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.EnumSet;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;

/** The types have the ids and sizes that other software gives them. */
class GgmlTypeTest {

    private static final Path GOLDEN = Path.of("../shared/golden/dequantize.json");
    private static final Pattern TYPE = Pattern.compile(
            "\"(\\w+)\":\\s*\\{\\s*\"type_id\":\\s*(\\d+),\\s*\"block_size\":\\s*(\\d+),\\s*\"block_bytes\":\\s*(\\d+)");

    @Test
    void agreesWithTheGoldenTypes() throws IOException {
        assumeTrue(Files.exists(GOLDEN), GOLDEN + " is not there");
        Matcher golden = TYPE.matcher(Files.readString(GOLDEN));
        Set<GgmlType> seen = EnumSet.of(GgmlType.F32);
        while (golden.find()) {
            GgmlType type = GgmlType.valueOf(golden.group(1));
            assertEquals(Integer.parseInt(golden.group(2)), type.id, type.name());
            assertEquals(Integer.parseInt(golden.group(3)), type.block, type.name());
            assertEquals(Integer.parseInt(golden.group(4)), type.bytes, type.name());
            assertTrue(type.supported, type.name());
            seen.add(type);
        }
        EnumSet<GgmlType> supported = EnumSet.allOf(GgmlType.class);
        supported.removeIf(type -> !type.supported);
        assertEquals(supported, seen);
    }

    @Test
    void findsEachTypeByItsId() {
        for (GgmlType type : GgmlType.values()) {
            assertSame(type, GgmlType.of(type.id));
        }
        for (int id : new int[] {-1, 4, 5, 36, 63, 64, 1000, Integer.MAX_VALUE, Integer.MIN_VALUE}) {
            assertNull(GgmlType.of(id));
        }
    }

    @Test
    void countsBytesOfWholeBlocks() {
        assertEquals(0, GgmlType.Q4_K.bytesFor(0));
        assertEquals(3 * 144, GgmlType.Q4_K.bytesFor(3 * 256));
        assertEquals(34L << 35, GgmlType.Q8_0.bytesFor(1L << 40));
        assertThrows(IllegalArgumentException.class, () -> GgmlType.Q4_K.bytesFor(255));
        assertThrows(IllegalArgumentException.class, () -> GgmlType.F32.bytesFor(-1));
        assertThrows(ArithmeticException.class, () -> GgmlType.F32.bytesFor(1L << 62));
    }
}
