package glimp.model;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import glimp.model.RopeConfig.Scaling;
import java.util.Random;
import org.junit.jupiter.api.Test;

class RopeTest {
    private static final int[] POSITIONS = {0, 1, 7, 1000, 40_000};

    @Test
    void turnsPairsByTheirSpeedTimesThePosition() {
        for (boolean interleaved : new boolean[] {false, true}) {
            for (int width : new int[] {2, 20, 32, 48, 80, 96, 128}) {
                for (int dimensions : new int[] {width, width / 4 * 2, 2}) {
                    if (dimensions > 0) {
                        double[] speeds = speeds(dimensions, 10000);
                        check(RopeConfig.plain(interleaved, dimensions, 10000), null, width, speeds, 1);
                    }
                }
            }
        }
    }

    @Test
    void aPositionOnlyCountsRelativeToAnother() {
        Rope rope = new Rope(RopeConfig.plain(true, 64, 500_000), null);
        rope.prepare(0, 300);
        float[] query = random(64, 1), key = random(64, 2);
        assertEquals(product(rope, query, 17, key, 5), product(rope, query, 217, key, 205), 1e-4);
    }

    @Test
    void dividesSpeedsByTheFactorsOfTheModel() {
        float[] factors = {1, 1, 2, 4, 8, 8};
        double[] speeds = speeds(12, 500_000);
        for (int i = 0; i < speeds.length; i++) {
            speeds[i] /= factors[i];
        }
        check(RopeConfig.plain(true, 12, 500_000), factors, 16, speeds, 1);
    }

    @Test
    void linearScalingDividesPositions() {
        double[] speeds = speeds(32, 10000);
        for (int i = 0; i < speeds.length; i++) {
            speeds[i] /= 4;
        }
        check(new RopeConfig(false, 32, 10000, Scaling.LINEAR, 4, 0, 1, 0, 0), null, 32, speeds, 1);
    }

    /**
     * For base 10000, 128 dimensions and 4096 tokens, pair 20.9 turns 32 times and pair 45.03 once: pairs up to 20 keep
     * their speed, pairs from 46 on are slowed by the whole factor, and those between by a straight ramp.
     */
    @Test
    void yarnSlowsOnlyTheSlowPairs() {
        double[] speeds = speeds(128, 10000);
        for (int i = 0; i < speeds.length; i++) {
            double kept = i <= 20 ? 1 : i >= 46 ? 0 : (46 - i) / 26.0;
            speeds[i] *= kept + (1 - kept) / 8;
        }
        double magnitude = 1.2079;
        check(new RopeConfig(false, 128, 10000, Scaling.YARN, 8, 4096, magnitude, 32, 1), null, 128, speeds, magnitude);
    }

    private static double[] speeds(int dimensions, double base) {
        double[] speeds = new double[dimensions / 2];
        for (int i = 0; i < speeds.length; i++) {
            speeds[i] = 1 / Math.pow(base, 2.0 * i / dimensions);
        }
        return speeds;
    }

    private static void check(RopeConfig config, float[] factors, int width, double[] speeds, double magnitude) {
        Rope rope = new Rope(config, factors);
        int half = config.dimensions() / 2;
        for (int position : POSITIONS) {
            rope.prepare(position, position + 1);
            float[] in = random(3 + width, position), out = in.clone();
            rope.rotate(out, 3, position);
            double[] expected = new double[in.length];
            for (int i = 0; i < in.length; i++) {
                expected[i] = in[i];
            }
            for (int i = 0; i < half; i++) {
                int a = 3 + (config.interleaved() ? 2 * i : i), b = 3 + (config.interleaved() ? 2 * i + 1 : i + half);
                double cos = Math.cos(position * speeds[i]), sin = Math.sin(position * speeds[i]);
                expected[a] = magnitude * (in[a] * cos - in[b] * sin);
                expected[b] = magnitude * (in[a] * sin + in[b] * cos);
            }
            for (int i = 0; i < in.length; i++) {
                double expectedHere = expected[i];
                assertTrue(Math.abs(out[i] - expectedHere) < 2e-6, config + ", position " + position + ", feature " + (i - 3)
                        + ": " + out[i] + " instead of " + expectedHere);
            }
        }
    }

    private static double product(Rope rope, float[] query, int queryAt, float[] key, int keyAt) {
        float[] q = query.clone(), k = key.clone();
        rope.rotate(q, 0, queryAt);
        rope.rotate(k, 0, keyAt);
        double sum = 0;
        for (int i = 0; i < q.length; i++) {
            sum += q[i] * k[i];
        }
        return sum;
    }

    private static float[] random(int n, long seed) {
        Random random = new Random(seed);
        float[] x = new float[n];
        for (int i = 0; i < n; i++) {
            x[i] = random.nextFloat(-1, 1);
        }
        return x;
    }
}
