package glimp.model;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import glimp.gguf.Gguf;
import glimp.tensor.Team;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A model is run in small before its first pass, and is none the worse for it. */
class WarmupTest {
    private static final int[] TOKENS = {1, 2, 3};

    @TempDir
    Path folder;

    @Test
    void aWideModelIsRunInSmallAndGivesTheSameBitsAfterwards() {
        check(new TinyModel("qwen3", 1024, 768, 4, 2, 16, 0, 0));
    }

    @Test
    void aMixtureOfExpertsIsRunWithAsManyAsATokenTakes() {
        check(new TinyModel("qwen3moe", 1024, 64, 4, 2, 16, 4, 2));
    }

    private void check(TinyModel tiny) {
        Gguf file = tiny.addToLayers("attn_q_norm.weight", 16).addToLayers("attn_k_norm.weight", 16).write(folder);
        try (Team team = new Team(2)) {
            float[] cold = logits(Model.load(file, team));
            Model model = Model.load(file, team);
            assertTrue(model.cold());
            Config small = Warmup.small(model, team).config();
            assertEquals(512, small.width());
            assertEquals(1, small.layers(), "both layers are of one kind");
            assertEquals(tiny.expertsUsed, small.experts());
            Warmup.run(model, KvCache.Type.F16, KvCache.Type.Q8_0);
            Warmup.begin(model, KvCache.Type.F32, KvCache.Type.F32).await();
            assertTrue(model.cold());
            assertArrayEquals(cold, logits(model));
            assertFalse(model.cold());
        }
    }

    @Test
    void aNarrowModelIsNotWorthIt() {
        try (Team team = new Team(1)) {
            assertFalse(Model.load(new TinyModel("llama", 64, 64, 2, 2, 32, 0, 0).write(folder), team).cold());
        }
    }

    private static float[] logits(Model model) {
        return model.forward(TOKENS, 0, TOKENS.length, model.cache(8, KvCache.Type.F16, KvCache.Type.F16), 1).clone();
    }
}
