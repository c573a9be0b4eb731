package glimp.decode;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import glimp.gguf.Gguf;
import glimp.model.KvCache;
import glimp.model.Model;
import glimp.tensor.Team;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** The loop that writes, on models with random weights: hardly anything that one drafts is what another would say. */
class DecoderTest {
    private static final Path GOLDEN = Path.of("../shared/golden");
    private static final int[] PROMPT = {3, 14, 15, 9, 2, 6};
    private static final int COUNT = 40;
    /** Greedy, and greedy with a penalty, which asks for the right history at every drafted token. */
    private static final List<Sampling> GREEDY = List.of(Sampling.GREEDY, new Sampling(0, 0, 1, 0, 1.5, 0));

    private final Team team = new Team(1);

    @AfterEach
    void closeTeam() {
        team.close();
    }

    private static List<Path> models() throws IOException {
        assumeTrue(Files.exists(GOLDEN), GOLDEN + " is not there");
        try (Stream<Path> files = Files.list(GOLDEN)) {
            return files.filter(file -> file.toString().endsWith(".gguf")).sorted().toList();
        }
    }

    private Context context(Path file) {
        return new Context(Model.load(Gguf.open(file), team), 128, KvCache.Type.F32, KvCache.Type.F32);
    }

    /** A sink that takes so many tokens. */
    private static final class Tokens implements Decoder.Sink {
        final List<Integer> tokens = new ArrayList<>();
        final int most;

        Tokens(int most) {
            this.most = most;
        }

        @Override
        public boolean add(int token) {
            tokens.add(token);
            return tokens.size() < most;
        }
    }

    private static List<Integer> write(Decoder decoder, Drafter drafter, int count) {
        Tokens tokens = new Tokens(count);
        decoder.write(PROMPT, PROMPT.length, drafter, tokens, null);
        return tokens.tokens;
    }

    /** The greedy text by the definition: the likeliest token, one at a time. */
    private static List<Integer> plain(Context context, Sampling how) {
        Sampler sampler = new Sampler(how);
        int[] text = Arrays.copyOf(PROMPT, PROMPT.length + COUNT);
        List<Integer> tokens = new ArrayList<>();
        context.cut(0);
        for (int length = PROMPT.length; length < text.length; length++) {
            text[length] = sampler.next(context.advance(text, length, null), text, length);
            tokens.add(text[length]);
        }
        return tokens;
    }

    @Test
    void modelsThatDraftForEachOtherLeaveTheGreedyText() throws IOException {
        int pairs = 0;
        for (Path large : models()) {
            Context target = context(large);
            for (Sampling how : GREEDY) {
                List<Integer> expected = plain(target, how);
                for (Path small : models()) {
                    Context drafting = context(small);
                    if (drafting.model().config().vocabulary() != target.model().config().vocabulary()) {
                        continue;
                    }
                    for (int n : small.equals(large) ? new int[] {1, 2, 3, 4, 5, 6, 7, 8, -1} : new int[] {1, 3, 8}) {
                        Pace pace = n < 0 ? Pace.adaptive(8, 0.5, false) : Pace.fixed(n);
                        Decoder decoder = new Decoder(target, new Sampler(how), pace);
                        target.cut(0);
                        drafting.cut(0);
                        ModelDrafter drafter = new ModelDrafter(drafting);
                        drafter.begin(PROMPT, PROMPT.length, PROMPT.length);
                        assertEquals(expected, write(decoder, drafter, COUNT), small + " drafts " + n + " tokens for " + large + ", " + how);
                        if (small.equals(large) && n > 0) {
                            assertEquals(decoder.tally().accepted() + decoder.tally().passes(), COUNT, 8, "a model accepts what it drafts itself: " + decoder.tally());
                        }
                        assertTrue(drafting.length() <= target.length() + 1 || n < 0);
                        assertBegins(expected, target);
                        assertBegins(expected, drafting);
                        pairs++;
                    }
                }
            }
        }
        assertTrue(pairs > 50, pairs + " pairs");
    }

    private static void assertBegins(List<Integer> written, Context context) {
        int[] all = Arrays.copyOf(PROMPT, PROMPT.length + COUNT);
        for (int i = 0; i < COUNT; i++) {
            all[PROMPT.length + i] = written.get(i);
        }
        assertArrayEquals(Arrays.copyOf(all, context.length()), context.tokens());
    }

    @Test
    void lookingBackLeavesTheGreedyText() throws IOException {
        for (Path file : models()) {
            Context context = context(file);
            for (Sampling how : GREEDY) {
                List<Integer> expected = plain(context, how);
                for (int n = 1; n <= 8; n++) {
                    context.cut(0);
                    assertEquals(expected, write(new Decoder(context, new Sampler(how), Pace.fixed(n)), new LookupDrafter(), COUNT), file + " " + n);
                }
            }
        }
    }

    @Test
    void withoutADraftSamplingDrawsAsEver() throws IOException {
        Context context = context(models().getFirst());
        Sampling how = new Sampling(0.8, 0, 0.95, 0, 1, 5);
        List<Integer> expected = plain(context, how);
        context.cut(0);
        assertEquals(expected, write(new Decoder(context, new Sampler(how), Pace.fixed(0)), null, COUNT));
        context.cut(0);
        assertEquals(expected, write(new Decoder(context, new Sampler(how), Pace.adaptive(0, 1, true)), new LookupDrafter(), COUNT));
    }

    @Test
    void aModelThatDraftsForItselfByTheSameFiltersIsAlwaysAccepted() throws IOException {
        Path file = models().getFirst();
        Context target = context(file), drafting = context(file);
        ModelDrafter drafter = new ModelDrafter(drafting);
        drafter.begin(PROMPT, PROMPT.length, PROMPT.length);
        Decoder decoder = new Decoder(target, new Sampler(new Sampling(0.8, 20, 0.9, 0.01, 1.2, 5)), Pace.fixed(4));
        write(decoder, drafter, COUNT);
        assertEquals(0, target.recomputed() + drafting.recomputed());
        assertTrue(decoder.tally().drafted() >= COUNT / 2 && decoder.tally().accepted() >= decoder.tally().drafted() - 4, decoder.tally().toString());
    }

    @Test
    void whereverItStopsTheContextsAreReadyToGoOn() throws IOException {
        Path file = models().getFirst();
        Context target = context(file), drafting = context(models().get(1));
        assumeTrue(target.model().config().vocabulary() == drafting.model().config().vocabulary());
        List<Integer> expected = plain(target, Sampling.GREEDY);
        target.cut(0);
        ModelDrafter drafter = new ModelDrafter(drafting);
        Decoder decoder = new Decoder(target, new Sampler(Sampling.GREEDY), Pace.fixed(5));
        int[] line = PROMPT;
        for (int count : new int[] {1, 1, 2, 7, 3, 1, 6, 19}) {
            Tokens tokens = new Tokens(count);
            drafter.begin(line, line.length, line.length);
            decoder.write(line, line.length, drafter, tokens, null);
            int from = line.length;
            line = Arrays.copyOf(line, from + count);
            for (int i = 0; i < count; i++) {
                line[from + i] = tokens.tokens.get(i);
            }
            assertArrayEquals(Arrays.copyOf(line, target.length()), target.tokens());
            assertTrue(target.length() >= line.length - 1);
        }
        assertEquals(expected, Arrays.stream(line).skip(PROMPT.length).boxed().toList());
        assertEquals(0, target.recomputed() + drafting.recomputed());
    }

    @Test
    void aDraftGoesToTheEdgeOfTheContextAndNotBeyond() throws IOException {
        Gguf file = Gguf.open(models().getFirst());
        Context whole = context(models().getFirst());
        List<Integer> expected = plain(whole, Sampling.GREEDY);
        Context target = new Context(Model.load(file, team), PROMPT.length + 12, KvCache.Type.F32, KvCache.Type.F32);
        Context drafting = new Context(Model.load(file, team), PROMPT.length + 10, KvCache.Type.F32, KvCache.Type.F32);
        ModelDrafter drafter = new ModelDrafter(drafting);
        drafter.begin(PROMPT, PROMPT.length, PROMPT.length);
        assertEquals(expected.subList(0, 12), write(new Decoder(target, new Sampler(Sampling.GREEDY), Pace.fixed(8)), drafter, 12));
    }

    @Test
    void aStoppedDrafterDraftsNothing() throws IOException {
        Context target = context(models().getFirst()), drafting = context(models().getFirst());
        List<Integer> expected = plain(target, Sampling.GREEDY);
        target.cut(0);
        ModelDrafter drafter = new ModelDrafter(drafting);
        drafter.begin(PROMPT, PROMPT.length, PROMPT.length);
        Decoder decoder = new Decoder(target, new Sampler(Sampling.GREEDY), Pace.fixed(3));
        Tokens tokens = new Tokens(5);
        decoder.write(PROMPT, PROMPT.length, drafter, tokens, (done, of) -> false);
        assertEquals(expected.subList(0, 5), tokens.tokens);
        assertEquals(0, decoder.tally().drafted());
    }

    @Test
    void aLookBackTakesUpTheLongestAndLatestLikeness() {
        assertArrayEquals(new int[] {7, 8, 1}, lookUp(3, 1, 2, 3, 7, 8, 1, 2, 3));
        assertArrayEquals(new int[] {5, 9}, lookUp(2, 4, 2, 3, 5, 9, 2, 3, 6, 4, 2, 3));   // 4 2 3 rather than the later 2 3
        assertArrayEquals(new int[] {6}, lookUp(1, 2, 3, 5, 2, 3, 6, 2, 3));
        assertArrayEquals(new int[] {2, 1, 2, 1}, lookUp(4, 1, 2, 1, 2, 1));   // what it drafts is text as well
        assertArrayEquals(new int[] {}, lookUp(4, 1, 2, 3, 4));
        assertArrayEquals(new int[] {}, lookUp(4, 1));
    }

    private static int[] lookUp(int most, int... text) {
        int[] room = Arrays.copyOf(text, text.length + Draft.MOST);
        Pace pace = Pace.fixed(most);
        Draft draft = new Draft(new Sampler(Sampling.GREEDY), pace, 1000);
        draft.begin(room, text.length, pace.begin(1, 1), token -> false);
        new LookupDrafter().propose(room, text.length, draft, null);
        return Arrays.copyOfRange(room, text.length, draft.end());
    }

    @Test
    void noTokenBeyondTheVerifyingModelsVocabularyIsDrafted() {
        Draft draft = new Draft(new Sampler(Sampling.GREEDY), Pace.fixed(3), 3);
        int[] text = new int[8];
        draft.begin(text, 2, 3, token -> false);
        draft.draw(new float[] {0, 2, 1, 9, 9});
        assertEquals(1, draft.token());
    }
}
