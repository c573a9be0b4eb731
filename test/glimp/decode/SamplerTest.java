package glimp.decode;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Arrays;
import java.util.Random;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;

class SamplerTest {
    /** Logits of the probabilities 0.4, 0.3, 0.15, 0.1, 0.05, out of order. */
    private static final double[] P = {0.1, 0.4, 0.05, 0.3, 0.15};
    private static final float[] LOGITS = logits(P);

    private static float[] logits(double... p) {
        float[] logits = new float[p.length];
        for (int i = 0; i < p.length; i++) {
            logits[i] = (float) Math.log(p[i]) + 3;
        }
        return logits;
    }

    private static Sampling with(double temperature, int topK, double topP, double minP) {
        return new Sampling(temperature, topK, topP, minP, 1, 7);
    }

    /** What is left: id to probability. */
    private static TreeMap<Integer, Double> kept(float[] logits, Sampling how) {
        Candidates candidates = new Candidates();
        candidates.fill(logits, how);
        TreeMap<Integer, Double> kept = new TreeMap<>();
        for (int i = 0; i < candidates.count(); i++) {
            kept.put(candidates.id(i), (double) candidates.probability(i));
        }
        return kept;
    }

    private static void assertKept(TreeMap<Integer, Double> kept, double... expected) {
        for (int i = 0; i < expected.length; i++) {
            assertEquals(expected[i], kept.getOrDefault(i, 0.0), 1e-6, "token " + i);
        }
    }

    @Test
    void withoutFiltersTheDistributionIsTheModels() {
        assertKept(kept(LOGITS, with(1, 0, 1, 0)), P);
    }

    @Test
    void temperatureIsAppliedBeforeTheFilters() {
        double z = Arrays.stream(P).map(p -> p * p).sum();
        assertKept(kept(LOGITS, with(0.5, 0, 1, 0)), Arrays.stream(P).map(p -> p * p / z).toArray());
        // At temperature 0.5 the best token has 0.16 / 0.285 = 0.56: enough alone for top-p 0.5, as at temperature 1 it is not.
        assertKept(kept(LOGITS, with(0.5, 0, 0.5, 0)), 0, 1, 0, 0, 0);
        assertKept(kept(LOGITS, with(1, 0, 0.5, 0)), 0, 4 / 7.0, 0, 3 / 7.0, 0);
    }

    @Test
    void topKKeepsTheLikeliest() {
        assertKept(kept(LOGITS, with(1, 2, 1, 0)), 0, 4 / 7.0, 0, 3 / 7.0, 0);
        assertKept(kept(LOGITS, with(1, 50, 1, 0)), P);
    }

    @Test
    void topPKeepsTheTokenThatCrossesTheBorder() {
        assertKept(kept(LOGITS, with(1, 0, 0.75, 0)), 0, 0.4 / 0.85, 0, 0.3 / 0.85, 0.15 / 0.85);
    }

    @Test
    void topPCountsInWhatTopKLeft() {
        // Of 0.4, 0.3, 0.15 (sum 0.85) the first two have 0.82: enough for 0.8; in the whole vocabulary they have 0.7.
        assertKept(kept(LOGITS, with(1, 3, 0.8, 0)), 0, 4 / 7.0, 0, 3 / 7.0, 0);
    }

    @Test
    void minPIsRelativeToTheBest() {
        assertKept(kept(LOGITS, with(1, 0, 1, 0.3)), 0, 0.4 / 0.85, 0, 0.3 / 0.85, 0.15 / 0.85);
        assertKept(kept(LOGITS, with(1, 0, 0.9999, 0.3)), 0, 0.4 / 0.85, 0, 0.3 / 0.85, 0.15 / 0.85);
    }

    @Test
    void theFiltersAgreeWithSortingEverything() {
        Random random = new Random(5);
        for (int round = 0; round < 200; round++) {
            int n = 1 + random.nextInt(400);
            double[] p = random.doubles(n, 1e-6, 1).map(x -> x * x * x).toArray();
            double sum = Arrays.stream(p).sum();
            double topP = 0.05 + 0.94 * random.nextDouble();
            int topK = random.nextInt(3) == 0 ? 0 : 1 + random.nextInt(n);
            double[] sorted = Arrays.stream(p).sorted().toArray();
            int limit = topK == 0 ? n : topK;
            double all = 0;
            for (int i = 0; i < limit; i++) {
                all += sorted[n - 1 - i];
            }
            double mass = 0;
            int count = 0;
            while (count < limit && mass < topP * all) {
                mass += sorted[n - 1 - count++];
            }
            int got = kept(logits(p), with(1, topK, topP, 0)).size();
            assertTrue(Math.abs(got - count) <= 1, n + " tokens of " + sum + ": " + got + " kept, not " + count);   // rounding at the border
        }
    }

    @Test
    void greedyIsTheLikeliestWhateverTheFilters() {
        assertEquals(1, new Sampler(Sampling.GREEDY).next(LOGITS, new int[0], 0));
        assertEquals(1, new Sampler(new Sampling(0, 3, 0.1, 0.9, 1, 1)).next(LOGITS, new int[0], 0));
    }

    @Test
    void drawsFollowTheProbabilities() {
        Sampler sampler = new Sampler(with(1, 0, 1, 0));
        int[] counts = new int[P.length];
        int n = 100_000;
        for (int i = 0; i < n; i++) {
            counts[sampler.next(LOGITS, new int[0], 0)]++;
        }
        double chiSquare = 0;
        for (int i = 0; i < P.length; i++) {
            chiSquare += Math.pow(counts[i] - n * P[i], 2) / (n * P[i]);
        }
        assertTrue(chiSquare < 18.47, "chi-square " + chiSquare + " with 4 degrees of freedom");   // p = 0.001
    }

    @Test
    void theSameSeedDrawsTheSameTokens() {
        int[][] draws = new int[3][];
        long[] seeds = {7, 7, 8};
        for (int i = 0; i < 3; i++) {
            Sampler sampler = new Sampler(new Sampling(1, 0, 0.95, 0, 1, seeds[i]));
            int[] drawn = new int[100];
            Arrays.setAll(drawn, k -> sampler.next(LOGITS, new int[0], 0));
            draws[i] = drawn;
        }
        assertArrayEquals(draws[0], draws[1]);
        assertTrue(!Arrays.equals(draws[0], draws[2]));
    }

    @Test
    void theRepeatPenaltyCountsOnceForEachOfTheLast64Tokens() {
        float[] logits = {2, 1.5f, -1};
        Sampler sampler = new Sampler(new Sampling(0, 0, 1, 0, 2, 0));
        assertEquals(0, sampler.next(logits, new int[] {1}, 1));
        assertEquals(1, sampler.next(logits, new int[] {0, 0, 0}, 3));
        int[] longAgo = new int[65];
        Arrays.fill(longAgo, 1, 65, 2);
        assertEquals(0, sampler.next(logits, longAgo, 65));
        assertEquals(0, sampler.next(logits, new int[] {0}, 0));
        float[] negative = {-1, -1.5f};
        assertEquals(1, sampler.next(negative, new int[] {0}, 1));
    }

    @Test
    void settingsOutOfRangeAreRefused() {
        assertThrows(IllegalArgumentException.class, () -> with(-1, 0, 1, 0));
        assertThrows(IllegalArgumentException.class, () -> with(1, -1, 1, 0));
        assertThrows(IllegalArgumentException.class, () -> with(1, 0, 0, 0));
        assertThrows(IllegalArgumentException.class, () -> with(1, 0, 1.1, 0));
        assertThrows(IllegalArgumentException.class, () -> with(Double.NaN, 0, 1, 0));
    }
}
