package glimp.model;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import glimp.model.KvCache.Type;
import glimp.tensor.Products;
import glimp.tensor.Team;
import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;

/** Attention, and the cache below it, against plain loops in double. */
class AttentionTest {
    /** Query heads, key heads, head width. */
    private static final int[][] SHAPES = {{1, 1, 1}, {3, 1, 20}, {4, 2, 48}, {5, 1, 80}, {7, 1, 96}, {8, 2, 64}, {2, 2, 128}, {12, 2, 32}, {9, 1, 8}};
    /** Tokens before the batch, and in it. */
    private static final int[][] LENGTHS = {{0, 1}, {15, 1}, {16, 1}, {63, 1}, {64, 1}, {700, 1}, {0, 8}, {60, 7}, {509, 3},
        {0, 9}, {0, 70}, {58, 13}, {255, 130}, {600, 33}};
    private static final int LAYERS = 2;
    private static final Team TEAM = new Team(3);

    @AfterAll
    static void closeTeam() {
        TEAM.close();
    }

    @Test
    void agreesWithPlainLoops() {
        double worst = 0;
        for (int[] shape : SHAPES) {
            for (int[] length : LENGTHS) {
                for (Type keys : Type.values()) {
                    for (Type values : Type.values()) {
                        worst = Math.max(worst, new Case(shape, length[0], length[1], keys, values).difference());
                    }
                }
            }
        }
        System.out.printf("attention off by at most %.2g%n", worst);
        assertTrue(worst < 3e-6, "off by " + worst);
    }

    @Test
    void aTokenOfASmallBatchGetsTheBitsThatItGetsAlone() {
        for (int[] shape : SHAPES) {
            for (Type type : Type.values()) {
                for (int tokens = 2; tokens <= Products.SMALL; tokens++) {
                    Case c = new Case(shape, 61, tokens, type, type);
                    float[] together = c.run(c.before, tokens);
                    for (int t = 0; t < tokens; t++) {
                        int width = together.length / tokens;
                        assertArrayEquals(Arrays.copyOfRange(together, t * width, (t + 1) * width), c.run(c.before + t, 1));
                    }
                }
            }
        }
    }

    @Test
    void takesHalvesOfAnySize() {
        for (float size : new float[] {0, 0x1p-24f, 3e-8f, 6e-5f, 1e-3f, 60000}) {
            for (int tokens : new int[] {1, 9}) {
                Case c = new Case(new int[] {4, 2, 32}, 33, tokens, Type.F16, Type.F16);
                c.fill(size);
                double difference = c.difference();
                assertTrue(difference <= 3e-6 * size, size + ": off by " + difference);
            }
        }
    }

    /** Some tokens in a cache, and queries for the last of them. */
    private static final class Case {
        final Config config;
        final int heads;
        final int kvHeads;
        final int width;
        final int before;
        final int tokens;
        final KvCache cache;
        final Type keyType;
        final Type valueType;
        /** {@code float[before + tokens][kvHeads][width]}. */
        final float[] keys;
        final float[] values;
        /** {@code float[before + tokens][heads][width]}. */
        final float[] queries;

        Case(int[] shape, int before, int tokens, Type keyType, Type valueType) {
            this.heads = shape[0];
            this.kvHeads = shape[1];
            this.width = shape[2];
            this.before = before;
            this.tokens = tokens;
            this.keyType = keyType;
            this.valueType = valueType;
            this.config = new Config("test", LAYERS, heads * width, 1, heads, kvHeads, width, 1, 4096, 0, 0, 0, RopeConfig.plain(false, 2, 10000));
            this.cache = new KvCache(config, 4096, keyType, valueType);
            int all = before + tokens;
            Random random = new Random(heads * 31L + width * 7L + all);
            this.keys = random(random, all * kvHeads * width);
            this.values = random(random, all * kvHeads * width);
            this.queries = random(random, all * heads * width);
            write();
        }

        /** The same magnitude everywhere; the signs stay. */
        void fill(float size) {
            for (int i = 0; i < values.length; i++) {
                values[i] = Math.copySign(size, values[i]);
            }
            write();
        }

        /** Into the last layer; the first holds something else. Room is made as tokens come. */
        private void write() {
            float[] other = new float[kvHeads * width];
            Arrays.fill(other, 99);
            for (int t = 0; t < before + tokens; t++) {
                cache.reserve(t + 1);
                for (int h = 0; h < kvHeads; h++) {
                    cache.put(0, h, t, other, other, h * width);
                    cache.put(LAYERS - 1, h, t, keys, values, (t * kvHeads + h) * width);
                }
                cache.appended(t + 1);
            }
        }

        float[] run(int position, int count) {
            int row = heads * width;
            float[] out = new float[count * row];
            float[] q = Arrays.copyOfRange(queries, position * row, (position + count) * row);
            new Attention(config, TEAM).run(cache, LAYERS - 1, position, count, q, out);
            return out;
        }

        double difference() {
            float[] out = run(before, tokens);
            float[] storedKeys = stored(keyType, keys, Math.min(32, Integer.lowestOneBit(width)));
            float[] storedValues = stored(valueType, values, 16);
            double worst = 0;
            for (int t = 0; t < tokens; t++) {
                for (int h = 0; h < heads; h++) {
                    double[] expected = expected(before + t, h, storedKeys, storedValues);
                    for (int i = 0; i < width; i++) {
                        worst = Math.max(worst, Math.abs(expected[i] - out[(t * heads + h) * width + i]));
                    }
                }
            }
            return worst;
        }

        private double[] expected(int position, int head, float[] storedKeys, float[] storedValues) {
            int kvHead = head / (heads / kvHeads);
            double[] out = new double[width];
            double sum = 0;
            for (int t = 0; t <= position; t++) {
                double score = 0;
                for (int i = 0; i < width; i++) {
                    score += (double) queries[(position * heads + head) * width + i] * storedKeys[(t * kvHeads + kvHead) * width + i];
                }
                double weight = Math.exp(score / Math.sqrt(width));
                sum += weight;
                for (int i = 0; i < width; i++) {
                    out[i] += weight * storedValues[(t * kvHeads + kvHead) * width + i];
                }
            }
            for (int i = 0; i < width; i++) {
                out[i] /= sum;
            }
            return out;
        }

        /** What the cache can hold of the numbers, in stretches that share a scale where the type has scales. */
        private float[] stored(Type type, float[] exact, int stretch) {
            float[] stored = exact.clone();
            for (int head = 0; head < exact.length; head += width) {
                for (int from = head; from < head + width; from += stretch) {
                    int to = Math.min(from + stretch, head + width);
                    float max = 0;
                    for (int i = from; i < to; i++) {
                        max = Math.max(max, Math.abs(exact[i]));
                    }
                    for (int i = from; i < to; i++) {
                        stored[i] = switch (type) {
                            case F32 -> exact[i];
                            case F16 -> Float.float16ToFloat(Float.floatToFloat16(exact[i]));
                            case Q8_0 -> max == 0 ? 0 : Math.round(exact[i] * (127 / max)) * (max / 127);
                        };
                    }
                }
            }
            return stored;
        }

        private static float[] random(Random random, int n) {
            float[] x = new float[n];
            for (int i = 0; i < n; i++) {
                x[i] = (float) random.nextGaussian();
            }
            return x;
        }
    }
}
