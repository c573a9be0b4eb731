package glimp.model;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import glimp.gguf.Gguf;
import glimp.tensor.Team;
import glimp.text.Json;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * A golden model that is stretched by a few keys in its metadata, against the first eight logits that llama.cpp gives then
 * after the longer of the golden prompts (87 tokens, float32 cache).
 */
class ScaledRopeTest {
    private static final Path GOLDEN = Path.of("../shared/golden/qwen3-F32.gguf");

    @TempDir
    private Path directory;

    @Test
    void plain() throws IOException {
        check(Map.of(), 0.95231f, 1.31992f, 0.41133f, 0.36393f, 1.16421f, 0.72926f, 1.14174f, -0.48924f);
    }

    @Test
    void linear() throws IOException {
        check(Map.of("type", "linear", "factor", 4.0), 0.61731f, 0.79249f, 0.42598f, 0.02676f, 1.46277f, 0.35058f, 1.36840f, -0.54494f);
    }

    @Test
    void yarn() throws IOException {
        check(Map.of("type", "yarn", "factor", 4.0, "original_context_length", 512L),
                0.68285f, 1.15663f, 0.41091f, 0.14191f, 1.26249f, 0.73622f, 1.50743f, -0.62103f);
        check(Map.of("type", "yarn", "factor", 8.0, "original_context_length", 64L),
                0.57642f, 0.67809f, 0.82110f, 0.30030f, 1.83015f, 0.20932f, 1.14439f, -0.03889f);
    }

    @Test
    void yarnWithAMagnitudeOfItsOwn() throws IOException {
        check(Map.of("type", "yarn", "factor", 8.0, "original_context_length", 64L, "attn_factor", 0.8),
                0.62193f, 0.88210f, 0.74626f, 0.28747f, 1.61040f, 0.24405f, 1.13565f, -0.28836f);
    }

    private void check(Map<String, Object> scaling, float... expected) throws IOException {
        assumeTrue(Files.exists(GOLDEN), () -> GOLDEN + " is not there");
        ModelCopy copy = new ModelCopy(Gguf.open(GOLDEN));
        scaling.forEach((key, value) -> copy.metadata.put("qwen3.rope.scaling." + key, value));
        Gguf file = Gguf.open(copy.write(directory.resolve("scaled-" + scaling.hashCode() + ".gguf")));
        try (Team team = new Team(1)) {
            Model model = Model.load(file, team);
            int[] tokens = prompt();
            float[] logits = model.forward(tokens, 0, tokens.length, model.cache(128, KvCache.Type.F32, KvCache.Type.F32), 1);
            for (int i = 0; i < expected.length; i++) {
                assertEquals(expected[i], logits[i], 2e-5f, scaling + ", logit " + i);
            }
        }
    }

    private static int[] prompt() throws IOException {
        Map<?, ?> golden = (Map<?, ?>) Json.parse(Files.readString(Path.of(GOLDEN.toString().replace(".gguf", ".json"))));
        Map<?, ?> longer = (Map<?, ?>) ((List<?>) golden.get("cases")).getLast();
        int[] tokens = ((List<?>) longer.get("tokens")).stream().mapToInt(n -> ((Number) n).intValue()).toArray();
        assertEquals(87, tokens.length);
        return tokens;
    }
}
