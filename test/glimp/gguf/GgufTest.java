package glimp.gguf;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotSame;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import glimp.gguf.GgufWriter.Array;
import glimp.gguf.GgufWriter.Type;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What is written into a GGUF file is what is read from it. */
class GgufTest {

    private static final ValueLayout.OfFloat FLOAT = ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

    @TempDir
    Path directory;

    @Test
    void readsEveryTypeOfValueAtItsExtremes() {
        Gguf gguf = open(new GgufWriter()
                .put("u8", Type.U8, 255).put("i8", Type.I8, -128)
                .put("u16", Type.U16, 65535).put("i16", Type.I16, -32768)
                .put("u32", Type.U32, 4294967295L).put("i32", Type.I32, Integer.MIN_VALUE)
                .put("u64", Type.U64, Long.MAX_VALUE).put("i64", Type.I64, Long.MIN_VALUE)
                .put("f32", Type.F32, 0.1f).put("f64", Type.F64, Double.MIN_VALUE)
                .bool("yes", true).bool("no", false)
                .string("text", "naïve 東京 🙂").string("empty", ""));

        assertEquals(255, gguf.integer("u8"));
        assertEquals(-128, gguf.integer("i8"));
        assertEquals(65535, gguf.integer("u16"));
        assertEquals(-32768, gguf.integer("i16"));
        assertEquals(4294967295L, gguf.integer("u32"));
        assertEquals(Integer.MIN_VALUE, gguf.integer("i32"));
        assertEquals(Long.MAX_VALUE, gguf.integer("u64"));
        assertEquals(Long.MIN_VALUE, gguf.integer("i64"));
        assertEquals(0.1f, gguf.number("f32"));
        assertEquals(Double.MIN_VALUE, gguf.number("f64"));
        assertTrue(gguf.flag("yes", false));
        assertFalse(gguf.flag("no", true));
        assertEquals("naïve 東京 🙂", gguf.string("text"));
        assertEquals("", gguf.string("empty"));
    }

    @Test
    void readsArraysOfEveryType() {
        Gguf gguf = open(new GgufWriter()
                .array("u8", Type.U8, 0, 255).array("i8", Type.I8, -128, 127)
                .array("u16", Type.U16, 65535).array("i16", Type.I16, -32768)
                .array("u32", Type.U32, 4294967295L).array("i32", Type.I32, -1)
                .array("u64", Type.U64, Long.MAX_VALUE).array("i64", Type.I64, Long.MIN_VALUE)
                .array("f32", Type.F32, 0.5f, -0.1f).array("f64", Type.F64, 1e300)
                .array("bool", Type.BOOL, true, false)
                .strings("strings", "a", "", "é").strings("none")
                .array("nested", Type.ARRAY, Array.of(Type.I32, 1, 2), Array.of(Type.STRING, "x"),
                        Array.of(Type.ARRAY, Array.of(Type.BOOL, true))));

        assertArrayEquals(new long[] {0, 255}, gguf.integers("u8"));
        assertArrayEquals(new long[] {-128, 127}, gguf.integers("i8"));
        assertArrayEquals(new long[] {65535}, gguf.integers("u16"));
        assertArrayEquals(new long[] {-32768}, gguf.integers("i16"));
        assertArrayEquals(new long[] {4294967295L}, gguf.integers("u32"));
        assertArrayEquals(new long[] {-1}, gguf.integers("i32"));
        assertArrayEquals(new long[] {Long.MAX_VALUE}, gguf.integers("u64"));
        assertArrayEquals(new long[] {Long.MIN_VALUE}, gguf.integers("i64"));
        assertArrayEquals(new double[] {0.5f, -0.1f}, gguf.numbers("f32"));
        assertArrayEquals(new double[] {1e300}, gguf.numbers("f64"));
        assertArrayEquals(new double[] {0, 255}, gguf.numbers("u8"));
        assertArrayEquals(new boolean[] {true, false}, (boolean[]) gguf.metadata().get("bool"));
        assertArrayEquals(new String[] {"a", "", "é"}, gguf.strings("strings"));
        assertArrayEquals(new String[0], gguf.strings("none"));
        assertArrayEquals(new Object[] {new long[] {1, 2}, new String[] {"x"}, new Object[] {new boolean[] {true}}},
                (Object[]) gguf.metadata().get("nested"));
    }

    @Test
    void handsOutCopiesOfArrays() {
        Gguf gguf = open(new GgufWriter().strings("s", "a").array("i", Type.I32, 1).array("f", Type.F32, 1));

        gguf.strings("s")[0] = "b";
        gguf.integers("i")[0] = 2;
        gguf.numbers("f")[0] = 2;

        assertEquals("a", gguf.strings("s")[0]);
        assertEquals(1, gguf.integers("i")[0]);
        assertEquals(1, gguf.numbers("f")[0]);
        assertNotSame(gguf.strings("s"), gguf.strings("s"));
    }

    /** Longer than what the reader looks at in one piece, and across its edges. */
    @Test
    void readsLongStringsAndLongArrays() {
        String text = "0123456789".repeat(100_000);
        Object[] many = IntStream.range(0, 200_000).mapToObj(i -> "token " + i).toArray();
        Gguf gguf = open(new GgufWriter().string("before", "x").string("long", text).array("many", Type.STRING, many)
                .string("long again", text).u32("after", 7));

        assertEquals(text, gguf.string("long"));
        assertArrayEquals(many, gguf.strings("many"));
        assertEquals(text, gguf.string("long again"));
        assertEquals(7, gguf.integer("after"));
    }

    @Test
    void readsStringsOfEveryLengthAroundAPieceOfTheReader() {
        for (int length = (1 << 18) - 3; length <= (1 << 18) + 3; length++) {
            String text = "x".repeat(length - 1) + "y";
            Gguf gguf = open(new GgufWriter().string("a", text).string("b", text));

            assertEquals(text, gguf.string("a"));
            assertEquals(text, gguf.string("b"));
        }
    }

    @Test
    void keepsTheOrderOfTheFile() {
        Gguf gguf = open(new GgufWriter().u32("z", 1).u32("a", 2).u32("m", 3)
                .tensor("z", new float[1], 1).tensor("a", new float[1], 1).tensor("m", new float[1], 1));

        assertEquals(List.of("z", "a", "m"), List.copyOf(gguf.metadata().keySet()));
        assertEquals(List.of("z", "a", "m"), List.copyOf(gguf.tensors().keySet()));
        assertThrows(UnsupportedOperationException.class, () -> gguf.metadata().clear());
        assertThrows(UnsupportedOperationException.class, () -> gguf.tensors().clear());
    }

    @Test
    void mapsTensorsReadOnlyWithTheirExactBytes() {
        byte[] blocks = new byte[3 * 34];
        for (int i = 0; i < blocks.length; i++) {
            blocks[i] = (byte) (i + 1);
        }
        Gguf gguf = open(new GgufWriter().tensor("a", new float[] {1, 2, 3, 4, 5, 6}, 3, 2)
                .tensor("b", GgmlType.Q8_0, blocks, 32, 1, 3));

        Tensor a = gguf.tensor("a");
        assertEquals(GgmlType.F32, a.type());
        assertArrayEquals(new long[] {3, 2}, a.shape());
        assertEquals(6, a.elements());
        assertArrayEquals(new float[] {1, 2, 3, 4, 5, 6}, a.data().toArray(FLOAT));
        Tensor b = gguf.tensor("b");
        assertEquals(96, b.elements());
        assertArrayEquals(blocks, b.data().toArray(ValueLayout.JAVA_BYTE));
        assertTrue(b.data().isReadOnly() && b.data().isMapped());
        assertNull(gguf.find("c"));
    }

    @Test
    void readsBothVersionsAndAnyAlignment() {
        for (int version : new int[] {2, 3}) {
            for (int alignment : new int[] {8, 32, 64, 4096}) {
                Gguf gguf = open(new GgufWriter().version(version).alignment(alignment)
                        .tensor("a", new float[] {1}, 1).tensor("b", new float[] {2}, 1));

                assertEquals(version, gguf.version());
                assertEquals(2, gguf.tensor("b").data().get(FLOAT, 0));
                assertEquals(alignment, gguf.tensor("b").data().address() - gguf.tensor("a").data().address());
            }
        }
    }

    @Test
    void countsTheFilesBytes() {
        byte[] bytes = new GgufWriter().tensor("a", new float[] {1}, 1).bytes();
        Gguf gguf = open(new GgufWriter().tensor("a", new float[] {1}, 1));

        assertEquals(bytes.length, gguf.bytes());
        assertEquals(directory.resolve("model.gguf"), gguf.file());
    }

    /** 2^32 elements in 8 GiB, and a tensor after them; the file has holes and takes no space. */
    @Test
    void mapsTensorsBeyondFourGigabytes() throws IOException {
        long hugeBytes = 2L << 32;
        Path file = new GgufWriter().entry("huge", GgmlType.F16.id, 0, 1 << 16, 1 << 16)
                .entry("after", GgmlType.F32.id, hugeBytes, 2).write(directory.resolve("huge.gguf"));
        try (RandomAccessFile access = new RandomAccessFile(file.toFile(), "rw")) {
            long start = access.length();
            access.setLength(start + hugeBytes + 8);
            access.seek(start + hugeBytes - 1);
            access.write(new byte[] {42, 0, 0, (byte) 0x80, 0x3f});
        }

        Gguf gguf = Gguf.open(file);
        Tensor huge = gguf.tensor("huge");
        assertEquals(1L << 32, huge.elements());
        assertEquals(hugeBytes, huge.data().byteSize());
        assertEquals(42, huge.data().get(ValueLayout.JAVA_BYTE, hugeBytes - 1));
        assertArrayEquals(new float[] {1, 0}, gguf.tensor("after").data().toArray(FLOAT));
    }

    @Test
    void givesTheDefaultOnlyWhereTheKeyIsMissing() {
        Gguf gguf = open(new GgufWriter().string("s", "text").u32("i", 7).f32("f", 0.5).bool("b", true));

        assertEquals("text", gguf.string("s", "other"));
        assertEquals("other", gguf.string("none", "other"));
        assertEquals(7, gguf.integer("i", 1));
        assertEquals(1, gguf.integer("none", 1));
        assertEquals(7, gguf.count("i", 1));
        assertEquals(1, gguf.count("none", 1));
        assertEquals(0.5, gguf.number("f", 1));
        assertEquals(7, gguf.number("i", 1));
        assertEquals(1, gguf.number("none", 1));
        assertTrue(gguf.flag("b", false));
        assertFalse(gguf.flag("none", false));
        assertTrue(gguf.has("s"));
        assertFalse(gguf.has("none"));
        assertThrows(GgufException.class, () -> gguf.integer("s", 1));
        assertThrows(GgufException.class, () -> gguf.count("f", 1));
        assertThrows(GgufException.class, () -> gguf.string("i", "other"));
        assertThrows(GgufException.class, () -> gguf.number("b", 1));
        assertThrows(GgufException.class, () -> gguf.flag("i", false));
    }

    private Gguf open(GgufWriter writer) {
        return Gguf.open(writer.write(directory.resolve("model.gguf")));
    }
}
