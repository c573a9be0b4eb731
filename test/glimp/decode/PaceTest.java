package glimp.decode;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.function.IntToDoubleFunction;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

/** The length of drafts against simulated models, whose times and acceptance are known. */
class PaceTest {
    private static final double CONFIDENCE = 0.85;
    /** A text that the bounds are for, and how many are averaged over. */
    private static final int TEXT = 256, TEXTS = 40;

    /** What rounds of a simulated pair gave and cost. */
    private record Outcome(int tokens, double ms, int drafted) {
        double msPerToken() {
            return ms / tokens;
        }
    }

    /**
     * A pair of models.
     *
     * @param acceptance of a drafted token @param draftMs of the drafting model's pass
     * @param readMs what each token but the last that it has to read adds to that @param verifyMs of the verifying model's pass, by the number of tokens
     */
    private record Simulated(double acceptance, double draftMs, double readMs, IntToDoubleFunction verifyMs) {
        @Override
        public String toString() {
            return "acceptance " + acceptance + ", draft " + draftMs + " ms, passes of 1 .. 8 tokens "
                    + IntStream.rangeClosed(1, 8).mapToObj(k -> String.valueOf(verifyMs.applyAsDouble(k))).toList() + " ms";
        }

        /** @param further what each token but the first adds to the verifying model's pass, which takes 1 ms */
        static Simulated line(double acceptance, double draftMs, double further) {
            return new Simulated(acceptance, draftMs, 0, k -> 1 + further * (k - 1));
        }

        /** Writes until there are so many tokens, or more. */
        Outcome write(Pace pace, int enough, Random random) {
            int tokens = 0, drafted = 0, behind = 1;
            double ms = 0;
            while (tokens < enough) {
                int most = pace.begin(1, behind), n = 0;
                double draft = 0;
                boolean more = most > 0;
                while (more) {
                    double pass = draftMs + (behind - 1) * readMs;
                    pace.drafted(behind, pass);
                    draft += pass;
                    behind = 1;
                    more = pace.worth(CONFIDENCE) && ++n < most && pace.another();
                }
                double pass = verifyMs.applyAsDouble(1 + n);
                pace.verified(1 + n, draft, pass);
                ms += draft + pass;
                drafted += n;
                tokens++;
                int k = 0;
                for (boolean right = true; k < n && right; k += right ? 1 : 0) {
                    right = random.nextDouble() < acceptance;
                    pace.judged(CONFIDENCE, right);
                }
                tokens += k;
                behind = draft == 0 ? behind + 1 : k == n ? 2 : 1;
            }
            return new Outcome(tokens, ms, drafted);
        }

        /** Of drafts of n tokens. */
        double msPerToken(int n) {
            double tokens = 0;
            for (int i = 0; i <= n; i++) {
                tokens += Math.pow(acceptance, i);
            }
            // Reading the token behind a draft that was accepted as a whole.
            double reading = n == 0 ? 0 : Math.pow(acceptance, n) * readMs;
            return (n * draftMs + reading + verifyMs.applyAsDouble(1 + n)) / tokens;
        }

        double cheapest() {
            return IntStream.rangeClosed(0, 7).mapToDouble(this::msPerToken).min().getAsDouble();
        }

        /** Mean of texts that each begin with nothing known. */
        double adaptiveMsPerToken() {
            double tokens = 0, ms = 0;
            for (int seed = 0; seed < TEXTS; seed++) {
                Outcome one = write(Pace.adaptive(8, draftMs / verifyMs.applyAsDouble(1), true), TEXT, new Random(seed));
                tokens += one.tokens;
                ms += one.ms;
            }
            return ms / tokens;
        }
    }

    private static Outcome simulate(Pace pace, int tokens, double acceptance, double draftMs, double further) {
        return Simulated.line(acceptance, draftMs, further).write(pace, tokens, new Random(1));
    }

    private static Pace adaptive() {
        return Pace.adaptive(8, 0.1, true);
    }

    @Test
    void nothingAcceptedIsSoonNothingDrafted() {
        Pace pace = adaptive();
        simulate(pace, 100, 0, 0.1, 0.1);
        Outcome later = simulate(pace, 1000, 0, 0.1, 0.1);
        assertTrue(later.drafted() <= 3 * 1000 / 128 + 3, "only a try now and then: " + later);
    }

    @Test
    void draftsThatCostAsMuchAsTheyBringAreNotMade() {
        Pace pace = adaptive();
        simulate(pace, 100, 0.9, 1, 0.1);
        assertTrue(simulate(pace, 1000, 0.9, 1, 0.1).msPerToken() < 1.03);
    }

    @Test
    void itRecoversWhenDraftsAreAcceptedAgain() {
        Pace pace = adaptive();
        simulate(pace, 500, 0, 0.1, 0.1);
        simulate(pace, 1500, 0.95, 0.1, 0.1);
        assertTrue(simulate(pace, 200, 0.95, 0.1, 0.1).msPerToken() < 0.5);
    }

    /** Pairs by acceptance and by what passes cost: memory alone, arithmetic too, arithmetic alone, and a kernel that takes four tokens at once. */
    private static List<Simulated> pairs() {
        double[] measured = {0, 1, 1.37, 1.79, 1.96, 2.52, 2.85, 3.3, 3.27};
        List<IntToDoubleFunction> verifyMs = List.of(k -> 1, k -> 1 + 0.05 * (k - 1), k -> 1 + 0.2 * (k - 1), k -> 1 + 0.6 * (k - 1), k -> k,
                k -> 1 + 0.5 * ((k - 1) / 4), k -> measured[k]);
        List<Simulated> pairs = new ArrayList<>();
        for (double acceptance : new double[] {0, 0.2, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.97, 1}) {
            for (double draftMs : new double[] {0.03, 0.1, 0.2, 0.5}) {
                for (IntToDoubleFunction each : verifyMs) {
                    pairs.add(new Simulated(acceptance, draftMs, draftMs / 6, each));
                }
            }
        }
        return pairs;
    }

    /** What it costs to find out how long they should be is 5 % and two passes. */
    @Test
    void aTextTakesHardlyMoreThanWithTheBestFixedLength() {
        for (Simulated pair : pairs()) {
            double own = pair.adaptiveMsPerToken(), best = pair.cheapest();
            assertTrue(own < 1.05 * best + 2 * pair.msPerToken(0) / TEXT, pair + ": " + own + " ms a token, best " + best);
        }
    }

    @Test
    void aTextTakesHardlyMoreThanWithoutDrafts() {
        for (Simulated pair : pairs()) {
            double own = pair.adaptiveMsPerToken(), none = pair.msPerToken(0);
            assertTrue(own < 1.03 * none, pair + ": " + own + " ms a token, without drafts " + none);
        }
    }

    @Test
    void theSlowFirstPassesAreForgotten() {
        Pace pace = adaptive();
        pace.verified(1, 0, 0.5);
        for (int i = 0; i < 40; i++) {
            pace.drafted(1, 20);   // not compiled yet
            pace.verified(1 + i % 8, 20, 5);
        }
        simulate(pace, 1000, 0.95, 0.1, 0.1);
        assertTrue(simulate(pace, 200, 0.95, 0.1, 0.1).msPerToken() < 0.5);
    }

    @Test
    void aDraftIsCutShortWhereTheDraftingModelIsUnsure() {
        Pace pace = adaptive();
        for (int i = 0; i < 400; i++) {
            pace.begin(1, 1);
            pace.drafted(1, 0.1);
            pace.verified(1 + i % 2, 0.1, i % 2 == 0 ? 1 : 1.1);
            boolean sure = i % 2 == 0;
            pace.judged(sure ? 0.99 : 0.2, sure);
        }
        pace.verified(1, 0, 1);
        assertTrue(pace.begin(1, 1) > 0);
        assertTrue(pace.worth(0.99) && pace.another());
        assertTrue(!pace.worth(0.2));
    }

    @Test
    void withoutTheClockTimesChangeNothing() {
        Pace fast = Pace.adaptive(8, 0.1, false), slow = Pace.adaptive(8, 0.1, false);
        assertEquals(simulate(fast, 500, 0.7, 0.1, 0.1).drafted(), simulate(slow, 500, 0.7, 30, 5).drafted());
    }

    @Test
    void aFixedLengthIsKept() {
        Outcome outcome = simulate(Pace.fixed(5), 100, 0, 10, 10);
        assertEquals(500, outcome.drafted());
        assertEquals(0, simulate(Pace.fixed(0), 100, 0, 10, 10).drafted());
    }

    @Test
    void lengthsOutOfRangeAreRefused() {
        assertThrows(IllegalArgumentException.class, () -> Pace.fixed(9));
        assertThrows(IllegalArgumentException.class, () -> Pace.adaptive(-1, 0.1, true));
    }
}
