package glimp.tensor;

import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.ToIntFunction;
import java.util.stream.IntStream;

/**
 * Matrix products of a forward pass, shared among a team: {@code y[t][row] (+)= W[row] . x[t]}.
 *
 * <p>Four ways. Up to {@value #SMALL} tokens, every worker streams its share of the rows from memory and multiplies each
 * with all tokens, {@link Matrix#dot}: the time is that of reading the weights. Above, the time is that of the arithmetic: weights of four
 * to six bits are multiplied as integers, {@link ShortTile}. Of others, what a format says that it {@linkplain Matrix#most can} goes the
 * same way still, but whoever is free takes the next rows; in batches of {@linkplain #MEDIUM medium size} a few rows are decoded to floats
 * and multiplied with some tokens at a time, {@link FourRows}; in larger ones {@linkplain #TILE tiles} of rows with the whole batch, by
 * the {@link Gemm} micro-kernel.
 */
public final class Products {
    /** The largest batch that is multiplied row by row; its results do not depend on the size of the batch. */
    public static final int SMALL = 8;
    /**
     * The largest batch whose tokens are multiplied three or four at a time. (Zen 4, F16 of 1024 x 1024, one thread, GFLOP/s with
     * 9, 16, 24, 32 tokens: 68, 83, 88, 94; in tiles 36, 65, 64, 85. In a model of such matrices 32 tokens take 8 % less in tiles.)
     * In vectors of 256 bits tiles have less to fill up, and sums of four rows and tokens have too few registers.
     */
    private static final int MEDIUM = Gemm.LANES == 8 ? SMALL : 28;
    /**
     * Rows decoded together: eight micro-tiles, with {@link #DEPTH} columns 192 kB, which stay in a core's L2 beside the 256 kB
     * of a panel. (Zen 4, Q8_0, 64 and 512 tokens: 101 and 99 of 118 GFLOP/s; 96 x 256 gives 96, 192 x 256 93.)
     */
    private static final int TILE = 8 * Gemm.ROWS;
    private static final int DEPTH = 1024;
    /** Rows of the decoded tile are this far apart, since a distance of 4 kB would map them onto the same L1 sets. */
    private static final int STRIDE = DEPTH + 16;
    /** Bytes below which a region costs more than a second worker brings. */
    private static final long WORTH_SHARING = 48 << 10;

    /** One product of a batch: {@code y: float[x.tokens][matrix.rows]}, written, or added to. */
    public record Product(Matrix matrix, Activations x, float[] y, boolean add) {
        public Product {
            if (matrix.cols != x.width) {
                throw new IllegalArgumentException("a matrix of " + matrix.cols + " columns times vectors of " + x.width);
            }
        }
    }

    private final Team team;
    private final Scratch[] scratch;
    private final boolean floatActivations;
    private long bytes;
    private double operations;

    public Products(Team team) {
        this(team, false);
    }

    /** @param floatActivations multiply floats even where integers are faster: reference numbers */
    public Products(Team team, boolean floatActivations) {
        this.team = team;
        this.floatActivations = floatActivations;
        this.scratch = new Scratch[team.size()];
        for (int i = 0; i < scratch.length; i++) {
            scratch[i] = new Scratch();
        }
    }

    /** Bytes of weights that all products so far have gone through; a batch goes through them once. */
    public long bytes() {
        return bytes;
    }

    /** Floating-point operations of all products so far, two for a multiplication and its addition. */
    public double operations() {
        return operations;
    }

    /** Runs products that do not depend on each other in one region; all their batches must have the same size class. */
    public void run(Product... products) {
        for (Product p : products) {
            p.x.changed();
            bytes += p.matrix.bytes();
            operations += 2.0 * p.x.tokens * p.matrix.rows * p.matrix.cols;
        }
        if (products[0].x.tokens <= SMALL) {
            small(products);
        } else {
            large(products);
        }
    }

    private void small(Product[] products) {
        long bytes = 0;
        for (Product p : products) {
            p.matrix.place(p.x);
            if (!floatActivations) {
                p.matrix.prepare(p.x);
            }
            bytes += p.matrix.bytes();
        }
        if (bytes < WORTH_SHARING) {
            share(products, 0, 1);
        } else {
            team.run(worker -> share(products, worker, team.size()));
        }
    }

    /** A worker's rows of each product. */
    private void share(Product[] products, int worker, int workers) {
        for (Product p : products) {
            int from = (int) ((long) p.matrix.rows * worker / workers);
            int to = (int) ((long) p.matrix.rows * (worker + 1) / workers);
            dot(p, from, to, scratch[worker]);
        }
    }

    private static void dot(Product p, int from, int to, Scratch scratch) {
        p.matrix.dot(p.x, from, to, p.y, p.add, scratch.row(Matrix.scratch(p.matrix.cols)));
    }

    /** How a product of a large batch is made. */
    private enum Way { DOT, ROWS, FLOATS, SHORTS }

    private Way way(Product p) {
        if (p.x.tokens <= p.matrix.most()) {
            return Way.DOT;
        }
        if (p.matrix instanceof SmallInts && !floatActivations) {
            return Way.SHORTS;
        }
        return p.x.tokens <= MEDIUM ? Way.ROWS : Way.FLOATS;
    }

    private void large(Product[] products) {
        for (Product p : products) {
            switch (way(p)) {
                case SHORTS -> p.x.shorts().pack(team);
                case FLOATS -> p.x.panels().pack(team);
                case DOT -> p.matrix.place(p.x);
                case ROWS -> { }
            }
        }
        inParts(products, this::partRows, (p, row, rows, worker) -> {
            switch (way(p)) {
                case SHORTS -> shorts(p, row, rows, scratch[worker]);
                case FLOATS -> tile(p, row, rows, scratch[worker]);
                case ROWS -> fourRows(p, row, rows, scratch[worker]);
                case DOT -> dot(p, row, row + rows, scratch[worker]);
            }
        });
    }

    /** Some rows of a product, for one worker. */
    @FunctionalInterface
    private interface Part {
        void run(Product p, int row, int rows, int worker);
    }

    /** Divides the products' rows into parts of a product's {@code size} and runs them in one region, each by who is free. */
    private void inParts(Product[] products, ToIntFunction<Product> size, Part part) {
        int[] parts = new int[products.length];
        for (int p = 0; p < parts.length; p++) {
            parts[p] = Math.ceilDiv(products[p].matrix.rows, size.applyAsInt(products[p]));
        }
        int all = IntStream.of(parts).sum();
        AtomicInteger next = new AtomicInteger();
        team.run(worker -> {
            for (int i = next.getAndIncrement(); i < all; i = next.getAndIncrement()) {
                int p = 0, n = i;
                while (n >= parts[p]) {
                    n -= parts[p++];
                }
                int rows = size.applyAsInt(products[p]), row = n * rows;
                part.run(products[p], row, Math.min(rows, products[p].matrix.rows - row), worker);
            }
        });
    }

    /** Fewer rows for a small matrix, so that there are some tiles for every worker. */
    private int partRows(Product p) {
        Way way = way(p);
        if (way == Way.DOT) {
            return 2 * FloatRows.PAIRS;
        }
        if (way == Way.ROWS) {
            return FourRows.ROWS;
        }
        int step = way == Way.SHORTS ? ShortGemm.ROWS : Gemm.ROWS;
        int most = way == Way.SHORTS ? ShortTile.ROWS : TILE;
        int fair = p.matrix.rows / (4 * team.size()) / step * step;
        return Math.clamp(fair, step, most);
    }

    private static void fourRows(Product p, int row, int rows, Scratch scratch) {
        FourRows.multiply(p.matrix, row, rows, p.x, p.y, p.add, scratch.row(FourRows.scratch(p.x.tokens)));
    }

    private static void shorts(Product p, int row, int rows, Scratch scratch) {
        ShortPanels panels = p.x.shorts();
        float[] c = scratch.sums(panels.count() * ShortTile.ROWS * ShortGemm.PANEL);
        scratch.shorts().multiply(p.matrix, row, rows, panels, c);
        int pairs = ShortTile.pairs(rows);
        store(p, row, pairs, c, 0, 2, ShortTile.ROWS, ShortGemm.PANEL);
        store(p, row + pairs, rows - pairs, c, 1, 2, ShortTile.ROWS, ShortGemm.PANEL);
    }

    /** One tile of rows times the whole batch. Rows beyond the matrix are whatever the scratch holds, and are not stored. */
    private static void tile(Product p, int row, int rows, Scratch scratch) {
        Activations.Panels panels = p.x.panels();
        float[] w = scratch.tile();
        float[] c = scratch.sums(panels.count() * TILE * Gemm.PANEL);
        for (int k = 0; k < p.matrix.cols; k += DEPTH) {
            int depth = Math.min(DEPTH, p.matrix.cols - k);
            for (int r = 0; r < rows; r++) {
                p.matrix.decode(row + r, k, k + depth, w, r * STRIDE);
            }
            for (int panel = 0; panel < panels.count(); panel++) {
                int lanes = panels.lanes(panel);
                int x = panels.start(panel) + k * lanes;
                for (int r = 0; r < rows; r += Gemm.ROWS) {
                    Gemm.tile(w, r * STRIDE, STRIDE, panels.packed, x, lanes, depth, lanes, c, (panel * TILE + r) * Gemm.PANEL, Gemm.PANEL);
                }
            }
        }
        store(p, row, rows, c, 0, 1, TILE, Gemm.PANEL);
    }

    /** From every {@code step}th row of {@code c[panels][tile][panel]}, {@code first} the first one, to {@code y[token][row]}. */
    private static void store(Product p, int row, int rows, float[] c, int first, int step, int tile, int panel) {
        for (int t = 0; t < p.x.tokens; t += panel) {
            int tokens = Math.min(panel, p.x.tokens - t);
            Transpose.run(c, t * tile + first * panel, step * panel, rows, tokens, p.y, t * p.matrix.rows + row, p.matrix.rows, p.add);
        }
    }

    /** What a worker writes on the way. */
    private static final class Scratch {
        private float[] row = new float[0];
        private float[] tile;
        private float[] sums = new float[0];
        private ShortTile shorts;

        float[] row(int size) {
            if (row.length < size) {
                row = new float[size];
            }
            return row;
        }

        float[] tile() {
            if (tile == null) {
                tile = new float[TILE * STRIDE];
            }
            return tile;
        }

        ShortTile shorts() {
            if (shorts == null) {
                shorts = new ShortTile();
            }
            return shorts;
        }

        /** Zeros. */
        float[] sums(int size) {
            if (sums.length < size) {
                sums = new float[size];
            } else {
                java.util.Arrays.fill(sums, 0, size, 0);
            }
            return sums;
        }
    }
}
