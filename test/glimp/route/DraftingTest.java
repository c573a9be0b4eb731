package glimp.route;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import glimp.decode.Context;
import glimp.decode.Pace;
import glimp.decode.Sampler;
import glimp.decode.Sampling;
import glimp.gguf.Gguf;
import glimp.model.KvCache;
import glimp.model.Model;
import glimp.route.Result.Stop;
import glimp.tensor.Team;
import glimp.text.ChatTemplate;
import glimp.text.Json;
import glimp.text.Message;
import glimp.text.Tokenizer;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** Drafts inside the loop, on the pair of trained models: the text is the large model's own, and the caches are in step. */
class DraftingTest {
    private static final Gguf SMALL = Gguf.open(Path.of("models/glimp-s.gguf")), LARGE = Gguf.open(Path.of("models/glimp-l.gguf"));
    /** Another vocabulary; its weights are random. */
    private static final Path STRANGER = Path.of("../shared/golden/qwen3-F32.gguf");
    /** What each model writes alone, by another program. */
    private static final Path GREEDY = Path.of("../shared/pair/greedy.json");

    private final Team team = new Team(1);
    private final Tokenizer tokenizer = Tokenizer.of(SMALL);
    private final Context smallContext = context(SMALL);
    private final Context largeContext = context(LARGE);
    private final LocalWriter small = writer(SMALL, smallContext, null, Pace.fixed(0));

    @AfterEach
    void closeTeam() {
        team.close();
    }

    private Context context(Gguf file) {
        return new Context(Model.load(file, team), 512, KvCache.Type.F32, KvCache.Type.F32);
    }

    private LocalWriter writer(Gguf file, Context context, Drafting drafting, Pace pace) {
        return new LocalWriter(context, tokenizer, ChatTemplate.of(file), new Sampler(Sampling.GREEDY), true, 0, drafting, pace);
    }

    private LocalWriter large(Drafting drafting, Pace pace) {
        return writer(LARGE, largeContext, drafting, pace);
    }

    /** Every length from 1 to 8, and lengths that are chosen on the way, by the clock and without it. */
    private static List<Pace> paces() {
        List<Pace> paces = new ArrayList<>(IntStream.rangeClosed(1, 8).mapToObj(Pace::fixed).toList());
        paces.add(Pace.adaptive(8, 0.1, true));
        paces.add(Pace.adaptive(8, 0.1, false));
        return paces;
    }

    private static Limits limits() {
        return new Limits("\n\n", "</think>", 512, 8192, 64, 0, 3);
    }

    private static Chain ask(String question) {
        return new Chain(List.of(new Message("user", question)));
    }

    private Router alone(LocalWriter large) {
        return new Router(new Policy.Alone(Author.LARGE, large), small, large, large, limits());
    }

    private Router routed(LocalWriter large) {
        return new Router(new Policy.Glimp(small, large, 0.9), small, large, large, limits());
    }

    @SuppressWarnings("unchecked")
    private static List<Map<String, Object>> greedy() throws IOException {
        assumeTrue(Files.exists(GREEDY), GREEDY + " is not there");
        return (List<Map<String, Object>>) Json.parse(Files.readString(GREEDY));
    }

    @SuppressWarnings("unchecked")
    private static String text(Map<String, Object> item, Author author) {
        return ((String) ((Map<String, Object>) item.get(author.name().toLowerCase())).get("text")).replace("<|im_end|>", "");
    }

    private void assertWritesWhatItWritesAlone(Author author, Function<Pace, LocalWriter> drafted) throws IOException {
        for (Pace pace : paces()) {
            LocalWriter writer = drafted.apply(pace);
            for (Map<String, Object> item : greedy()) {
                Chain chain = ask((String) item.get("question"));
                Result result = new Router(new Policy.Alone(author, writer), small, writer, writer, limits()).run(chain, Listener.NONE);
                assertEquals(text(item, author), chain.text(), item.get("question").toString());
                assertEquals(0, result.small().recomputed() + result.large().recomputed());
            }
            Usage usage = writer.usage();
            assertTrue(usage.accepted() > 0 && usage.accepted() <= usage.drafted(), usage.toString());
            // Each pass gives one token and those accepted; those that read the prompt and the end of thinking give one more.
            assertTrue(usage.passes() < usage.written() && usage.passes() + usage.accepted() + 2 * greedy().size() >= usage.written(), usage.toString());
        }
    }

    @Test
    void draftsOfTheSmallModelLeaveTheGreedyTextOfTheLargeOne() throws IOException {
        assertWritesWhatItWritesAlone(Author.LARGE, pace -> large(Drafting.model(small), pace));
    }

    @Test
    void draftsByLookingBackLeaveTheGreedyText() throws IOException {
        assertWritesWhatItWritesAlone(Author.LARGE, pace -> large(Drafting.lookup(), pace));
        assertWritesWhatItWritesAlone(Author.SMALL, pace -> writer(SMALL, smallContext, Drafting.lookup(), pace));
    }

    @Test
    void draftsByWayOfTextLeaveTheGreedyText() throws IOException {
        assertWritesWhatItWritesAlone(Author.LARGE, pace -> large(Drafting.text(small, tokenizer), pace));
    }

    @Test
    void aModelOfAnotherVocabularyMayDraftByWayOfText() throws IOException {
        assumeTrue(Files.exists(STRANGER), STRANGER + " is not there");
        Gguf file = Gguf.open(STRANGER);
        Tokenizer other = Tokenizer.of(file);
        assertTrue(!other.sameVocabulary(tokenizer));
        LocalWriter stranger = new LocalWriter(context(file), other, ChatTemplate.of(file), new Sampler(Sampling.GREEDY), true, 0);
        LocalWriter large = large(Drafting.text(stranger, tokenizer), Pace.fixed(4));
        for (Map<String, Object> item : greedy().subList(0, 4)) {
            Chain chain = ask((String) item.get("question"));
            alone(large).run(chain, Listener.NONE);
            assertEquals(text(item, Author.LARGE), chain.text());
        }
        assertTrue(large.usage().drafted() > 0);
        assertEquals(0, large.usage().recomputed());
    }

    @Test
    void withoutTheClockTheSameSeedDrawsTheSameText() {
        List<String> texts = new ArrayList<>();
        for (long seed : new long[] {7, 7, 8}) {
            smallContext.cut(0);
            largeContext.cut(0);
            LocalWriter large = new LocalWriter(largeContext, tokenizer, ChatTemplate.of(LARGE), new Sampler(new Sampling(1, 0, 1, 0, 1, seed)), true, 0,
                    Drafting.model(small), Pace.adaptive(8, 0.1, false));
            Chain chain = ask("What is 46+15+7*4-22+28?");
            routed(large).run(chain, Listener.NONE);
            assertTrue(large.usage().drafted() > 0);
            texts.add(chain.text());
        }
        assertEquals(texts.get(0), texts.get(1));
        assertTrue(!texts.get(0).equals(texts.get(2)));
    }

    @Test
    void aRoutedChainIsTheSameWithAndWithoutDrafts() throws IOException {
        for (Map<String, Object> item : greedy()) {
            Chain plain = ask((String) item.get("question"));
            routed(large(null, Pace.fixed(0))).run(plain, Listener.NONE);
            for (int n : new int[] {1, 3, 7, 8}) {
                smallContext.cut(0);
                largeContext.cut(0);
                Chain drafted = ask((String) item.get("question"));
                Result result = routed(large(Drafting.model(small), Pace.fixed(n))).run(drafted, Listener.NONE);
                assertEquals(plain.text(), drafted.text());
                assertEquals(0, result.small().recomputed() + result.large().recomputed());
            }
        }
    }

    @Test
    void aStepThatTheLargeModelWroteIsInTheSmallModelsCacheToo() {
        LocalWriter large = large(Drafting.model(small), Pace.fixed(3));
        Chain chain = ask("What is 46+15+7*4-22+28?");
        Writer.Until until = new Writer.Until("\n\n", "</think>", 512, 0);
        for (int i = 0; i < 6; i++) {
            chain.add(large.write(chain, until, Listener.NONE).part());
            LocalWriter.Line line = small.line(chain);
            int[] tokens = Arrays.copyOf(line.tokens(), line.length());
            // What was drafted beyond the delimiter is gone from both caches, and nothing else is.
            assertBegins(tokens, largeContext);
            assertBegins(tokens, smallContext);
            assertTrue(tokens.length - largeContext.length() <= 1, "the last token may wait for the next pass");
            int lacks = tokens.length - smallContext.length();
            assertTrue(lacks <= 2, "at most the token that ended the step and, where L chose that behind a whole draft, the draft's last");
            long evaluated = smallContext.evaluated();
            small.glimpse(chain, Listener.NONE);
            assertEquals(lacks, smallContext.evaluated() - evaluated);
        }
        assertEquals(0, small.usage().recomputed() + large.usage().recomputed());
    }

    private static void assertBegins(int[] tokens, Context context) {
        assertArrayEquals(Arrays.copyOf(tokens, context.length()), context.tokens());
    }

    @Test
    void aCancelledRunLeavesBothContextsReadyForTheNextQuestion() throws IOException {
        for (int after = 1; after < 60; after += 7) {
            LocalWriter large = large(Drafting.model(small), Pace.fixed(1 + after % 8));
            int[] left = {after};
            Result cancelled = routed(large).run(ask("Compute 12*7+2*6-55."), new Listener() {
                @Override
                public boolean cancelled() {
                    return --left[0] < 0;
                }
            });
            assertEquals(Stop.CANCELLED, cancelled.stop());
            Map<String, Object> item = greedy().get(after % 10);
            Chain chain = ask((String) item.get("question"));
            alone(large).run(chain, Listener.NONE);
            assertEquals(text(item, Author.LARGE), chain.text());
        }
    }
}
