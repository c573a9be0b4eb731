package glimp.decode;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Random;
import org.junit.jupiter.api.Test;

/** The length of drafts against simulated models, whose times and acceptance are known. */
class PaceTest {
    private static final double CONFIDENCE = 0.85;

    /** What rounds of a simulated pair gave and cost. */
    private record Outcome(int tokens, double ms, int drafted) {
        double msPerToken() {
            return ms / tokens;
        }
    }

    /**
     * @param acceptance of a drafted token @param draftMs of the drafting model's pass
     * @param further what each token but the first adds to the verifying model's pass, which takes 1 ms
     */
    private static Outcome simulate(Pace pace, int rounds, double acceptance, double draftMs, double further) {
        Random random = new Random(1);
        int tokens = 0, drafted = 0;
        double ms = 0;
        for (int i = 0; i < rounds; i++) {
            int most = pace.begin(1), n = 0;
            boolean more = most > 0;
            while (more) {
                pace.drafted(draftMs);
                ms += draftMs;
                more = pace.worth(CONFIDENCE) && ++n < most && pace.another();
            }
            double pass = 1 + further * n;
            pace.verified(1 + n, pass);
            ms += pass;
            drafted += n;
            tokens++;
            for (int k = 0; k < n; k++) {
                boolean right = random.nextDouble() < acceptance;
                pace.judged(CONFIDENCE, right);
                if (!right) {
                    break;
                }
                tokens++;
            }
        }
        return new Outcome(tokens, ms, drafted);
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

    @Test
    void itIsNearTheBestFixedLengthWhateverThePair() {
        for (double acceptance : new double[] {0.05, 0.3, 0.6, 0.8, 0.95, 1}) {
            for (double draftMs : new double[] {0.02, 0.15, 0.5}) {
                for (double further : new double[] {0, 0.05, 0.2, 0.6}) {
                    double best = 1;
                    for (int n = 1; n <= 7; n++) {
                        best = Math.min(best, simulate(Pace.fixed(n), 4000, acceptance, draftMs, further).msPerToken());
                    }
                    Pace pace = adaptive();
                    simulate(pace, 300, acceptance, draftMs, further);
                    double own = simulate(pace, 4000, acceptance, draftMs, further).msPerToken();
                    assertTrue(own < 1.06 * best, "acceptance " + acceptance + ", draft " + draftMs + ", further " + further + ": " + own + " ms a token, best " + best);
                }
            }
        }
    }

    @Test
    void theSlowFirstPassesAreForgotten() {
        Pace pace = adaptive();
        pace.verified(1, 0.5);
        for (int i = 0; i < 40; i++) {
            pace.drafted(20);   // not compiled yet
            pace.verified(1 + i % 8, 5);
        }
        simulate(pace, 1000, 0.95, 0.1, 0.1);
        assertTrue(simulate(pace, 200, 0.95, 0.1, 0.1).msPerToken() < 0.5);
    }

    @Test
    void aDraftIsCutShortWhereTheDraftingModelIsUnsure() {
        Pace pace = adaptive();
        for (int i = 0; i < 400; i++) {
            pace.begin(1);
            pace.drafted(0.1);
            pace.verified(1 + i % 2, i % 2 == 0 ? 1 : 1.1);
            boolean sure = i % 2 == 0;
            pace.judged(sure ? 0.99 : 0.2, sure);
        }
        pace.verified(1, 1);
        assertTrue(pace.begin(1) > 0);
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
