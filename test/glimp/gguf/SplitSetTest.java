package glimp.gguf;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import glimp.gguf.GgufWriter.Type;
import java.io.IOException;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A model split into several files is one model. */
class SplitSetTest {

    private static final ValueLayout.OfFloat FLOAT = ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

    @TempDir
    Path directory;

    @Test
    void opensTheWholeModelFromAnyPart() throws IOException {
        List<Path> parts = model(5).writeSplit(directory, "model", 3);
        long bytes = 0;
        for (Path part : parts) {
            bytes += Files.size(part);
        }
        for (Path part : parts) {
            Gguf gguf = Gguf.open(part);

            assertEquals(part, gguf.file());
            assertEquals("llama", gguf.string("general.architecture"));
            assertEquals(List.of("t0", "t1", "t2", "t3", "t4"), List.copyOf(gguf.tensors().keySet()));
            for (int i = 0; i < 5; i++) {
                assertEquals(i, gguf.tensor("t" + i).data().get(FLOAT, 0));
            }
            assertEquals(bytes, gguf.bytes());
        }
    }

    @Test
    void opensASetOfOneAndPartsWithoutTensors() {
        assertEquals(2, Gguf.open(model(2).writeSplit(directory, "one", 1).getFirst()).tensors().size());
        assertEquals(1, Gguf.open(model(1).writeSplit(directory, "more", 3).getLast()).tensors().size());
    }

    @Test
    void aNameAloneDoesNotMakeASplitSet() {
        Path file = model(2).write(directory.resolve("model-00001-of-00002.gguf"));

        assertEquals(2, Gguf.open(file).tensors().size());
    }

    @Test
    void namesTheMissingParts() throws IOException {
        List<Path> parts = model(5).writeSplit(directory, "model", 4);
        Files.delete(parts.get(1));
        Files.delete(parts.get(3));

        assertRefused(parts.get(2), "of which are missing: " + parts.get(1) + ", " + parts.get(3));
    }

    @Test
    void saysThatARenamedPartCannotBeFollowed() throws IOException {
        List<Path> parts = model(4).writeSplit(directory, "model", 2);

        assertRefused(Files.move(parts.get(0), directory.resolve("renamed.gguf")), "does not end in -0000N-of-00002.gguf");
        assertRefused(Files.move(parts.get(1), directory.resolve("model-00002-of-00003.gguf")), "does not end in -0000N-of-00002.gguf");
    }

    @Test
    void refusesPartsThatDoNotBelongTogether() throws IOException {
        List<Path> parts = model(4).writeSplit(directory, "model", 2);
        byte[] first = Files.readAllBytes(parts.get(0));
        byte[] second = Files.readAllBytes(parts.get(1));

        Files.write(parts.get(1), first);
        assertRefused(parts.get(0), parts.get(1), "is named as part 2 of 2, but its metadata says part 1 of 2");
        Files.write(parts.get(0), second);
        Files.write(parts.get(1), second);
        assertRefused(parts.get(0), parts.get(0), "is named as part 1 of 2, but its metadata says part 2 of 2");
        Files.write(parts.get(0), first);
        part(1, 3, 4, "t2", "t3").write(parts.get(1));
        assertRefused(parts.get(0), parts.get(1), "its metadata says part 2 of 3");
        part(1, 2, 4, "t2").write(parts.get(1));
        assertRefused(parts.get(0), parts.get(0), "\"split.tensors.count\" is 4, but the 2 parts hold 3 tensors");
        part(1, 2, 5, "t2", "t3").write(parts.get(1));
        assertRefused(parts.get(0), parts.get(1), "\"split.tensors.count\" is 5, but the 2 parts hold 4 tensors");
        part(1, 2, 4, "t1", "t2").write(parts.get(1));
        assertRefused(parts.get(0), parts.get(1), "tensor \"t1\" is in an earlier part");
        new GgufWriter().tensor("t2", new float[1], 1).write(parts.get(1));
        assertRefused(parts.get(0), parts.get(1), "metadata key \"split.no\" is missing");
        Files.write(parts.get(1), new byte[100]);
        assertRefused(parts.get(0), parts.get(1), "is no GGUF file");
    }

    @Test
    void refusesCountsThatAreNone() {
        Path file = directory.resolve("model-00001-of-00000.gguf");

        new GgufWriter().put("split.count", Type.U16, 0).write(file);
        assertRefused(file, "metadata key \"split.count\" is 0");
        new GgufWriter().put("split.count", Type.I32, -1).write(file);
        assertRefused(file, "metadata key \"split.count\" is the integer -1");
        new GgufWriter().string("split.count", "2").write(file);
        assertRefused(file, "metadata key \"split.count\" is the string \"2\", expected an integer");
    }

    /** Tensors t0, t1 .. of one element, which is their number. */
    private static GgufWriter model(int tensors) {
        GgufWriter writer = new GgufWriter().string("general.architecture", "llama");
        for (int i = 0; i < tensors; i++) {
            writer.tensor("t" + i, new float[] {i}, 1);
        }
        return writer;
    }

    private static GgufWriter part(int number, int count, int tensorCount, String... names) {
        GgufWriter writer = new GgufWriter().put("split.no", Type.U16, number).put("split.count", Type.U16, count)
                .put("split.tensors.count", Type.I32, tensorCount);
        for (String name : names) {
            writer.tensor(name, new float[1], 1);
        }
        return writer;
    }

    private static void assertRefused(Path file, String part) {
        assertRefused(file, file, part);
    }

    private static void assertRefused(Path file, Path blamed, String part) {
        String message = assertThrows(GgufException.class, () -> Gguf.open(file)).getMessage();
        assertTrue(message.startsWith(blamed + ": "), message);
        assertTrue(message.contains(part), () -> "\"" + message + "\" should contain \"" + part + "\"");
    }
}
