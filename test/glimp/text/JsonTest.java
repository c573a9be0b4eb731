package glimp.text;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class JsonTest {

    @Test
    void readsEveryKindOfValue() {
        Map<String, Object> expected = new LinkedHashMap<>();
        expected.put("text", "a\"\\/\b\f\n\r\té😀\u2028");
        expected.put("whole", 9223372036854775807L);
        expected.put("negative", -12L);
        expected.put("real", -1.5e-3);
        expected.put("large", 9223372036854775808.0);
        expected.put("list", Arrays.asList(true, false, null, List.of(), Map.of()));
        assertEquals(expected, Json.parse("""
                 { "text" : "a\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e9\\uD83D\\ude00\u2028", "whole":9223372036854775807,
                "negative":-12,"real":-1.5e-3, "large": 9223372036854775808,
                \t"list": [true,false , null,[ ],{ }]}\r
                """));
        assertEquals(List.of("text", "whole", "negative", "real", "large", "list"),
                List.copyOf(((Map<?, ?>) Json.parse(Json.write(expected))).keySet()));
        assertEquals(0L, Json.parse("0"));
        assertEquals(-0.0, Json.parse("-0"));
        assertEquals(100.0, Json.parse("1E+2"));
        assertNull(Json.parse(" null "));
    }

    @Test
    void writesInOneLineOrIndented() {
        Map<String, Object> value = new LinkedHashMap<>();
        value.put("a", List.of(1L, 2.5, "x"));
        value.put("b", new int[] {3, 4});
        value.put("c", Map.of());
        value.put("d", List.of());
        value.put("e", Double.NaN);
        assertEquals("{\"a\":[1,2.5,\"x\"],\"b\":[3,4],\"c\":{},\"d\":[],\"e\":null}", Json.write(value));
        assertEquals("""
                {
                  "a": [
                    1,
                    2.5,
                    "x"
                  ],
                  "b": [
                    3,
                    4
                  ],
                  "c": {},
                  "d": [],
                  "e": null
                }""", Json.writeIndented(value));
        assertThrows(IllegalArgumentException.class, () -> Json.write(new Object()));
    }

    @Test
    void escapesWhatMustNotStandInAString() {
        assertEquals("\"\\\"\\\\\\n\\r\\t\\u0000\\u001f/é😀\"", Json.write("\"\\\n\r\t\0\u001F/é😀"));
        assertEquals("\"\\ud83d-\\ude00\"", Json.write("\uD83D-\uDE00"), "half characters cannot be encoded");
    }

    @Test
    void readsBackWhatItWrote() {
        Random random = new Random(6);
        for (int i = 0; i < 2000; i++) {
            Object value = randomValue(random, 4);
            assertEquals(value, Json.parse(Json.write(value)));
            assertEquals(value, Json.parse(Json.writeIndented(value)));
        }
    }

    private static Object randomValue(Random random, int depth) {
        return switch (random.nextInt(depth > 0 ? 7 : 5)) {
            case 0 -> random.nextLong() >> random.nextInt(64);
            case 1 -> Double.longBitsToDouble(random.nextLong() & ~(1L << 62));
            case 2 -> random.nextBoolean();
            case 3 -> null;
            case 4 -> GoldenTokenizerTest.randomText(random);
            case 5 -> {
                Object[] elements = new Object[random.nextInt(4)];
                Arrays.setAll(elements, i -> randomValue(random, depth - 1));
                yield Arrays.asList(elements);
            }
            default -> {
                Map<String, Object> members = new LinkedHashMap<>();
                for (int i = random.nextInt(4); i > 0; i--) {
                    members.put(GoldenTokenizerTest.randomText(random), randomValue(random, depth - 1));
                }
                yield members;
            }
        };
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', quoteCharacter = '`', value = {
        "``                | 1 | 1 | expected a value, found the end",
        "`{\"a\":1,}`      | 1 | 8 | expected a member's name in quotes, found '}'",
        "`{\"a\" 1}`       | 1 | 6 | expected a colon, found '1'",
        "`[1 2]`           | 1 | 4 | expected a comma or ], found '2'",
        "`[1,]`            | 1 | 4 | expected a value, found ']'",
        "`\"abc`           | 1 | 5 | expected a closing quote, found the end",
        "`\"\\x\"`         | 1 | 3 | expected one of \"\\/bfnrtu after the backslash, found 'x'",
        "`\"\\u12g4\"`     | 1 | 6 | expected a hexadecimal digit, found 'g'",
        "`01`              | 1 | 2 | expected no digit after a leading zero, found '1'",
        "`1.`              | 1 | 3 | expected a digit, found the end",
        "`-`               | 1 | 2 | expected a digit, found the end",
        "`truth`           | 1 | 1 | expected true, found 't'",
        "`1 2`             | 1 | 3 | expected the end, found '2'",
        "`NaN`             | 1 | 1 | expected a value, found 'N'"})
    void saysInOneLineWhatIsWrongAndWhere(String text, int line, int column, String problem) {
        JsonException e = assertThrows(JsonException.class, () -> Json.parse(text == null ? "" : text));
        assertEquals("JSON, line " + line + ", column " + column + ": " + problem, e.getMessage());
    }

    @Test
    void countsLines() {
        JsonException e = assertThrows(JsonException.class, () -> Json.parse("{\n  \"a\": [1,\n    \u00A0]}"));
        assertEquals("JSON, line 3, column 5: expected a value, found U+00A0", e.getMessage());
        e = assertThrows(JsonException.class, () -> Json.parse("\"a\nb\""));
        assertEquals("JSON, line 1, column 3: expected an escape instead of a bare control character, found U+000A",
                e.getMessage());
    }

    @Test
    void refusesWhatIsTooDeepInsteadOfOverflowingTheStack() {
        assertThrows(JsonException.class, () -> Json.parse("[".repeat(1_000_000)));
        assertThrows(JsonException.class, () -> Json.parse("{\"a\":".repeat(1_000_000)));
    }
}
