package glimp.model;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import glimp.gguf.Gguf;
import glimp.model.KvCache.Type;
import glimp.tensor.Team;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The forward pass against plain loops, for what real files rarely have. */
class ModelTest {
    private static final Team TEAM = new Team(1);
    /** Enough for experts with more and with fewer tokens than a small batch. */
    private static final int[] TOKENS = new Random(3).ints(60, 0, 40).toArray();

    @TempDir
    private Path directory;

    @AfterAll
    static void closeTeam() {
        TEAM.close();
    }

    @Test
    void headsOfAnyWidthTurnedInPart() {
        check(new TinyModel("llama", 24, 40, 4, 2, 20, 0, 0).set("rope.dimension_count", 6));
        check(new TinyModel("qwen2", 30, 17, 3, 1, 10, 0, 0).set("rope.dimension_count", 4)
                .addToLayers("attn_q.bias", 30).addToLayers("attn_k.bias", 10).addToLayers("attn_v.bias", 10));
    }

    @Test
    void oneHeadEach() {
        check(new TinyModel("llama", 8, 9, 1, 1, 2, 0, 0));
    }

    @Test
    void headNormsAndASeparateOutputMatrix() {
        check(new TinyModel("qwen3", 24, 40, 6, 3, 48, 0, 0).addToLayers("attn_q_norm.weight", 48).addToLayers("attn_k_norm.weight", 48)
                .add("output.weight", 24, 40));
    }

    @Test
    void linearScalingAndFactorsOfRope() {
        check(TinyModel.llama().set("rope.scaling.type", "linear").set("rope.scaling.factor", 3.0).set("rope.freq_base", 500.0));
        TinyModel factors = TinyModel.llama().add("rope_freqs.weight", 3);
        for (int i = 0; i < 3; i++) {
            factors.weight("rope_freqs.weight")[i] = 1 << i;
        }
        check(factors);
    }

    @Test
    void biasesWhereTheArchitectureUsuallyHasNone() {
        check(TinyModel.llama().addToLayers("attn_q.bias", 24).addToLayers("attn_output.bias", 24));
    }

    @Test
    void expertsInAnyArchitectureThatMayHaveThem() {
        check(new TinyModel("llama", 24, 40, 4, 2, 6, 4, 2));
        check(new TinyModel("qwen3moe", 24, 10, 4, 2, 6, 16, 3).addToLayers("attn_q_norm.weight", 6).addToLayers("attn_k_norm.weight", 6));
        check(new TinyModel("llama", 24, 40, 4, 2, 6, 3, 3));
    }

    @Test
    void givesLogitsOnlyForThePositionsAskedFor() {
        Model model = Model.load(TinyModel.llama().write(directory), TEAM);
        int vocabulary = model.config().vocabulary();
        float[] all = model.forward(TOKENS, 0, 8, model.cache(64, Type.F32, Type.F32), 8).clone();
        for (int wanted = 1; wanted < 8; wanted++) {
            float[] some = model.forward(TOKENS, 0, 8, model.cache(64, Type.F32, Type.F32), wanted);
            assertArrayEquals(Arrays.copyOfRange(all, (8 - wanted) * vocabulary, 8 * vocabulary), Arrays.copyOf(some, wanted * vocabulary));
        }
        KvCache cache = model.cache(64, Type.F32, Type.F32);
        model.forward(TOKENS, 0, 7, cache, 0);
        float[] last = model.forward(TOKENS, 7, 1, cache, 1);
        assertArrayEquals(Arrays.copyOfRange(all, 7 * vocabulary, 8 * vocabulary), Arrays.copyOf(last, vocabulary));
    }

    @Test
    void theNumberOfThreadsDoesNotMatter() {
        Gguf file = new TinyModel("llama", 64, 160, 8, 4, 32, 4, 2).write(directory);
        Model one = Model.load(file, TEAM);
        try (Team team = new Team(3)) {
            Model many = Model.load(file, team);
            KvCache cacheOfOne = one.cache(400, Type.F16, Type.F16), cacheOfMany = many.cache(400, Type.F16, Type.F16);
            for (int count : new int[] {1, 8, 60, 9, 60, 60, 3, 60, 1}) {
                assertArrayEquals(one.forward(TOKENS, 0, count, cacheOfOne, count), many.forward(TOKENS, 0, count, cacheOfMany, count));
            }
        }
    }

    @Test
    void refusesTokensThatItDoesNotKnowAndLeavesTheCacheAsItWas() {
        Model model = Model.load(TinyModel.llama().write(directory), TEAM);
        KvCache cache = model.cache(64, Type.F32, Type.F32);
        for (int bad : new int[] {-1, 40, Integer.MAX_VALUE}) {
            assertThrows(IllegalArgumentException.class, () -> model.forward(new int[] {1, bad}, 0, 2, cache, 1));
            assertEquals(0, cache.length());
        }
    }

    @Test
    void countsTheBytesThatATokenReads() {
        Model dense = Model.load(TinyModel.llama().write(directory), TEAM);
        int layer = 24 * 24 * 2 + 12 * 24 * 2 + 3 * 24 * 40;
        assertEquals(4 * (40 * 24 + 24 + 2 * layer), dense.bytes());
        Model mixture = Model.load(new TinyModel("llama", 24, 40, 4, 2, 6, 5, 2).write(directory), TEAM);
        int mixtureLayer = 24 * 24 * 2 + 12 * 24 * 2 + 5 * 24 + 2 * 3 * 24 * 40;
        assertEquals(4 * (40 * 24 + 24 + 2 * mixtureLayer), mixture.bytes());
    }

    private void check(TinyModel tiny) {
        Model model = Model.load(tiny.write(directory), TEAM);
        double[][] expected = new PlainModel(tiny, model.config()).logits(TOKENS);
        double worst = 0;
        for (int batch : new int[] {1, 5, 8, 9, TOKENS.length}) {
            KvCache cache = model.cache(TOKENS.length, Type.F32, Type.F32);
            while (cache.length() < TOKENS.length) {
                int from = cache.length(), count = Math.min(batch, TOKENS.length - from);
                float[] logits = model.forward(TOKENS, from, count, cache, count);
                for (int i = 0; i < count * tiny.vocabulary; i++) {
                    worst = Math.max(worst, Math.abs(logits[i] - expected[from + i / tiny.vocabulary][i % tiny.vocabulary]));
                }
            }
        }
        assertTrue(worst < 2e-5, model.config() + ": off by " + worst);
    }
}
