package glimp.route;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import glimp.decode.Context;
import glimp.decode.Follower;
import glimp.decode.Pace;
import glimp.decode.Sampler;
import glimp.decode.Sampling;
import glimp.gguf.Gguf;
import glimp.model.KvCache;
import glimp.model.Model;
import glimp.route.Result.Stop;
import glimp.tensor.Products;
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
import java.util.Random;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.Timeout.ThreadMode;

/** One model reads in the background what the other one writes, on the pair of trained models: nothing changes but the time. */
@Timeout(value = 120, unit = TimeUnit.SECONDS, threadMode = ThreadMode.SEPARATE_THREAD)
class CatchUpTest {
    private static final Gguf SMALL = Gguf.open(Path.of("models/glimp-s.gguf")), LARGE = Gguf.open(Path.of("models/glimp-l.gguf"));
    private static final Path GREEDY = Path.of("../shared/pair/greedy.json");

    /** The two models, and what keeps each of them up with the other. */
    private final class Two implements AutoCloseable {
        final Context smallContext = context(SMALL), largeContext = context(LARGE);
        final Follower smallFollower = new Follower(smallContext), largeFollower = new Follower(largeContext);
        final LocalWriter small = writer(SMALL, smallContext, null), large;
        final Router router;

        /** @param drafts null, lookup or model: S, which then does not read along */
        Two(String drafts, boolean catchUp) {
            Drafting drafting = drafts == null ? null : drafts.equals("lookup") ? Drafting.lookup() : Drafting.model(small);
            large = writer(LARGE, largeContext, drafting);
            router = new Router(new Policy.Glimp(small, large, 0.9), small, large, large, new Limits("\n\n", "</think>", 512, 8192, 64, 0, 3));
            if (catchUp) {
                small.readBy(large, largeFollower, ReadAlong.always());
                if (!"model".equals(drafts)) {
                    large.readBy(small, smallFollower, ReadAlong.always());
                }
            }
        }

        private LocalWriter writer(Gguf file, Context context, Drafting drafting) {
            return new LocalWriter(context, tokenizer, ChatTemplate.of(file), new Sampler(Sampling.GREEDY), true, 0, drafting, Pace.fixed(drafting == null ? 0 : 3));
        }

        private Context context(Gguf file) {
            return new Context(Model.load(file, team), 512, KvCache.Type.F32, KvCache.Type.F32);
        }

        void forget() {
            smallContext.cut(0);
            largeContext.cut(0);
        }

        @Override
        public void close() {
            smallFollower.close();
            largeFollower.close();
        }
    }

    private final Team team = new Team(1);
    private final Tokenizer tokenizer = Tokenizer.of(SMALL);

    @AfterEach
    void closeTeam() {
        team.close();
    }

    @SuppressWarnings("unchecked")
    private static List<String> questions() throws IOException {
        assumeTrue(Files.exists(GREEDY), GREEDY + " is not there");
        return ((List<Map<String, Object>>) Json.parse(Files.readString(GREEDY))).stream().map(item -> (String) item.get("question")).toList();
    }

    private static Chain ask(String question) {
        return new Chain(List.of(new Message("user", question)));
    }

    /** Writes slowly, or fast, by chance, so that the background comes far, or not. */
    private static Listener hesitant(long seed) {
        Random random = new Random(seed);
        return new Listener() {
            @Override
            public void piece(String text) {
                if (random.nextInt(3) == 0) {
                    LockSupport.parkNanos(random.nextInt(1_000_000));
                }
            }
        };
    }

    @Test
    void aRoutedChainIsTheSameWithAndWithoutTheBackground() throws IOException {
        for (String drafts : new String[] {null, "lookup", "model"}) {
            try (Two off = new Two(drafts, false); Two on = new Two(drafts, true)) {
                for (String question : questions()) {
                    off.forget();
                    Chain expected = ask(question);
                    Result plain = off.router.run(expected, Listener.NONE);
                    for (int seed = 0; seed < 2; seed++) {
                        on.forget();
                        Chain chain = ask(question);
                        Result result = on.router.run(chain, seed == 0 ? Listener.NONE : hesitant(seed));
                        assertEquals(expected.text(), chain.text(), question);
                        assertEquals(plain.answer(), result.answer());
                        assertEquals(plain.interventions(), result.interventions());
                        assertEquals(0, result.small().recomputed() + result.large().recomputed());
                        for (int i = 0; i < plain.steps().size(); i++) {
                            // Batches of other sizes round differently.
                            assertEquals(plain.steps().get(i).glimpse().entropy(), result.steps().get(i).glimpse().entropy(), 1e-3);
                        }
                    }
                }
                assertTrue(on.large.usage().followed() > 0, "L has read along");
                assertEquals("model".equals(drafts), on.small.usage().followed() == 0, "S has, where it does not draft");
                assertEquals(0, off.small.usage().followed() + off.large.usage().followed());
            }
        }
    }

    @Test
    void noTokenIsRunTwiceAndBothContextsAreAtRestAfterARun() throws IOException {
        try (Two two = new Two(null, true)) {
            for (String question : questions()) {
                two.forget();
                long before = two.largeContext.evaluated();
                Chain chain = ask(question);
                two.router.run(chain, hesitant(question.length()));
                assertEquals(two.largeContext.length(), two.largeContext.evaluated() - before);
                LocalWriter.Line line = two.large.line(chain);
                assertArrayEquals(Arrays.copyOf(line.tokens(), two.largeContext.length()), two.largeContext.tokens());
            }
        }
    }

    @Test
    void aSwitchToAModelThatKeepsPaceRunsLessThanOneSmallBatch() throws IOException {
        try (Two two = new Two(null, true)) {
            Patience patience = new Patience(two);
            for (String question : questions()) {
                two.forget();
                patience.chain = ask(question);
                patience.rest();
                two.router.run(patience.chain, patience);
            }
            assertTrue(patience.switches > questions().size(), patience.switches + " switches");
        }
    }

    /** Gives L the time to read what S has written before it writes itself, and looks how much it then reads itself. */
    private static final class Patience implements Listener {
        private final Two two;
        private Chain chain;
        /** When L last had its context. */
        private long held, followed, read;
        private int switches;

        Patience(Two two) {
            this.two = two;
        }

        void rest() {
            held = two.largeContext.length();
            followed = two.large.usage().followed();
            read = read();
        }

        private long read() {
            return two.large.usage().switched() + two.large.usage().prompt();
        }

        @Override
        public void stepBegins(Author author, Glimpse glimpse) {
            if (author == Author.LARGE && !chain.parts().isEmpty()) {
                long behind = two.large.line(chain).length() - 1 - held;
                while (two.large.usage().followed() < followed + behind / Products.SMALL * Products.SMALL) {
                    LockSupport.parkNanos(100_000);
                }
                switches += behind >= Products.SMALL ? 1 : 0;
            }
        }

        @Override
        public void stepEnds(Step step) {
            if (step.author() == Author.LARGE) {
                long left = read() - read;
                assertTrue(chain.parts().size() == 1 || left < Products.SMALL, left + " tokens were left for the switch");
                rest();
            }
        }
    }

    @Test
    void eitherModelMayBeAskedWhileItIsStillReading() throws IOException {
        Writer.Until token = new Writer.Until("\n\n", "</think>", 1, 0);
        try (Two off = new Two(null, false); Two on = new Two(null, true)) {
            for (String question : questions()) {
                for (int i = 0; i < 6; i++) {
                    double[] entropy = new double[2];
                    for (Two two : List.of(off, on)) {
                        two.forget();
                        LocalWriter first = i % 2 == 0 ? two.large : two.small, second = i % 2 == 0 ? two.small : two.large;
                        Context read = second.context();
                        long before = read.evaluated();
                        Chain chain = ask(question);
                        chain.add(first.write(chain, token, Listener.NONE).part());
                        entropy[two == off ? 0 : 1] = second.glimpse(chain, Listener.NONE).entropy();
                        assertEquals(second.line(chain).length(), read.length());
                        assertEquals(read.length(), read.evaluated() - before);
                    }
                    assertEquals(entropy[0], entropy[1], 1e-3);
                }
            }
        }
    }

    @Test
    void aCancelledRunLeavesBothContextsAtRestAndReadyForTheNextQuestion() throws IOException {
        List<String> questions = questions(), expected = new ArrayList<>();
        try (Two off = new Two(null, false); Two lookup = new Two("lookup", true); Two model = new Two("model", true)) {
            for (String question : questions) {
                Chain chain = ask(question);
                off.router.run(chain, Listener.NONE);
                expected.add(chain.text());
            }
            Random random = new Random(11);
            for (int i = 0; i < 60; i++) {
                Two on = i % 2 == 0 ? lookup : model;
                on.forget();
                int[] left = {random.nextInt(100)};
                Listener impatient = new Listener() {
                    @Override
                    public boolean cancelled() {
                        return --left[0] < 0;
                    }
                };
                assertEquals(Stop.CANCELLED, on.router.run(ask("What is 46+15+7*4-22+28?"), impatient).stop());
                long run = on.smallContext.evaluated() + on.largeContext.evaluated();
                LockSupport.parkNanos(3_000_000);
                assertEquals(run, on.smallContext.evaluated() + on.largeContext.evaluated(), "nothing goes on behind a run");
                Chain chain = ask(questions.get(i % questions.size()));
                on.router.run(chain, Listener.NONE);
                assertEquals(expected.get(i % questions.size()), chain.text());
            }
            assertEquals(0, lookup.large.usage().recomputed() + model.large.usage().recomputed());
        }
    }

    @Test
    void whatGoesWrongInTheBackgroundEndsTheRunAndTheNextOneIsGood() throws IOException {
        String question = questions().getFirst();
        try (Two off = new Two(null, false); Two on = new Two(null, true)) {
            int[] bad = new int[2 * Products.SMALL];
            Arrays.fill(bad, -1);
            Listener disturbing = new Listener() {
                @Override
                public void stepBegins(Author author, Glimpse glimpse) {
                    on.largeFollower.take();
                    on.largeFollower.follow(bad, bad.length);
                    LockSupport.parkNanos(1_000_000);
                }
            };
            boolean thrown = false;
            while (!thrown) {   // the background has to come to it before the text is replaced by the right one
                try {
                    on.router.run(ask(question), disturbing);
                } catch (IllegalArgumentException e) {
                    thrown = e.getMessage().contains("token -1");
                }
            }
            Chain expected = ask(question), chain = ask(question);
            off.router.run(expected, Listener.NONE);
            on.router.run(chain, Listener.NONE);
            assertEquals(expected.text(), chain.text());
        }
    }

    @Test
    void aReaderOfAnotherVocabularyIsRefused() {
        try (Two two = new Two(null, false)) {
            LocalWriter other = new LocalWriter(two.largeContext, Tokenizer.of(LARGE), ChatTemplate.of(LARGE), new Sampler(Sampling.GREEDY), true, 0);
            assertThrows(IllegalArgumentException.class, () -> two.small.readBy(other, two.largeFollower, ReadAlong.always()));
        }
    }
}
