package glimp.model;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import glimp.gguf.GgmlType;
import glimp.gguf.Gguf;
import glimp.tensor.Products;
import glimp.tensor.Team;
import glimp.text.Json;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.EnumSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;

/** Logits of tiny models of every architecture, against those that llama.cpp computed in float32. */
class GoldenLogitsTest {
    private static final Path GOLDEN = Path.of("../shared/golden");
    /** Formats whose kernels multiply floats. Others may make integers of the activations first, as llama.cpp does. */
    private static final Set<GgmlType> FLOAT_KERNELS = EnumSet.of(GgmlType.F32, GgmlType.F16, GgmlType.BF16, GgmlType.Q8_0);
    private static final int[] BATCHES = {1, 2, 3, 4, 7, 8, 9, 31, 64, 65, Model.BATCH};
    private static final Team TEAM = new Team(1);

    @AfterAll
    static void closeTeam() {
        TEAM.close();
    }

    /** @param difference of the logits that llama.cpp gets when it quantises the activations */
    private record Case(int[] tokens, float[] logits, double difference) {}

    @Test
    void findsAllArchitectures() throws IOException {
        List<String> names = files().map(f -> f.getFileName().toString()).toList();
        for (Architecture architecture : Architecture.values()) {
            assertTrue(names.stream().anyMatch(name -> name.startsWith(architecture.key + "-")), architecture.key);
        }
    }

    @TestFactory
    Stream<DynamicTest> givesTheLogitsOfTheReferenceInBatchesOfAnySize() throws IOException {
        return files().map(file -> DynamicTest.dynamicTest(file.getFileName().toString(), () -> check(file)));
    }

    private static Stream<Path> files() throws IOException {
        assumeTrue(Files.isDirectory(GOLDEN), () -> GOLDEN + " is not there");
        try (Stream<Path> files = Files.list(GOLDEN)) {
            return files.filter(f -> f.toString().endsWith(".gguf")).sorted().toList().stream();
        }
    }

    private static void check(Path file) throws IOException {
        Gguf gguf = Gguf.open(file);
        boolean floats = gguf.tensors().values().stream().allMatch(t -> FLOAT_KERNELS.contains(t.type()));
        check(file, Model.load(gguf, TEAM), floats);
        if (!floats) {
            check(file, Model.load(gguf, TEAM, true), true);
        }
    }

    private static void check(Path file, Model model, boolean floats) throws IOException {
        double largest = 0;
        for (Case c : cases(file)) {
            double bound = floats ? 1e-3 : 2 * c.difference;
            float[] alone = run(model, c.tokens, 1);
            for (int batch : BATCHES) {
                float[] logits = run(model, c.tokens, batch);
                String what = file.getFileName() + ", " + c.tokens.length + " tokens, batches of " + batch;
                double difference = difference(logits, c.logits);
                assertTrue(difference <= bound, what + ": logits are off by " + difference);
                assertEquals(best(c.logits), best(logits), what);
                if (batch <= Products.SMALL) {
                    assertArrayEquals(alone, logits, what);
                }
                largest = Math.max(largest, difference);
            }
        }
        System.out.printf("%s, %s activations: logits off by at most %.2g%n", file.getFileName(), floats ? "float" : "integer", largest);
    }

    /** Runs the prompt in batches; then cuts its second half away and runs that again. */
    private static float[] run(Model model, int[] tokens, int batch) {
        KvCache cache = model.cache(128, KvCache.Type.F32, KvCache.Type.F32);
        float[] first = run(model, cache, tokens, batch);
        cache.cut(tokens.length / 2 / batch * batch);
        assertArrayEquals(first, run(model, cache, tokens, batch), "after a cut");
        return first;
    }

    private static float[] run(Model model, KvCache cache, int[] tokens, int batch) {
        float[] logits = null;
        while (cache.length() < tokens.length) {
            int from = cache.length();
            logits = model.forward(tokens, from, Math.min(batch, tokens.length - from), cache, 1);
        }
        return Arrays.copyOf(logits, model.config().vocabulary());
    }

    private static List<Case> cases(Path model) throws IOException {
        Path file = Path.of(model.toString().replace(".gguf", ".json"));
        Map<?, ?> golden = (Map<?, ?>) Json.parse(Files.readString(file));
        return ((List<?>) golden.get("cases")).stream().map(c -> (Map<?, ?>) c).map(c -> new Case(
                numbers(c.get("tokens")).mapToInt(Number::intValue).toArray(), floats(c.get("logits")),
                ((Number) c.get("llamacpp_max_abs_diff")).doubleValue())).toList();
    }

    private static Stream<Number> numbers(Object list) {
        return ((List<?>) list).stream().map(n -> (Number) n);
    }

    private static float[] floats(Object list) {
        float[] floats = new float[((List<?>) list).size()];
        for (int i = 0; i < floats.length; i++) {
            floats[i] = ((Number) ((List<?>) list).get(i)).floatValue();
        }
        return floats;
    }

    private static double difference(float[] a, float[] b) {
        double largest = Math.abs(a.length - b.length);
        for (int i = 0; i < Math.min(a.length, b.length); i++) {
            largest = Math.max(largest, Math.abs(a[i] - b[i]));
        }
        return largest;
    }

    private static int best(float[] x) {
        int best = 0;
        for (int i = 1; i < x.length; i++) {
            best = x[i] > x[best] ? i : best;
        }
        return best;
    }
}
