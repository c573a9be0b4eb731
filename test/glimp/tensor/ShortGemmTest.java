package glimp.tensor;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import glimp.gguf.GgmlType;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.function.IntUnaryOperator;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** The integers of large batches of weights of four to six bits, against plain loops. */
class ShortGemmTest {
    private static final int ROWS = ShortGemm.ROWS, PANEL = ShortGemm.PANEL, BLOCK = ShortGemm.BLOCK;
    /** What the numbers of half a block are together, at most. */
    private static final int TOGETHER = 1023;
    private final Random random = new Random(5);

    @Test
    void multipliesAnyNumberOfBlocksInOneVectorOfTokensAndInTwo() {
        for (int lanes : new int[] {PANEL / 2, PANEL}) {
            for (int blocks : new int[] {1, 2, 7, 8, 9, 16, 31, 32}) {
                assertTile(lanes, blocks, 1, i -> random.nextInt(33) - 16, i -> random.nextInt(127) - 63);
                assertTile(lanes, blocks, 2, i -> random.nextInt(65) - 32, i -> random.nextInt(127) - 63);
            }
        }
    }

    /** Weights as far from zero as there are, and numbers as large as they are together, all alike or few; signs alike or in turns. */
    @Test
    void sumsOfTheLargestWeightsAndNumbersDoNotOverflow() {
        for (int sign : new int[] {-1, 1}) {
            for (int change : new int[] {1, 2, 16, 32, 1 << 20}) {
                IntUnaryOperator turn = i -> i / change % 2 == 0 ? sign : -sign;
                for (IntUnaryOperator size : List.<IntUnaryOperator>of(i -> i % 16 == 5 ? TOGETHER - 15 * 63 : 63, i -> i % 16 < 8 ? 127 : 0)) {
                    assertTile(PANEL, 9, 1, i -> sign * 16, i -> turn.applyAsInt(i) * size.applyAsInt(i));
                    assertTile(PANEL / 2, 9, 1, i -> turn.applyAsInt(i) * 16, i -> turn.applyAsInt(i) * size.applyAsInt(i));
                    assertTile(PANEL, 9, 2, i -> sign * 32, i -> turn.applyAsInt(i) * size.applyAsInt(i));
                    assertTile(PANEL / 2, 9, 2, i -> turn.applyAsInt(i) * 32, i -> turn.applyAsInt(i) * size.applyAsInt(i));
                }
            }
        }
    }

    /** Where what comes before, behind and beside a tile is, stands something else. */
    private void assertTile(int lanes, int blocks, int parts, IntUnaryOperator weight, IntUnaryOperator number) {
        int depth = blocks * BLOCK, margin = 5, part = BLOCK / parts;
        int[] q = new int[ROWS * depth], n = new int[depth * lanes];
        Arrays.setAll(q, i -> weight.applyAsInt(i % depth));
        Arrays.setAll(n, i -> number.applyAsInt(i / lanes));
        int[] w = randomInts(margin + ROWS / 2 * ShortGemm.STRIDE), x = randomInts(margin + depth * lanes);
        for (int r = 0; r < ROWS; r += 2) {
            for (int k = 0; k < depth; k++) {
                w[margin + r / 2 * ShortGemm.STRIDE + k] = q[r * depth + k] & 0xFFFF | q[(r + 1) * depth + k] << 16;
            }
        }
        for (int i = 0; i < n.length; i++) {
            x[margin + i] = twice(n[i]);
        }
        float[] d = randoms(margin + ROWS * ShortGemm.SCALES), dx = randoms(margin + blocks * lanes);
        float[] c = randoms(margin + ROWS * PANEL), before = c.clone();
        ShortGemm.tile(w, margin, d, margin, x, margin, dx, margin, lanes, blocks, parts, c, margin, new int[ShortGemm.SCRATCH]);
        for (int i = 0; i < c.length; i++) {
            int r = (i - margin) / PANEL, lane = (i - margin) % PANEL;
            double expected = before[i], size = Math.abs(expected);
            for (int k = 0; i >= margin && lane < lanes && k < depth; k++) {
                double scales = 0x1p16 * d[margin + r * ShortGemm.SCALES + k / part] * dx[margin + k / BLOCK * lanes + lane];
                expected += scales * q[r * depth + k] * n[k * lanes + lane];
                size += Math.abs(scales * q[r * depth + k] * n[k * lanes + lane]);
            }
            assertEquals(expected, c[i], 1e-6 * size, lanes + " lanes, " + blocks + " blocks of " + parts + ": row " + r + ", lane " + lane);
        }
    }

    @Test
    void givesEveryTokenOfABatchItsNumbersScalesAndSums() {
        for (int tokens : new int[] {1, 9, PANEL / 2, PANEL / 2 + 1, PANEL - 1, PANEL, 2 * PANEL + 3}) {
            int width = 5 * BLOCK;
            Activations x = Blocks.activations(tokens, width, tokens);
            Arrays.fill(x.values, BLOCK, 2 * BLOCK, 0);
            Arrays.fill(x.values, 2 * BLOCK, 2 * BLOCK + 16, 0.1f);
            Arrays.fill(x.values, (tokens - 1) * width, (tokens - 1) * width + BLOCK, -3);
            ShortPanels panels = x.shorts();
            for (int workers = 1; workers <= 3; workers++) {
                panels.ready = false;
                try (Team team = new Team(workers)) {
                    panels.pack(team);
                }
                for (int panel = 0; panel < panels.count(); panel++) {
                    for (int lane = 0; lane < panels.lanes(panel); lane++) {
                        for (int b = 0; b < width / BLOCK; b++) {
                            assertBlock(x, panel, lane, b);
                        }
                    }
                }
            }
        }
    }

    private static void assertBlock(Activations x, int panel, int lane, int block) {
        ShortPanels panels = x.shorts();
        int t = panel * PANEL + lane, lanes = panels.lanes(panel);
        float unit = panels.scales[panels.scale(panel, block) + lane] * 0x1p16f;
        int sum = 0;
        int[] together = new int[2];
        double largest = 0;
        double[] sizes = new double[2];
        for (int k = 0; k < BLOCK; k++) {
            int both = panels.packed[panels.start(panel, block) + k * lanes + lane], n = (short) both;
            String where = "token " + t + " of " + x.tokens + ", block " + block + ", number " + k;
            assertEquals(twice(n), both, where);
            assertTrue(Math.abs(n) <= 127, where + " is " + n);
            float value = t < x.tokens ? x.values[t * x.width + block * BLOCK + k] : 0;
            assertEquals(value, n * unit, 0.5001 * unit, where);
            sum += n;
            together[k / 16] += Math.abs(n);
            largest = Math.max(largest, Math.abs(value));
            sizes[k / 16] += Math.abs(value);
        }
        for (int half = 0; half < 2; half++) {
            assertTrue(together[half] <= TOGETHER, "together " + together[half]);
            largest = Math.max(largest, sizes[half] * 127 / (TOGETHER - 8));
        }
        assertEquals(Math.max(largest / 127, 1e-32), unit, 1e-6 * unit + 1e-31, "as fine as may be");
        assertEquals(sum * unit, panels.sums[panels.scale(panel, block) + lane], 1e-6 * Math.abs(sum * unit));
    }

    /** Every weight the lowest or the highest, and activations that are exact, as large as they come together: so is the sum. */
    @ParameterizedTest
    @EnumSource(names = {"Q4_0", "Q4_1", "Q4_K", "Q5_0", "Q5_1", "Q5_K", "Q6_K"})
    void batchesOfTheLargestWeightsAndActivationsAreExact(GgmlType type) {
        int cols = 2304, rows = 14, tokens = 19;
        for (int fill : new int[] {0, 0xFF}) {
            MemorySegment data = Arena.ofAuto().allocate(rows * type.bytesFor(cols), 1);
            data.fill((byte) fill);
            for (long at = 0; at < data.byteSize(); at += type.bytes) {
                for (long half : halves(type)) {
                    data.set(ValueLayout.JAVA_SHORT_UNALIGNED, at + half, Float.floatToFloat16(half == 2 ? -3 : 1));
                }
            }
            Matrix m = Formats.matrix(type, data, rows, cols);
            float[] w = new float[cols];
            m.decode(0, 0, cols, w, 0);
            Activations x = new Activations(tokens, cols);
            x.tokens = tokens;
            for (int i = 0; i < x.values.length; i++) {
                x.values[i] = i % 16 < 7 ? -127 : i % 16 == 7 ? -126 : 0;
            }
            double expected = 0, size = 0;
            for (int k = 0; k < cols; k++) {
                expected += (double) w[k] * x.values[k];
                size += Math.abs(w[k] * x.values[k]);
            }
            float[] y = new float[tokens * rows];
            try (Team team = new Team(2)) {
                new Products(team).run(new Products.Product(m, x, y, false));
            }
            for (int i = 0; i < y.length; i++) {
                assertEquals(expected, y[i], 1e-6 * size, type + ", bytes " + fill + ", result " + i);
            }
        }
    }

    /** Where a block's half floats are. */
    private static long[] halves(GgmlType type) {
        return switch (type) {
            case Q4_0, Q5_0 -> new long[] {0};
            case Q6_K -> new long[] {208};
            default -> new long[] {0, 2};
        };
    }

    /** Closer than any integers: 1e-6 of the sum of the terms' sizes. */
    @ParameterizedTest
    @EnumSource(names = {"Q4_0", "Q4_1", "Q4_K", "Q5_0", "Q5_1", "Q5_K", "Q6_K"})
    void batchesMultiplyFloatsWhenAsked(GgmlType type) {
        int rows = 13, cols = 768;
        Matrix m = Blocks.ORDINARY.matrix(type, rows, cols, 4);
        float[] w = new float[cols];
        try (Team team = new Team(2)) {
            for (int tokens : new int[] {9, 40}) {
                Activations x = Blocks.activations(tokens, cols, 5);
                float[] y = new float[tokens * rows];
                new Products(team, true).run(new Products.Product(m, x, y, false));
                for (int i = 0; i < y.length; i++) {
                    m.decode(i % rows, 0, cols, w, 0);
                    double sum = 0, size = 0;
                    for (int k = 0; k < cols; k++) {
                        double term = (double) w[k] * x.values[i / rows * cols + k];
                        sum += term;
                        size += Math.abs(term);
                    }
                    assertEquals(sum, y[i], 1e-6 * size, type + ", " + tokens + " tokens, result " + i);
                }
            }
        }
    }

    private static int twice(int n) {
        return n & 0xFFFF | n << 16;
    }

    private int[] randomInts(int n) {
        return random.ints(n).toArray();
    }

    private float[] randoms(int n) {
        float[] x = new float[n];
        for (int i = 0; i < n; i++) {
            x[i] = (float) random.nextGaussian();
        }
        return x;
    }
}
