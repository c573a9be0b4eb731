package glimp.model;

import glimp.tensor.Gemm;
import glimp.tensor.Ops;
import glimp.tensor.Products;
import glimp.tensor.Team;
import java.util.Arrays;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * Causal attention of a batch's queries to the keys and values in the cache, which hold the batch's own already.
 *
 * <p>The work is divided into tasks of one key head and some tokens; the rows of a task are its tokens times the query
 * heads that share the key. Scores are {@code rows x keys}, softmax runs over whole rows, then values are summed. Keys and
 * values come by tiles of {@value #TILE} tokens, so that a task reads them from memory once, whatever its rows are.
 *
 * <p>Many rows: a tile is decoded to floats and multiplied with all rows by the large kernel. Few (batches up to
 * {@value Products#SMALL}): each token's rows are multiplied with the tile where it lies, and what a token gets does not
 * depend on its neighbours in the batch.
 */
final class Attention {
    /** Keys, or values, at a time. */
    private static final int TILE = KvCache.TILE;
    /** Rows of a task in a large batch: whole micro-tiles, enough to make decoding cheap beside them. */
    private static final int ROWS = 8 * Gemm.ROWS;
    /** Scores of a task, which bounds the rows in a long context. */
    private static final int SCORES = 1 << 20;
    /** Products of a query's and a key's feature below which a region costs more than it brings. */
    private static final long WORTH_SHARING = 1 << 16;

    private final Config config;
    private final Team team;
    private final Scratch[] scratch;

    Attention(Config config, Team team) {
        this.config = config;
        this.team = team;
        this.scratch = new Scratch[team.size()];
        for (int i = 0; i < scratch.length; i++) {
            scratch[i] = new Scratch();
        }
    }

    /**
     * @param position of the first query's token
     * @param q        {@code float[tokens][heads][headWidth]}
     * @param out      likewise: for each query head the mean of the values, weighted by softmax(q . k / sqrt(headWidth))
     */
    void run(KvCache cache, int layer, int position, int tokens, float[] q, float[] out) {
        int tile = tileOf(position + tokens, tokens);
        int tiles = Math.ceilDiv(tokens, tile);
        int tasks = tiles * config.kvHeads();
        boolean few = tokens <= Products.SMALL;
        AtomicInteger next = new AtomicInteger();
        Team.Work work = worker -> {
            for (int i = next.getAndIncrement(); i < tasks; i = next.getAndIncrement()) {
                int from = (tiles - 1 - i / config.kvHeads()) * tile;
                int count = Math.min(tile, tokens - from);
                new Task(cache, layer, i % config.kvHeads(), position + from, count, from, few, scratch[worker]).run(q, out);
            }
        };
        if ((long) tokens * (position + tokens) * config.queryWidth() < WORTH_SHARING) {
            work.run(0);
        } else {
            team.run(work);
        }
    }

    /** Tokens of a task: in a small batch all, unless there would be workers without work. */
    private int tileOf(int keys, int tokens) {
        int tile = tokens <= Products.SMALL ? tokens * config.kvHeads() / team.size() : Math.min(ROWS, SCORES / keys) / config.group();
        return Math.clamp(tile, 1, tokens);
    }

    /** Some tokens, beginning with the batch's number {@code first}, and the query heads of one key head. */
    private final class Task {
        private final KvCache cache;
        private final int layer;
        private final int head;
        private final int position;
        private final int tokens;
        private final int first;
        private final boolean few;
        private final Scratch s;
        private final int width = config.headWidth();
        private final int group = config.group();
        private final int valueRow;
        private final int rows;

        Task(KvCache cache, int layer, int head, int position, int tokens, int first, boolean few, Scratch scratch) {
            this.cache = cache;
            this.layer = layer;
            this.head = head;
            this.position = position;
            this.tokens = tokens;
            this.first = first;
            this.few = few;
            this.s = scratch;
            this.valueRow = cache.valueRow();
            this.rows = tokens * group;
            scratch.reserve(rows, position + tokens, width, valueRow);
        }

        void run(float[] q, float[] out) {
            for (int t = 0; t < tokens; t++) {
                System.arraycopy(q, at(t), s.queries, t * group * width, group * width);
            }
            Ops.scale(s.queries, 0, (float) ((few ? cache.keyScale() : 1) / Math.sqrt(width)), rows * width);
            Arrays.fill(s.scores, 0, rows * s.row, 0);
            Arrays.fill(s.out, 0, rows * valueRow, 0);
            for (int k = 0; k < seen(tokens - 1); k += TILE) {
                scores(k);
            }
            for (int r = 0; r < rows; r++) {
                s.sums[r] = softmax(r * s.row, seen(r / group));
            }
            for (int k = 0; k < seen(tokens - 1); k += TILE) {
                values(k);
            }
            for (int r = 0; r < rows; r++) {
                Ops.scale(s.out, r * valueRow, 1 / s.sums[r], width);
                System.arraycopy(s.out, r * valueRow, out, at(r / group) + r % group * width, width);
            }
        }

        /** Where the heads of a token begin in queries and results. */
        private int at(int token) {
            return ((first + token) * config.heads() + head * group) * width;
        }

        /** How many keys a token sees: all up to its own. */
        private int seen(int token) {
            return position + token + 1;
        }

        /** {@code scores[row][key] = query . key} for a tile's keys; keys beyond the last are whatever the cache held. */
        private void scores(int k) {
            if (few) {
                for (int t = Math.max(0, k - position); t < tokens; t++) {
                    int r = t * group;
                    int end = Math.min(k + TILE, seen(t));
                    cache.multiplyKeys(layer, head, k, end, group, s.queries, r * width, s.scores, r * s.row + k, s.row);
                }
            } else {
                int n = Math.min(TILE, seen(tokens - 1) - k);
                cache.keys(layer, head, k, k + n, s.tile, TILE);
                multiply(rows, s.queries, 0, width, s.tile, TILE, width, n, s.scores, k, s.row);
            }
        }

        /** Not divided by their sum, which is returned; keys that the row must not see get 0. */
        private float softmax(int at, int seen) {
            float sum = Ops.exp(s.scores, at, seen, Ops.max(s.scores, at, seen), few ? cache.valueScale() : 1);
            Arrays.fill(s.scores, at + seen, at + s.row, 0);
            return sum;
        }

        /** {@code out[row] += sum of scores[row][key] * value[key]} over a tile's keys. */
        private void values(int k) {
            if (few) {
                for (int t = Math.max(0, k - position); t < tokens; t++) {
                    int r = t * group;
                    int end = Math.min(k + TILE, seen(t));
                    cache.multiplyValues(layer, head, k, end, group, s.scores, r * s.row + k, s.row, s.out, r * valueRow);
                }
            } else {
                int n = Math.min(TILE, seen(tokens - 1) - k);
                cache.values(layer, head, k, k + n, s.tile);
                multiply(rows, s.scores, k, s.row, s.tile, valueRow, n, valueRow, s.out, 0, valueRow);
            }
        }
    }

    /** {@code c[rows][lanes] += w[rows][depth] x[depth][lanes]}, rows and lanes rounded up to what the kernel takes. */
    private static void multiply(int rows, float[] w, int wAt, int wRow, float[] x, int xRow, int depth, int lanes,
            float[] c, int cAt, int cRow) {
        int whole = Math.ceilDiv(lanes, Gemm.LANES) * Gemm.LANES;
        for (int j = 0; j < whole; j += Gemm.PANEL) {
            int n = Math.min(Gemm.PANEL, whole - j);
            for (int r = 0; r < rows; r += Gemm.ROWS) {
                Gemm.tile(w, wAt + r * wRow, wRow, x, j, xRow, depth, n, c, cAt + r * cRow + j, cRow);
            }
        }
    }

    /** What a worker writes on the way. */
    private static final class Scratch {
        /** {@code [rows][headWidth]}, rows rounded up to micro-tiles here and below. */
        private float[] queries = {};
        /** {@code [rows][row]}. */
        private float[] scores = {};
        /** Keys {@code [headWidth][TILE]} or values {@code [TILE][valueRow]}. */
        private float[] tile = {};
        /** {@code [rows][valueRow]}. */
        private float[] out = {};
        private float[] sums = {};
        private int row;

        void reserve(int rows, int keys, int width, int valueRow) {
            int all = Math.ceilDiv(rows, Gemm.ROWS) * Gemm.ROWS;
            row = Math.ceilDiv(keys, TILE) * TILE + 16;
            queries = atLeast(queries, all * width);
            scores = atLeast(scores, all * row);
            tile = atLeast(tile, TILE * valueRow);
            out = atLeast(out, all * valueRow);
            sums = atLeast(sums, all);
        }

        private static float[] atLeast(float[] array, int size) {
            return array.length >= size ? array : new float[Math.max(size, array.length + array.length / 2)];
        }
    }
}
