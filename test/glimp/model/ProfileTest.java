package glimp.model;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import glimp.model.KvCache.Type;
import glimp.model.Profile.Stage;
import glimp.tensor.Team;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.EnumSet;
import java.util.Set;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What a profile says of passes through models too small to be shared among threads. */
class ProfileTest {
    private static final int PASSES = 20;
    private static final TinyModel DENSE = TinyModel.llama(), MIXTURE = new TinyModel("llama", 24, 40, 4, 2, 6, 4, 2);

    @TempDir
    private Path directory;

    /** Of passes of one token each. */
    private Profile profile(TinyModel tiny, int threads) {
        try (Team team = new Team(threads)) {
            Model model = Model.load(tiny.write(directory), team);
            KvCache cache = model.cache(3 * PASSES, Type.F32, Type.F32);
            run(model, cache);
            Profile profile = model.profile();
            run(model, cache);
            profile.close();
            run(model, cache);
            return profile;
        }
    }

    private static void run(Model model, KvCache cache) {
        for (int i = 0; i < PASSES; i++) {
            model.forward(new int[] {i}, 0, 1, cache, 1);
        }
    }

    private static Set<Stage> stages(Profile profile) {
        return Arrays.stream(Stage.values()).filter(stage -> profile.seconds(stage) > 0).collect(Collectors.toSet());
    }

    @Test
    void everyStageOfTheModelHasItsShareAndNoOther() {
        EnumSet<Stage> dense = EnumSet.complementOf(EnumSet.of(Stage.EXPERTS));
        EnumSet<Stage> mixture = EnumSet.complementOf(EnumSet.of(Stage.GATE_UP, Stage.DOWN));
        assertEquals(dense, stages(profile(DENSE, 1)));
        assertEquals(mixture, stages(profile(MIXTURE, 1)));
    }

    @Test
    void theSharesAndTheWaitingSumToOne() {
        for (int threads : new int[] {1, 3}) {
            Profile profile = profile(DENSE, threads);
            double shares = Arrays.stream(Stage.values()).mapToDouble(profile::share).sum();
            assertEquals(1, shares + profile.waiting(), 1e-9);
            double seconds = Arrays.stream(Stage.values()).mapToDouble(profile::seconds).sum();
            assertEquals(profile.seconds(), seconds, 1e-9);
        }
    }

    /** A worker that is never called waits all the time. */
    @Test
    void whoHasNoWorkWaits() {
        assertEquals(0, profile(DENSE, 1).waiting(), 1e-9);
        assertEquals(2 / 3.0, profile(DENSE, 3).waiting(), 1e-9);
    }

    @Test
    void countsTheBytesAndOperationsOfEachMatrixWhileItIsTaken() {
        Profile profile = profile(DENSE, 1);
        int width = 24, hidden = 40, keys = 12, vocabulary = 40, layers = 2;
        assertCount(profile, Stage.QKV, layers * width * (width + 2 * keys));
        assertCount(profile, Stage.ATTENTION_OUT, layers * width * width);
        assertCount(profile, Stage.GATE_UP, layers * 2 * width * hidden);
        assertCount(profile, Stage.DOWN, layers * width * hidden);
        assertCount(profile, Stage.OUTPUT, width * vocabulary);
        assertCount(profile(MIXTURE, 1), Stage.EXPERTS, layers * (width * 4 + 2 * 3 * width * hidden));
        assertTrue(Double.isNaN(profile.bytesPerSecond(Stage.NORMS)) && Double.isNaN(profile.operationsPerSecond(Stage.EXPERTS)));
    }

    private static void assertCount(Profile profile, Stage stage, int weights) {
        assertEquals(4.0 * PASSES * weights, profile.bytesPerSecond(stage) * profile.seconds(stage), 0.01, stage.label);
        assertEquals(2.0 * PASSES * weights, profile.operationsPerSecond(stage) * profile.seconds(stage), 0.01, stage.label);
    }
}
