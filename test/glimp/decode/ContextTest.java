package glimp.decode;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import glimp.gguf.Gguf;
import glimp.model.CacheMemoryException;
import glimp.model.KvCache.Type;
import glimp.model.Model;
import glimp.tensor.Products;
import glimp.tensor.Team;
import glimp.text.Json;
import glimp.text.Tokenizer;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;

class ContextTest {
    private static final Path SMALL = Path.of("models/glimp-s.gguf"), LARGE = Path.of("models/glimp-l.gguf");
    private static final Path GREEDY = Path.of("../shared/pair/greedy.json");
    private static final Team TEAM = new Team(1);
    private static final Model MODEL = Model.load(Gguf.open(SMALL), TEAM);
    private static final int[] TOKENS = new Random(5).ints(1200, 0, MODEL.config().vocabulary()).toArray();

    @AfterAll
    static void closeTeam() {
        TEAM.close();
    }

    private static Context context() {
        return new Context(MODEL, TOKENS.length, Type.F32, Type.F32);
    }

    @Test
    void writesWhatTheReferenceWritesTokenByToken() throws IOException {
        assumeTrue(Files.exists(GREEDY), () -> GREEDY + " is not there");
        List<?> cases = (List<?>) Json.parse(Files.readString(GREEDY));
        assertEquals(10, cases.size());
        for (Path path : List.of(SMALL, LARGE)) {
            Gguf file = Gguf.open(path);
            Tokenizer tokenizer = Tokenizer.of(file);
            Context context = new Context(Model.load(file, TEAM), 512, Type.F32, Type.F32);
            for (Object item : cases) {
                Map<?, ?> golden = (Map<?, ?>) item;
                int[] prompt = tokenizer.encode((String) golden.get("prompt"), true);
                List<?> expected = (List<?>) ((Map<?, ?>) golden.get(path == SMALL ? "small" : "large")).get("ids");
                List<Long> written = new ArrayList<>();
                float[] logits = context.advance(prompt, prompt.length, null);
                while (written.size() < expected.size()) {
                    int next = best(logits);
                    written.add((long) next);
                    logits = context.append(next);
                }
                assertEquals(expected, written, path + ", " + golden.get("question"));
            }
        }
    }

    @Test
    void runsOnlyWhatIsNew() {
        Context context = context();
        context.advance(TOKENS, 40, null);
        assertEquals(40, context.evaluated());
        context.advance(TOKENS, 43, null);
        assertEquals(43, context.evaluated());
        int[] other = TOKENS.clone();
        other[30] ^= 1;
        float[] logits = context.advance(other, 35, null).clone();
        assertEquals(43 + 5, context.evaluated());
        assertEquals(0, context.recomputed());
        assertArrayEquals(Arrays.copyOf(other, 35), context.tokens());
        assertEquals(other[30], context.token(30));
        Context fresh = context();
        fresh.advance(other, 30, null);
        assertArrayEquals(fresh.advance(other, 35, null), logits);
    }

    @Test
    void computesNothingWhenNothingIsNew() {
        Context context = context();
        float[] logits = context.advance(TOKENS, 20, null).clone();
        assertArrayEquals(logits, context.advance(TOKENS, 20, (done, of) -> false));
        assertEquals(20, context.evaluated());
    }

    @Test
    void goesOnFromAPositionWhoseLogitsAreStillAtHand() {
        Context context = context();
        context.advance(TOKENS, 20, null);
        float[] logits = context.append(TOKENS[20]).clone();
        for (int i = 21; i < 27; i++) {
            context.append(TOKENS[i]);
        }
        assertArrayEquals(logits, context.advance(TOKENS, 21, null));
        assertEquals(27, context.evaluated());
        assertEquals(0, context.recomputed());
    }

    @Test
    void runsTheLastTokenAgainWhenItsLogitsAreLost() {
        Context context = context();
        context.advance(TOKENS, 100, null);
        float[] logits = context.advance(TOKENS, 50, null).clone();
        assertEquals(101, context.evaluated());
        assertEquals(1, context.recomputed());
        Context fresh = context();
        fresh.advance(TOKENS, 49, null);
        assertEquals(best(fresh.append(TOKENS[49])), best(logits));
    }

    @Test
    void hasNoLogitsAfterACut() {
        Context context = context();
        assertNull(context.logits());
        context.advance(TOKENS, 100, null);
        assertNotNull(context.logits());
        context.cut(60);
        assertNull(context.logits());
        assertEquals(60, context.length());
        assertNull(context.advance(TOKENS, 0, null));
        assertEquals(0, context.length());
    }

    /** A token must not be remembered under a position that another token has taken since. */
    @Test
    void forgetsLogitsOfTokensThatWereCutAway() {
        Context context = context();
        context.advance(TOKENS, 20, null);
        float[] logits = context.append(TOKENS[20]).clone();
        int[] other = TOKENS.clone();
        other[20] ^= 1;
        float[] others = context.advance(other, 21, null).clone();
        assertFalse(Arrays.equals(logits, others));
        assertArrayEquals(logits, context.advance(TOKENS, 21, null));
    }

    @Test
    void verifyingGivesTheBitsOfAppending() {
        Context one = context(), all = context();
        one.advance(TOKENS, 30, null);
        all.advance(TOKENS, 30, null);
        int count = Products.SMALL + 1;
        all.verify(TOKENS, 30 + count, count);
        for (int i = 30; i < 30 + count; i++) {
            assertArrayEquals(one.append(TOKENS[i]), all.logits(i), "position " + i);
        }
        all.cut(33);
        assertArrayEquals(one.logits(32), all.logits());
    }

    @Test
    void reportsProgressBetweenBatches() {
        List<String> heard = new ArrayList<>();
        context().advance(TOKENS, 1200, (done, of) -> heard.add(done + "/" + of));
        assertEquals(List.of("0/1200", "512/1200", "1024/1200", "1200/1200"), heard);
    }

    @Test
    void canBeStoppedAndGoneOnWith() {
        Context context = context();
        assertNull(context.advance(TOKENS, 1200, (done, of) -> done < 512));
        assertArrayEquals(Arrays.copyOf(TOKENS, 512), context.tokens());
        float[] logits = context.advance(TOKENS, 1200, null);
        assertEquals(1200, context.evaluated());
        assertArrayEquals(context().advance(TOKENS, 1200, null), logits);
    }

    @Test
    void isFullWhenItsCapacityIsReached() {
        Context context = new Context(MODEL, 40);
        context.advance(TOKENS, 40, null);
        assertTrue(assertThrows(ContextFullException.class, () -> context.append(1)).getMessage().contains("41 tokens"));
        assertThrows(ContextFullException.class, () -> context.advance(TOKENS, 1000, null));
        assertThrows(ContextFullException.class, () -> context.verify(TOKENS, 41, 1));
        assertArrayEquals(Arrays.copyOf(TOKENS, 40), context.tokens());
    }

    @Test
    void mayBeLargerThanTheModelWasTrainedFor() {
        Context context = context();
        assertTrue(context.capacity() > MODEL.config().contextLength());
        for (float logit : context.advance(TOKENS, 1200, null)) {
            assertTrue(Float.isFinite(logit));
        }
    }

    @Test
    void needsNoMemoryForTokensThatNeverCome() {
        int[] tokens = {1, 2, 3};
        assertNotNull(new Context(MODEL, 1_000_000).advance(tokens, 3, null));
        assertThrows(CacheMemoryException.class, () -> new Context(MODEL, Integer.MAX_VALUE));
    }

    private static int best(float[] logits) {
        return Distribution.argmax(logits, 0, logits.length);
    }
}
