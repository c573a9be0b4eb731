package glimp.route;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import glimp.decode.Context;
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
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** The loop on the pair of trained models, against texts and chains that another program wrote with them. */
class PairTest {
    private static final Path SMALL = Path.of("models/glimp-s.gguf"), LARGE = Path.of("models/glimp-l.gguf");
    /** Another vocabulary and another template's prompt; its weights are random. */
    private static final Path STRANGER = Path.of("../shared/golden/qwen3-F32.gguf");
    private static final Path GREEDY = Path.of("../shared/pair/greedy.json");
    /** Written by the published loop over two servers: tau 0.9, greedy, entropy over the top 20. */
    private static final Path CHAINS = Path.of("test/glimp/route/chains.json");

    private final Team team = new Team(2);

    @AfterEach
    void closeTeam() {
        team.close();
    }

    /** A model, its context and its writer, held together so that a test can look at all of them. */
    private record Side(Context context, Tokenizer tokenizer, LocalWriter writer) {}

    private Side side(Path path, Tokenizer shared, int topK) {
        Gguf file = Gguf.open(path);
        Tokenizer tokenizer = shared != null ? shared : Tokenizer.of(file);
        Context context = new Context(Model.load(file, team), 512, KvCache.Type.F32, KvCache.Type.F32);
        return new Side(context, tokenizer, new LocalWriter(context, tokenizer, ChatTemplate.of(file), new Sampler(Sampling.GREEDY), true, topK));
    }

    private static Limits limits() {
        return new Limits("\n\n", "</think>", 512, 8192, 64, 0, 3);
    }

    private static Chain ask(String question) {
        return new Chain(List.of(new Message("user", question)));
    }

    @SuppressWarnings("unchecked")
    private static List<Map<String, Object>> list(Path json) throws IOException {
        assumeTrue(Files.exists(json), json + " is not there");
        return (List<Map<String, Object>>) Json.parse(Files.readString(json));
    }

    @Test
    void oneModelThroughTheStepLoopWritesItsGreedyTextTokenByToken() throws IOException {
        Side small = side(SMALL, null, 0);
        Side large = side(LARGE, small.tokenizer, 0);
        for (Map<String, Object> item : list(GREEDY)) {
            for (Author author : Author.values()) {
                Side side = author == Author.SMALL ? small : large;
                Chain chain = ask((String) item.get("question"));
                new Router(new Policy.Alone(author, side.writer), small.writer, large.writer, side.writer, limits()).run(chain, Listener.NONE);
                @SuppressWarnings("unchecked")
                String text = (String) ((Map<String, Object>) item.get(author.name().toLowerCase())).get("text");
                assertEquals(text.replace("<|im_end|>", ""), chain.text(), author + " on " + item.get("question"));
            }
        }
    }

    @Test
    void theRoutedChainsAreThoseOfThePublishedLoop() throws IOException {
        Side small = side(SMALL, null, 20);
        Side large = side(LARGE, small.tokenizer, 20);
        Router router = new Router(new Policy.Glimp(small.writer, large.writer, 0.9), small.writer, large.writer, large.writer, limits());
        for (Map<String, Object> expected : list(CHAINS)) {
            String question = (String) expected.get("question");
            Result result = router.run(ask(question), Listener.NONE);
            @SuppressWarnings("unchecked")
            List<Map<String, Object>> steps = (List<Map<String, Object>>) expected.get("steps");
            assertEquals(steps.size(), result.steps().size(), question);
            for (int i = 0; i < steps.size(); i++) {
                Step step = result.steps().get(i);
                assertEquals(steps.get(i).get("author"), step.author().letter, question);
                assertEquals(((String) steps.get(i).get("text")).replace("</think>", "").strip(), step.text(), question);
                assertEquals((double) steps.get(i).get("entropy"), step.glimpse().entropy(), 0.02, question);
            }
            assertEquals(expected.get("answer"), result.answer());
            assertEquals(Stop.END_OF_THINKING, result.stop());
        }
    }

    @Test
    void aSwitchRunsOnlyTheTokensThatTheOtherModelWrote() {
        Side small = side(SMALL, null, 0);
        Side large = side(LARGE, small.tokenizer, 0);
        Router router = new Router(new Policy.Glimp(small.writer, large.writer, 0.9), small.writer, large.writer, large.writer, limits());
        Result result = router.run(ask("What is 46+15+7*4-22+28?"), Listener.NONE);
        assertTrue(result.interventions() >= 2 && result.interventions() < result.steps().size(), "both models write");
        assertEquals(0, result.small().recomputed() + result.large().recomputed());
        // No token was run twice: L ran exactly what its context holds; S stopped before the answer.
        assertEquals(large.context.length(), large.context.evaluated());
        assertTrue(small.context.evaluated() <= large.context.evaluated());
        int written = result.steps().stream().mapToInt(step -> step.written().tokens()).sum();
        assertTrue(result.small().written() < written && result.small().written() > 0);
    }

    @Test
    void theFirstTokenOfAStepComesFromThePassThatGaveTheGlimpse() {
        Side small = side(SMALL, null, 0);
        Chain chain = ask("What is 12+31?");
        small.writer.glimpse(chain, Listener.NONE);
        long afterGlimpse = small.context.evaluated();
        Writer.Written step = small.writer.write(chain, new Writer.Until("\n\n", "</think>", 512, 0), Listener.NONE);
        // The delimiter that ends the step is not run yet, and the first token cost nothing.
        assertEquals(step.tokens() - 1, small.context.evaluated() - afterGlimpse);
    }

    @Test
    void theNextQuestionOfAChatKeepsWhatBothHaveRead() {
        Side small = side(SMALL, null, 0);
        Side large = side(LARGE, small.tokenizer, 0);
        Router router = new Router(new Policy.Glimp(small.writer, large.writer, 0.9), small.writer, large.writer, large.writer, limits());
        Result first = router.run(ask("What is 12+31?"), Listener.NONE);
        Chain second = new Chain(List.of(new Message("user", "What is 12+31?"), new Message("assistant", first.answer()), new Message("user", "What is 5*9?")));
        Result result = router.run(second, Listener.NONE);
        assertEquals("The answer is 45.", result.answer());
        assertTrue(result.large().prompt() < 60, "the first turn is not read again: " + result.large().prompt());
    }

    @Test
    void modelsOfDifferentVocabulariesHandOverText() {
        assumeTrue(Files.exists(STRANGER), STRANGER + " is not there");
        Side stranger = side(STRANGER, null, 0);
        Side large = side(LARGE, null, 0);
        assertTrue(!stranger.tokenizer.sameVocabulary(large.tokenizer));
        Limits limits = new Limits("\n\n", "</think>", 24, 200, 32, 16, 3);
        // The stranger's steps and L's in turn: a tau between its entropies.
        boolean[] turn = new boolean[1];
        Policy alternate = new Policy() {
            @Override
            public String name() {
                return "alternate";
            }

            @Override
            public Step next(Chain chain, Writer.Until until, Listener listener) {
                turn[0] = !turn[0];
                Glimpse glimpse = stranger.writer.glimpse(chain, listener);
                return new Step(turn[0] ? Author.SMALL : Author.LARGE, glimpse, (turn[0] ? stranger : large).writer.write(chain, until, listener), 0);
            }
        };
        Chain chain = ask("What is 12+31?");
        Result result = new Router(alternate, stranger.writer, large.writer, large.writer, limits).run(chain, Listener.NONE);
        assertTrue(result.steps().size() >= 4, "several hand-overs");
        assertNotNull(result.answer());
        stranger.writer.glimpse(chain, Listener.NONE);
        for (Side side : List.of(stranger, large)) {
            String read = side.tokenizer.decode(side.context.tokens());
            assertTrue(read.endsWith(chain.text().substring(0, chain.text().lastIndexOf("</think>")).strip()) || read.contains(chain.text().strip().substring(0, 40)),
                    "each model reads the same chain in its own tokens: " + read);
        }
        assertEquals(0, result.large().recomputed());
    }

    @Test
    void aCutGoesBetweenCharacters() {
        Tokenizer tokenizer = Tokenizer.of(Gguf.open(SMALL));
        String text = "naïve 数 \uD83D\uDE00 end.\n\nNext";
        Part part = new Part(text, tokenizer.encode(text, false), tokenizer, false);
        for (int i = 0; i <= text.length(); i++) {
            if (i == 0 || i == text.length() || !Character.isLowSurrogate(text.charAt(i))) {
                Part cut = part.cut(i);
                assertEquals(text.substring(0, i), cut.text());
                assertEquals(text.substring(0, i), tokenizer.decode(cut.tokens()));
            }
        }
    }

    @Test
    void aPromptThatDoesNotFitIsSaidToBeTooLong() {
        Side small = side(SMALL, null, 0);
        Side large = side(LARGE, small.tokenizer, 0);
        Router router = new Router(new Policy.Glimp(small.writer, large.writer, 0.9), small.writer, large.writer, large.writer, limits());
        String message = org.junit.jupiter.api.Assertions.assertThrows(glimp.decode.ContextFullException.class,
                () -> router.run(ask("1+".repeat(600)), Listener.NONE)).getMessage();
        assertTrue(message.contains("512"), message);
    }

    @Test
    void thinkingThatFillsTheContextStillGetsItsAnswer() {
        Side small = side(SMALL, null, 0);
        Gguf file = Gguf.open(LARGE);
        Context tight = new Context(Model.load(file, team), 110, KvCache.Type.F32, KvCache.Type.F32);
        LocalWriter large = new LocalWriter(tight, small.tokenizer, ChatTemplate.of(file), new Sampler(Sampling.GREEDY), true, 0);
        Limits limits = new Limits("\n\n", "</think>", 512, 8192, 64, 16, 3);
        Result result = new Router(new Policy.Alone(Author.LARGE, large), small.writer, large, large, limits)
                .run(ask("What is 60-49+58+1-23-34?"), Listener.NONE);
        assertEquals(Stop.CONTEXT_FULL, result.stop());
        assertTrue(!result.answer().isEmpty());
        assertTrue(tight.length() <= 110);
    }
}
