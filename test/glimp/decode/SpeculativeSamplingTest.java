package glimp.decode;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import glimp.gguf.Gguf;
import glimp.model.KvCache;
import glimp.model.Model;
import glimp.tensor.Team;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;
import org.junit.jupiter.api.Test;

/**
 * What is drawn with drafts is distributed as without: the next two tokens of a fixed context, drawn very often by
 * the acceptance rule from recorded logits of two models, so that 200,000 draws take no 200,000 passes.
 */
class SpeculativeSamplingTest {
    private static final Path LARGE = Path.of("../shared/golden/qwen3-F32.gguf"), SMALL = Path.of("../shared/golden/qwen3-Q4_0.gguf");
    private static final int[] CONTEXT = {11, 7, 5, 3};
    private static final int DRAWS = 200_000;

    /** With every filter and the penalty; and with none. */
    private static final Sampling FILTERED = new Sampling(0.7, 12, 0.95, 0.02, 1.3, 20), PLAIN = new Sampling(0.5, 0, 1, 0, 1, 21);

    /** The logits that a model gives after a context, computed once. */
    private static final class Recorded implements AutoCloseable {
        final Team team = new Team(1);
        final Context context;
        final Map<String, float[]> logits = new HashMap<>();

        Recorded(Path file) {
            assumeTrue(Files.exists(file), file + " is not there");
            context = new Context(Model.load(Gguf.open(file), team), 64, KvCache.Type.F32, KvCache.Type.F32);
        }

        float[] after(int[] text, int length) {
            StringBuilder key = new StringBuilder();
            for (int i = CONTEXT.length; i < length; i++) {
                key.append(text[i]).append(' ');
            }
            return logits.computeIfAbsent(key.toString(), k -> context.advance(text, length, null).clone());
        }

        @Override
        public void close() {
            team.close();
        }
    }

    private interface Proposal {
        /** Draws a draft of the token behind the text and says what it was drawn from. */
        int draft(int[] text, int length, Sampler sampler, Candidates from);
    }

    /** The two tokens behind the context, by the acceptance rule, with two tokens drafted before either is judged. */
    private static long pair(Recorded large, Sampler sampler, Proposal proposal) {
        int[] text = Arrays.copyOf(CONTEXT, CONTEXT.length + 2);
        int at = CONTEXT.length;
        Candidates[] from = {new Candidates(), new Candidates()};
        for (int i = 0; i < 2; i++) {
            text[at + i] = proposal.draft(text, at + i, sampler, from[i]);
        }
        int first = sampler.judge(large.after(text, at), text, at, text[at], from[0]);
        boolean right = first == text[at];
        text[at] = first;
        float[] logits = large.after(text, at + 1);
        int second = right ? sampler.judge(logits, text, at + 1, text[at + 1], from[1]) : sampler.next(logits, text, at + 1);
        return ((long) first << 32) | second;
    }

    /** Probability of each pair, from the large model alone. */
    private static Map<Long, Double> expected(Recorded large, Sampling how) {
        Map<Long, Double> expected = new HashMap<>();
        int[] text = Arrays.copyOf(CONTEXT, CONTEXT.length + 2);
        int at = CONTEXT.length;
        Candidates first = filtered(large.after(text, at), text, at, how);
        for (int i = 0; i < first.count(); i++) {
            text[at] = first.id(i);
            Candidates second = filtered(large.after(text, at + 1), text, at + 1, how);
            for (int j = 0; j < second.count(); j++) {
                expected.put(((long) text[at] << 32) | second.id(j), (double) first.probability(i) * second.probability(j));
            }
        }
        return expected;
    }

    private static Candidates filtered(float[] logits, int[] text, int length, Sampling how) {
        Candidates candidates = new Candidates();
        new Sampler(how).draft(logits, text, length, candidates);
        return candidates;
    }

    /** Pearson's test at p = 0.001 over what is expected five times or oftener; the rest is one more class. */
    private static void assertDistributed(Map<Long, Double> expected, Map<Long, Integer> drawn, String what) {
        double chiSquare = 0, restExpected = DRAWS, restDrawn = DRAWS;
        int classes = 0;
        for (Map.Entry<Long, Double> e : expected.entrySet()) {
            double count = DRAWS * e.getValue();
            if (count >= 5) {
                int got = drawn.getOrDefault(e.getKey(), 0);
                chiSquare += (got - count) * (got - count) / count;
                restExpected -= count;
                restDrawn -= got;
                classes++;
            }
        }
        if (restExpected >= 5) {
            chiSquare += (restDrawn - restExpected) * (restDrawn - restExpected) / restExpected;
            classes++;
        }
        int freedom = classes - 1;
        // Wilson and Hilferty: the cube root of chi-square / freedom is nearly normal; 3.0902 is its 99.9 % point.
        double v = 2.0 / (9 * freedom);
        double limit = freedom * Math.pow(1 - v + 3.0902 * Math.sqrt(v), 3);
        assertTrue(freedom >= 20, what + ": a test over " + classes + " classes says little");
        assertTrue(chiSquare < limit, what + ": chi-square " + chiSquare + " with " + freedom + " degrees of freedom, limit " + limit);
    }

    private static Map<Long, Integer> draw(Recorded large, Sampling how, Proposal proposal) {
        Sampler sampler = new Sampler(how);
        Map<Long, Integer> drawn = new HashMap<>();
        for (int i = 0; i < DRAWS; i++) {
            drawn.merge(pair(large, sampler, proposal), 1, Integer::sum);
        }
        return drawn;
    }

    @Test
    void draftsOfAModelDoNotChangeTheDistribution() {
        try (Recorded large = new Recorded(LARGE); Recorded small = new Recorded(SMALL)) {
            for (Sampling how : new Sampling[] {FILTERED, PLAIN}) {
                Map<Long, Integer> drawn = draw(large, how, (text, length, sampler, from) -> sampler.draft(small.after(text, length), text, length, from));
                assertDistributed(expected(large, how), drawn, how.toString());
            }
        }
    }

    @Test
    void draftsThatAreSureOfOneTokenDoNotChangeTheDistribution() {
        try (Recorded large = new Recorded(LARGE)) {
            // One that is likely, one that is not, one that the filters leave out.
            float[] logits = large.after(CONTEXT, CONTEXT.length);
            Distribution.Likely[] likely = Distribution.top(logits, logits.length);
            for (int rank : new int[] {0, 3, likely.length - 1}) {
                int token = likely[rank].token();
                Map<Long, Integer> drawn = draw(large, FILTERED, (text, length, sampler, from) -> {
                    from.point(token);
                    return token;
                });
                assertDistributed(expected(large, FILTERED), drawn, "always draft token " + token);
            }
        }
    }

    @Test
    void aTestThatCanFailWouldNoticeDraftsTakenUnverified() {
        try (Recorded large = new Recorded(LARGE); Recorded small = new Recorded(SMALL)) {
            Map<Long, Integer> drawn = draw(small, PLAIN, (text, length, sampler, from) -> sampler.draft(small.after(text, length), text, length, from));
            assertThrows(AssertionError.class, () -> assertDistributed(expected(large, PLAIN), drawn, ""));
        }
    }

    @Test
    void aRejectedDraftIsFollowedByWhatTheLargeModelHasMoreOf() {
        Candidates p = new Candidates(), q = new Candidates();
        Sampling plain = new Sampling(1, 0, 1, 0, 1, 0);
        p.fill(logs(0.5, 0.3, 0.2), plain);
        q.fill(logs(0.2, 0.2, 0.6), plain);
        assertTrue(p.subtract(q));
        assertEquals(0.75, p.of(0), 1e-6);
        assertEquals(0.25, p.of(1), 1e-6);
        assertEquals(0, p.of(2));
        p.fill(logs(0.5, 0.3, 0.2), plain);
        q.point(0);
        assertTrue(p.subtract(q));
        assertEquals(0.6, p.of(1), 1e-6);
        assertEquals(0.4, p.of(2), 1e-6);
    }

    @Test
    void nothingIsLeftOfADistributionMinusItself() {
        Candidates p = new Candidates(), q = new Candidates();
        Sampling plain = new Sampling(1, 0, 1, 0, 1, 0);
        p.fill(logs(0.5, 0.3, 0.2), plain);
        q.fill(logs(0.5, 0.3, 0.2), plain);
        assertTrue(!p.subtract(q));
        assertEquals(0.3, p.of(1), 1e-6);
    }

    private static float[] logs(double... p) {
        float[] logits = new float[p.length];
        for (int i = 0; i < p.length; i++) {
            logits[i] = (float) Math.log(p[i]);
        }
        return logits;
    }
}
