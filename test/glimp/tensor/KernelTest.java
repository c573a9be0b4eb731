package glimp.tensor;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import glimp.gguf.GgmlType;
import java.io.IOException;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * What must hold for every format, against plain loops in double over its decoded values; a format that gets a kernel is
 * tested here without a further line.
 *
 * <p>How far a product may be off: the rounding of the sums, and for formats that multiply integers half a step of the
 * coarsest activations (255 steps of the largest one) in each term.
 */
class KernelTest {
    private static final List<GgmlType> FLOAT_ACTIVATIONS = List.of(GgmlType.F32, GgmlType.F16, GgmlType.BF16, GgmlType.Q8_0);
    private static final int[] ROWS = {1, 2, 3, 7, 13, 48, 61, 97};

    static List<GgmlType> formats() {
        return Blocks.formats();
    }

    @ParameterizedTest
    @MethodSource("formats")
    void decodesTheGoldenBlocksExactly(GgmlType type) throws IOException {
        Golden golden = Golden.of(type);
        Matrix m = golden.matrix();
        float[] out = new float[m.cols];
        for (int row = 0; row < m.rows; row++) {
            m.decode(row, 0, m.cols, out, 0);
            for (int i = 0; i < m.cols; i++) {
                assertEquals(golden.values()[row * m.cols + i], out[i], "row " + row + " column " + i);
            }
        }
    }

    /** The large product decodes columns in pieces; what stands beside a piece must stay as it was. */
    @ParameterizedTest
    @MethodSource("formats")
    void decodesAPieceOfARowAsTheWholeRow(GgmlType type) {
        for (Blocks blocks : Blocks.values()) {
            int cols = 9 * type.block + (type.block == 1 ? 58 : 0);
            Matrix m = blocks.matrix(type, 3, cols, 1);
            float[] whole = new float[cols];
            m.decode(2, 0, cols, whole, 0);
            for (int from = 0; from < cols; from += type.block) {
                for (int to = from + type.block; to <= cols; to += 3 * type.block) {
                    float[] piece = new float[to - from + 10];
                    m.decode(2, from, to, piece, 5);
                    for (int i = 0; i < piece.length; i++) {
                        assertEquals(i < 5 || i >= to - from + 5 ? 0 : whole[from + i - 5], piece[i], from + " to " + to + " at " + i);
                    }
                }
            }
        }
    }

    @ParameterizedTest
    @MethodSource("formats")
    void multipliesOneTokenLikeAPlainLoop(GgmlType type) {
        try (Team team = new Team(1)) {
            Products products = new Products(team);
            for (Blocks blocks : Blocks.values()) {
                for (int cols : columns(type)) {
                    for (int rows : ROWS) {
                        Matrix m = blocks.matrix(type, rows, cols, 7L * rows + cols);
                        check(products, m, Blocks.activations(1, cols, cols), false, blocks + " " + rows + " x " + cols);
                    }
                }
            }
        }
    }

    @ParameterizedTest
    @MethodSource("formats")
    void aTokenHasTheSameBitsAloneAndInASmallBatch(GgmlType type) {
        for (int workers = 1; workers <= 3; workers++) {
            try (Team team = new Team(workers)) {
                Products products = new Products(team);
                for (int cols : columns(type)) {
                    for (int rows : new int[] {5, 64, 203}) {
                        sameBits(products, Blocks.ORDINARY.matrix(type, rows, cols, cols), workers);
                    }
                }
                sameBits(products, Blocks.EXTREME.matrix(type, 331, 4 * 256, 5), workers);
            }
        }
    }

    /** Alone as one worker computes it from the first row to the last. */
    private static void sameBits(Products products, Matrix m, int workers) {
        Activations all = Blocks.activations(m.most(), m.cols, 3);
        float[][] alone = new float[all.tokens][m.rows];
        for (int t = 0; t < all.tokens; t++) {
            Activations one = new Activations(1, m.cols);
            one.tokens = 1;
            System.arraycopy(all.values, t * m.cols, one.values, 0, m.cols);
            m.place(one);
            m.prepare(one);
            m.dot(one, 0, m.rows, alone[t], false, new float[Matrix.scratch(m.cols)]);
        }
        for (int tokens = 1; tokens <= m.most(); tokens += tokens < Products.SMALL ? 1 : 5) {
            all.tokens = tokens;
            float[] y = new float[tokens * m.rows];
            products.run(new Products.Product(m, all, y, false));
            for (int t = 0; t < tokens; t++) {
                for (int r = 0; r < m.rows; r++) {
                    String where = workers + " workers, " + m.rows + " x " + m.cols + ", token " + t + " of " + tokens + ", row " + r;
                    assertEquals(Float.floatToRawIntBits(alone[t][r]), Float.floatToRawIntBits(y[t * m.rows + r]), where);
                }
            }
        }
    }

    @ParameterizedTest
    @MethodSource("formats")
    void multipliesBatchesLikeAPlainLoop(GgmlType type) {
        for (int workers = 1; workers <= 3; workers++) {
            try (Team team = new Team(workers)) {
                Products products = new Products(team);
                int i = workers;
                for (int tokens : new int[] {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 16, 31, 48, 49, 64, 65, 130}) {
                    int[] columns = columns(type);
                    int cols = columns[i++ % columns.length];
                    int rows = ROWS[i % ROWS.length];
                    Activations x = Blocks.activations(tokens, cols, tokens);
                    for (boolean add : new boolean[] {false, true}) {
                        check(products, Blocks.ORDINARY.matrix(type, rows, cols, i), x, add, tokens + " tokens, " + rows + " x " + cols);
                        check(products, Blocks.EXTREME.matrix(type, rows, cols, i), x, add, tokens + " tokens, " + rows + " x " + cols);
                    }
                }
            }
        }
    }

    @ParameterizedTest
    @MethodSource("formats")
    void multipliesSeveralMatricesOfDifferentFormatsInOneRegion(GgmlType type) {
        int cols = 3 * 256;
        try (Team team = new Team(2)) {
            Products products = new Products(team);
            for (int tokens : new int[] {1, 5, 20, 70}) {
                Activations x = Blocks.activations(tokens, cols, 1);
                Matrix[] matrices = {Blocks.ORDINARY.matrix(type, 101, cols, 1), Blocks.ORDINARY.matrix(GgmlType.F32, 50, cols, 2),
                        Blocks.ORDINARY.matrix(type, 7, cols, 3)};
                float[][] y = new float[3][];
                Products.Product[] work = new Products.Product[3];
                for (int i = 0; i < 3; i++) {
                    y[i] = new float[tokens * matrices[i].rows];
                    work[i] = new Products.Product(matrices[i], x, y[i], false);
                }
                products.run(work);
                for (int i = 0; i < 3; i++) {
                    assertClose(matrices[i], x, new float[y[i].length], y[i], "matrix " + i + ", " + tokens + " tokens");
                }
            }
        }
    }

    /**
     * A kernel may quantise the activations, but must not lose more than llama.cpp, which gives them 8 bits, one scale for 32
     * of them, or for 256 with the formats of such blocks.
     */
    @ParameterizedTest
    @MethodSource("formats")
    void losesNoMoreThanEightBitActivationsWould(GgmlType type) {
        int cols = 3072;
        Matrix m = Blocks.ORDINARY.matrix(type, 1024, cols, 1);
        Errors alone = errors(m, Blocks.activations(1, cols, 2));
        System.out.printf("%-6s relative RMS error %.1e, with activations of 8 bits %.1e%n", type, alone.ours, alone.eightBits);
        assertTrue(alone.ours <= alone.eightBits, "error " + alone.ours + ", more than " + alone.eightBits);
    }

    /** Where a large batch has just these 8 bits, its error is the same but for the rounding of scales. */
    @ParameterizedTest
    @MethodSource("formats")
    void losesNoMoreThanEightBitActivationsWouldInALargeBatch(GgmlType type) {
        int cols = 3072;
        Errors batch = errors(Blocks.ORDINARY.matrix(type, 256, cols, 1), Blocks.activations(33, cols, 2));
        System.out.printf("%-6s relative RMS error of 33 tokens %.2e, with activations of 8 bits %.2e%n", type, batch.ours, batch.eightBits);
        assertTrue(batch.ours <= 1.001 * batch.eightBits, "error " + batch.ours + ", more than " + batch.eightBits);
    }

    private record Errors(double ours, double eightBits) {}

    private static Errors errors(Matrix m, Activations x) {
        float[] y = new float[x.tokens * m.rows];
        try (Team team = new Team(1)) {
            new Products(team).run(new Products.Product(m, x, y, false));
        }
        float[] rounded = eightBits(x.values, Math.max(32, m.type.block));
        float[] w = new float[m.cols];
        double size = 0, ours = 0, theirs = 0;
        for (int i = 0; i < y.length; i++) {
            int t = i % x.tokens, r = i / x.tokens;
            if (t == 0) {
                m.decode(r, 0, m.cols, w, 0);
            }
            double exact = 0, other = 0;
            for (int k = 0; k < m.cols; k++) {
                exact += (double) w[k] * x.values[t * m.cols + k];
                other += (double) w[k] * rounded[t * m.cols + k];
            }
            double off = y[t * m.rows + r] - exact;
            size += exact * exact;
            ours += off * off;
            theirs += (other - exact) * (other - exact);
        }
        return new Errors(Math.sqrt(ours / size), Math.sqrt(theirs / size));
    }

    private static float[] eightBits(float[] x, int block) {
        float[] rounded = new float[x.length];
        for (int from = 0; from < x.length; from += block) {
            float largest = 0;
            for (int i = from; i < from + block; i++) {
                largest = Math.max(largest, Math.abs(x[i]));
            }
            for (int i = from; i < from + block; i++) {
                rounded[i] = Math.round(x[i] * 127 / largest) * largest / 127;
            }
        }
        return rounded;
    }

    /** Few and many blocks, odd numbers of them, and for formats without blocks numbers that fill no vector. */
    private static int[] columns(GgmlType type) {
        return switch (type.block) {
            case 1 -> new int[] {1, 7, 31, 64, 100, 129, 257, 1031, 2100};
            case 32 -> new int[] {32, 64, 96, 128, 160, 416, 544, 1056, 1184, 2272};
            default -> new int[] {256, 512, 768, 1280, 2304};
        };
    }

    private static void check(Products products, Matrix m, Activations x, boolean add, String what) {
        Random random = new Random(9);
        float[] before = new float[x.tokens * m.rows];
        for (int i = 0; i < before.length; i++) {
            before[i] = add ? random.nextFloat() : Float.NaN;
        }
        float[] y = before.clone();
        products.run(new Products.Product(m, x, y, add));
        assertClose(m, x, add ? before : new float[before.length], y, what);
    }

    private static void assertClose(Matrix m, Activations x, float[] before, float[] y, String what) {
        GgmlType type = m.type;
        float[] w = new float[m.cols];
        for (int r = 0; r < m.rows; r++) {
            m.decode(r, 0, m.cols, w, 0);
            for (int t = 0; t < x.tokens; t++) {
                double sum = before[t * m.rows + r], size = Math.abs(sum), weights = 0, largest = 0;
                for (int i = 0; i < m.cols; i++) {
                    double value = x.values[t * m.cols + i];
                    sum += w[i] * value;
                    size += Math.abs(w[i] * value);
                    weights += Math.abs(w[i]);
                    largest = Math.max(largest, Math.abs(value));
                }
                double allowed = 1e-5 * size + (FLOAT_ACTIVATIONS.contains(type) ? 0 : weights * largest / 510);
                double off = Math.abs(sum - y[t * m.rows + r]);
                String where = type + " " + what + ": token " + t + ", row " + r + " is " + y[t * m.rows + r] + ", expected " + sum;
                assertTrue(off <= allowed, where);
            }
        }
    }
}
