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
 * <p>The work is divided into tasks of one key head and a tile of tokens; the rows of a task are the tile's tokens times
 * the query heads that share the key. Keys are decoded to floats {@value #TILE} at a time, once for all rows, scores are
 * {@code rows x keys}, softmax runs over whole rows, and values are decoded and summed like keys. So a cache is read from
 * memory once a task, and everything else happens in a core's own caches. In batches up to {@value Products#SMALL} a tile
 * is a single token: what it gets does not depend on its neighbours.
 */
final class Attention {
    /** Keys, or values, decoded together. */
    private static final int TILE = KvCache.TILE;
    /** Rows of a task: enough to make decoding cheap beside them. */
    private static final int ROWS = 96;
    /** Rows from which the large kernel is worth it. */
    private static final int MANY = 3 * Gemm.ROWS;
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
        AtomicInteger next = new AtomicInteger();
        Team.Work work = worker -> {
            for (int i = next.getAndIncrement(); i < tasks; i = next.getAndIncrement()) {
                int from = (tiles - 1 - i / config.kvHeads()) * tile;
                new Task(cache, layer, i % config.kvHeads(), position + from, Math.min(tile, tokens - from), from).run(q, out, scratch[worker]);
            }
        };
        if ((long) tokens * (position + tokens) * config.queryWidth() < WORTH_SHARING) {
            work.run(0);
        } else {
            team.run(work);
        }
    }

    /** Tokens of a task. */
    private int tileOf(int keys, int tokens) {
        return tokens <= Products.SMALL ? 1 : Math.clamp(Math.min(ROWS, SCORES / keys) / config.group(), 1, tokens);
    }

    /** Some tokens, beginning with the batch's number {@code first}, and the query heads of one key head. */
    private final class Task {
        private final KvCache cache;
        private final int layer;
        private final int head;
        private final int position;
        private final int tokens;
        private final int first;
        private final int width = config.headWidth();
        private final int group = config.group();
        private final int valueRow;
        private final int rows;
        /** Rows that are computed: three are as dear as four. */
        private final int padded;
        /** Keys that the last token sees. */
        private final int keys;
        /** Whether keys and values are worth decoding into a buffer, from which the large kernel takes them. */
        private final boolean many;

        Task(KvCache cache, int layer, int head, int position, int tokens, int first) {
            this.cache = cache;
            this.layer = layer;
            this.head = head;
            this.position = position;
            this.tokens = tokens;
            this.first = first;
            this.valueRow = cache.valueRow();
            this.rows = tokens * group;
            this.padded = rows % 4 == 3 ? rows + 1 : rows;
            this.keys = position + tokens;
            this.many = rows >= MANY;
        }

        void run(float[] q, float[] out, Scratch s) {
            s.reserve(rows, keys, width, valueRow);
            for (int t = 0; t < tokens; t++) {
                System.arraycopy(q, at(t), s.queries, t * group * width, group * width);
            }
            Ops.scale(s.queries, 0, (float) ((many ? 1 : cache.keyScale()) / Math.sqrt(width)), rows * width);
            scores(s);
            for (int r = 0; r < rows; r++) {
                s.sums[r] = softmax(s.scores, r * s.row, position + r / group + 1);
            }
            values(s);
            for (int r = 0; r < rows; r++) {
                Ops.scale(s.out, r * valueRow, 1 / s.sums[r], width);
                System.arraycopy(s.out, r * valueRow, out, at(r / group) + r % group * width, width);
            }
        }

        /** Where the heads of a token begin in queries and results. */
        private int at(int token) {
            return ((first + token) * config.heads() + head * group) * width;
        }

        /** {@code scores[row][key] = query . key}; keys beyond the last are whatever the cache held. */
        private void scores(Scratch s) {
            for (int r = 0; r < padded; r++) {
                Arrays.fill(s.scores, r * s.row, (r + 1) * s.row, 0);
            }
            for (int k = 0; k < keys; k += TILE) {
                int n = Math.min(TILE, keys - k);
                if (many) {
                    cache.keys(layer, head, k, k + n, s.tile, TILE);
                    multiply(rows, s.queries, 0, width, s.tile, TILE, width, n, s.scores, k, s.row);
                } else {
                    cache.multiplyKeys(layer, head, k, k + n, padded, s.queries, s.scores, k, s.row);
                }
            }
        }

        /** Not divided by their sum, which is returned; keys that the row must not see get 0. */
        private float softmax(float[] scores, int at, int seen) {
            float sum = Ops.exp(scores, at, seen, Ops.max(scores, at, seen), many ? 1 : cache.valueScale());
            Arrays.fill(scores, at + seen, at + keys, 0);
            return sum;
        }

        /** {@code out[row] = sum of scores[row][key] * value[key]}. */
        private void values(Scratch s) {
            Arrays.fill(s.out, 0, padded * valueRow, 0);
            for (int k = 0; k < keys; k += TILE) {
                int n = Math.min(TILE, keys - k);
                if (many) {
                    cache.values(layer, head, k, k + n, s.tile);
                    multiply(rows, s.scores, k, s.row, s.tile, valueRow, n, valueRow, s.out, 0, valueRow);
                } else {
                    cache.multiplyValues(layer, head, k, k + n, padded, s.scores, k, s.row, s.out);
                }
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
