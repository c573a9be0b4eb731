package glimp.decode;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import glimp.decode.ContextFile.Entry;
import glimp.gguf.Gguf;
import glimp.model.KvCache.Type;
import glimp.model.Model;
import glimp.tensor.Team;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ContextFileTest {
    private final Team team = new Team(1);
    private final Gguf small = Gguf.open(Path.of("models/glimp-s.gguf")), large = Gguf.open(Path.of("models/glimp-l.gguf"));
    private final Model s = Model.load(small, team), l = Model.load(large, team);
    private final int[] tokens = new Random(1).ints(100, 0, 736).toArray();

    @TempDir
    Path folder;

    private static Context context(Model model, Type type) {
        return new Context(model, 256, type, type);
    }

    private Path saved(Type type, int count) throws Exception {
        Path file = folder.resolve("contexts");
        Context a = context(s, type), b = context(l, type);
        a.advance(tokens, count, null);
        b.advance(tokens, count / 2, null);
        ContextFile.save(file, List.of(new Entry(small, a), new Entry(large, b)));
        return file;
    }

    @Test
    void aRestoredContextGoesOnAsIfItHadReadTheTokens() throws Exception {
        for (Type type : Type.values()) {
            for (int count : new int[] {2, 33, 99}) {
                Path file = saved(type, count);
                Context a = context(s, type), b = context(l, type), whole = context(l, type);
                ContextFile.load(file, List.of(new Entry(small, a), new Entry(large, b)));
                assertEquals(count, a.length());
                assertEquals(count / 2, b.length());
                float[] restored = b.append(tokens[count / 2]).clone();
                assertEquals(1, b.evaluated(), "only the new token is run");
                whole.advance(tokens, count / 2, null);
                assertArrayEquals(whole.append(tokens[count / 2]), restored, type + " " + count);
            }
        }
    }

    @Test
    void aDamagedFileIsRefusedWhereverTheDamageIs() throws Exception {
        Path file = saved(Type.F16, 20);
        byte[] bytes = Files.readAllBytes(file);
        Random random = new Random(2);
        for (int i = 0; i < 60; i++) {
            byte[] damaged = bytes.clone();
            int at = i < 30 ? i : random.nextInt(bytes.length);
            damaged[at] ^= (byte) (1 << random.nextInt(8));
            assertRefused(file, damaged);
        }
        for (int length : new int[] {0, 5, 12, 40, bytes.length / 2, bytes.length - 1}) {
            assertRefused(file, java.util.Arrays.copyOf(bytes, length));
        }
    }

    private void assertRefused(Path file, byte[] bytes) throws Exception {
        Files.write(file, bytes);
        Context a = context(s, Type.F16), b = context(l, Type.F16);
        a.advance(tokens, 3, null);
        assertThrows(ContextFileException.class, () -> ContextFile.load(file, List.of(new Entry(small, a), new Entry(large, b))));
        assertEquals(3, a.length());
        assertEquals(0, b.length());
    }

    @Test
    void aFileOfAnotherModelOrShapeIsRefusedBeforeAnythingIsTaken() throws Exception {
        Path file = saved(Type.F16, 20);
        Context a = context(s, Type.F16), b = context(l, Type.F16);
        assertRefused("another model", file, new Entry(large, b), new Entry(small, a));
        assertRefused("another model", file, new Entry(small, a), new Entry(small, context(s, Type.F16)));
        assertRefused("types", file, new Entry(small, a), new Entry(large, context(l, Type.F32)));
        assertRefused("-c", file, new Entry(small, a), new Entry(large, new Context(l, 5, Type.F16, Type.F16)));
        assertRefused("2 contexts", file, new Entry(small, a));
        assertEquals(0, a.length());
        assertEquals(0, b.length());
    }

    private static void assertRefused(String said, Path file, Entry... entries) {
        String message = assertThrows(ContextFileException.class, () -> ContextFile.load(file, List.of(entries))).getMessage();
        assertTrue(message.contains(said), message);
    }

    @Test
    void savingAgainReplacesTheFileAndLeavesNothingBeside() throws Exception {
        saved(Type.F16, 20);
        Path file = saved(Type.F16, 40);
        Context a = context(s, Type.F16);
        ContextFile.load(file, List.of(new Entry(small, a), new Entry(large, context(l, Type.F16))));
        assertEquals(40, a.length());
        try (var files = Files.list(folder)) {
            assertEquals(1, files.count());
        }
    }
}
