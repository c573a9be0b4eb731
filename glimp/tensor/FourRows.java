package glimp.tensor;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorSpecies;

/**
 * Some rows times a batch of medium size, such as the step that a model catches up with: the rows are decoded to floats and
 * multiplied, four of them with three or four tokens at a time.
 *
 * <p>Lanes are columns. So the activations are read as they lie and there are as many tokens as there are, where
 * {@link Gemm} packs them and fills up its vectors; and with one vector of tokens Gemm is bound by its broadcasts (82 of 118
 * GFLOP/s on Zen 4; four rows by four tokens reach 100). What it costs instead are sums across lanes, those of
 * {@link #ROWS} rows at once. And four by four sums want 32 registers: machines of 16 (AVX2) are faster by tiles of Gemm always
 * (24 tokens of F16: 57 GFLOP/s, not 40).
 */
final class FourRows {
    private static final VectorSpecies<Float> F = FloatVector.SPECIES_PREFERRED;
    private static final int L = F.length();
    /**
     * Rows that are decoded together, and whose sums are added up together: as many as a vector has lanes. Fewer would come from
     * memory in too short pieces for the hardware's prefetchers.
     */
    static final int ROWS = L;
    /** Most tokens of a kernel. */
    private static final int GROUP = 4;
    /** Columns at a time: four rows of them are 16 kB, which stay in the L1 cache beside four tokens. */
    static final int DEPTH = 1024;
    /** Rows must not be 4 kB apart: they would share their sets of the cache. */
    private static final int STRIDE = DEPTH + 16;

    private FourRows() {}

    /** Floats of scratch for so many tokens. */
    static int scratch(int tokens) {
        return ROWS * STRIDE + tokens * ROWS * L;
    }

    /**
     * {@code y[t * rows + r] (+)= m[r] . x[t]} for rows {@code [row, row + count)} and all tokens, at least 9.
     *
     * @param count at most {@link #ROWS}
     */
    static void multiply(Matrix m, int row, int count, Activations x, float[] y, boolean add, float[] scratch) {
        int sums = ROWS * STRIDE;
        for (int k = 0; k < m.cols; k += DEPTH) {
            int depth = Math.min(DEPTH, m.cols - k);
            for (int r = 0; r < count; r++) {
                m.decode(row + r, k, k + depth, scratch, r * STRIDE);
            }
            for (int r = 0; r < count; r += 4) {
                multiply(scratch, r * STRIDE, x, k, depth, sums + r * L);
            }
            for (int t = 0; t < x.tokens; t++) {
                Lanes.sums(scratch, sums + t * ROWS * L, scratch, 0);
                put(scratch, count, y, t * m.rows + row, add || k > 0);
            }
        }
    }

    /** Four decoded rows times all tokens. Rows that are not there are whatever the scratch holds. */
    private static void multiply(float[] w, int wAt, Activations x, int k, int depth, int sums) {
        int groups = Math.ceilDiv(x.tokens, GROUP);
        int whole = depth / L * L;
        for (int g = 0; g < groups; g++) {
            int t = x.tokens * g / groups, end = x.tokens * (g + 1) / groups;
            int at = t * x.width + k, c = sums + t * ROWS * L;
            switch (end - t) {
                case 4 -> four(w, wAt, x.values, at, x.width, whole, c);
                case 3 -> three(w, wAt, x.values, at, x.width, whole, c);
                default -> two(w, wAt, x.values, at, x.width, whole, c);
            }
            if (whole < depth) {
                for (; t < end; t++, at += x.width, c += ROWS * L) {
                    rest(w, wAt, x.values, at, whole, depth, c);
                }
            }
        }
    }

    /** The columns that fill no vector go into the first lanes. */
    private static void rest(float[] w, int wAt, float[] x, int at, int from, int to, int sums) {
        for (int r = 0; r < 4; r++) {
            for (int i = from; i < to; i++) {
                int lane = sums + r * L + i - from;
                w[lane] = Math.fma(w[wAt + r * STRIDE + i], x[at + i], w[lane]);
            }
        }
    }

    private static void put(float[] sums, int count, float[] y, int at, boolean add) {
        if (count < L) {
            for (int i = 0; i < count; i++) {
                y[at + i] = add ? y[at + i] + sums[i] : sums[i];
            }
            return;
        }
        FloatVector s = FloatVector.fromArray(F, sums, 0);
        (add ? FloatVector.fromArray(F, y, at).add(s) : s).intoArray(y, at);
    }

    /* The kernels: four, three and two tokens, xRow apart; a vector of sums for each row into w[sums ..], a token's ROWS * L apart. */

    private static void four(float[] w, int wAt, float[] x, int xAt, int xRow, int depth, int sums) {
        int x1 = xAt + xRow, x2 = x1 + xRow, x3 = x2 + xRow;
        FloatVector a0 = FloatVector.zero(F), a1 = FloatVector.zero(F), a2 = FloatVector.zero(F), a3 = FloatVector.zero(F);
        FloatVector b0 = FloatVector.zero(F), b1 = FloatVector.zero(F), b2 = FloatVector.zero(F), b3 = FloatVector.zero(F);
        FloatVector c0 = FloatVector.zero(F), c1 = FloatVector.zero(F), c2 = FloatVector.zero(F), c3 = FloatVector.zero(F);
        FloatVector d0 = FloatVector.zero(F), d1 = FloatVector.zero(F), d2 = FloatVector.zero(F), d3 = FloatVector.zero(F);
        for (int k = 0; k < depth; k += L) {
            FloatVector v0 = FloatVector.fromArray(F, x, xAt + k);
            FloatVector v1 = FloatVector.fromArray(F, x, x1 + k);
            FloatVector v2 = FloatVector.fromArray(F, x, x2 + k);
            FloatVector v3 = FloatVector.fromArray(F, x, x3 + k);
            FloatVector r = FloatVector.fromArray(F, w, wAt + k);
            a0 = v0.fma(r, a0); a1 = v1.fma(r, a1); a2 = v2.fma(r, a2); a3 = v3.fma(r, a3);
            r = FloatVector.fromArray(F, w, wAt + STRIDE + k);
            b0 = v0.fma(r, b0); b1 = v1.fma(r, b1); b2 = v2.fma(r, b2); b3 = v3.fma(r, b3);
            r = FloatVector.fromArray(F, w, wAt + 2 * STRIDE + k);
            c0 = v0.fma(r, c0); c1 = v1.fma(r, c1); c2 = v2.fma(r, c2); c3 = v3.fma(r, c3);
            r = FloatVector.fromArray(F, w, wAt + 3 * STRIDE + k);
            d0 = v0.fma(r, d0); d1 = v1.fma(r, d1); d2 = v2.fma(r, d2); d3 = v3.fma(r, d3);
        }
        a0.intoArray(w, sums); b0.intoArray(w, sums + L);
        c0.intoArray(w, sums + 2 * L); d0.intoArray(w, sums + 3 * L);
        a1.intoArray(w, sums + ROWS * L); b1.intoArray(w, sums + ROWS * L + L);
        c1.intoArray(w, sums + ROWS * L + 2 * L); d1.intoArray(w, sums + ROWS * L + 3 * L);
        a2.intoArray(w, sums + 2 * ROWS * L); b2.intoArray(w, sums + 2 * ROWS * L + L);
        c2.intoArray(w, sums + 2 * ROWS * L + 2 * L); d2.intoArray(w, sums + 2 * ROWS * L + 3 * L);
        a3.intoArray(w, sums + 3 * ROWS * L); b3.intoArray(w, sums + 3 * ROWS * L + L);
        c3.intoArray(w, sums + 3 * ROWS * L + 2 * L); d3.intoArray(w, sums + 3 * ROWS * L + 3 * L);
    }

    private static void three(float[] w, int wAt, float[] x, int xAt, int xRow, int depth, int sums) {
        int x1 = xAt + xRow, x2 = x1 + xRow;
        FloatVector a0 = FloatVector.zero(F), a1 = FloatVector.zero(F), a2 = FloatVector.zero(F);
        FloatVector b0 = FloatVector.zero(F), b1 = FloatVector.zero(F), b2 = FloatVector.zero(F);
        FloatVector c0 = FloatVector.zero(F), c1 = FloatVector.zero(F), c2 = FloatVector.zero(F);
        FloatVector d0 = FloatVector.zero(F), d1 = FloatVector.zero(F), d2 = FloatVector.zero(F);
        for (int k = 0; k < depth; k += L) {
            FloatVector v0 = FloatVector.fromArray(F, x, xAt + k);
            FloatVector v1 = FloatVector.fromArray(F, x, x1 + k);
            FloatVector v2 = FloatVector.fromArray(F, x, x2 + k);
            FloatVector r = FloatVector.fromArray(F, w, wAt + k);
            a0 = v0.fma(r, a0); a1 = v1.fma(r, a1); a2 = v2.fma(r, a2);
            r = FloatVector.fromArray(F, w, wAt + STRIDE + k);
            b0 = v0.fma(r, b0); b1 = v1.fma(r, b1); b2 = v2.fma(r, b2);
            r = FloatVector.fromArray(F, w, wAt + 2 * STRIDE + k);
            c0 = v0.fma(r, c0); c1 = v1.fma(r, c1); c2 = v2.fma(r, c2);
            r = FloatVector.fromArray(F, w, wAt + 3 * STRIDE + k);
            d0 = v0.fma(r, d0); d1 = v1.fma(r, d1); d2 = v2.fma(r, d2);
        }
        a0.intoArray(w, sums); b0.intoArray(w, sums + L);
        c0.intoArray(w, sums + 2 * L); d0.intoArray(w, sums + 3 * L);
        a1.intoArray(w, sums + ROWS * L); b1.intoArray(w, sums + ROWS * L + L);
        c1.intoArray(w, sums + ROWS * L + 2 * L); d1.intoArray(w, sums + ROWS * L + 3 * L);
        a2.intoArray(w, sums + 2 * ROWS * L); b2.intoArray(w, sums + 2 * ROWS * L + L);
        c2.intoArray(w, sums + 2 * ROWS * L + 2 * L); d2.intoArray(w, sums + 2 * ROWS * L + 3 * L);
    }

    private static void two(float[] w, int wAt, float[] x, int xAt, int xRow, int depth, int sums) {
        int x1 = xAt + xRow;
        FloatVector a0 = FloatVector.zero(F), a1 = FloatVector.zero(F);
        FloatVector b0 = FloatVector.zero(F), b1 = FloatVector.zero(F);
        FloatVector c0 = FloatVector.zero(F), c1 = FloatVector.zero(F);
        FloatVector d0 = FloatVector.zero(F), d1 = FloatVector.zero(F);
        for (int k = 0; k < depth; k += L) {
            FloatVector v0 = FloatVector.fromArray(F, x, xAt + k);
            FloatVector v1 = FloatVector.fromArray(F, x, x1 + k);
            FloatVector r = FloatVector.fromArray(F, w, wAt + k);
            a0 = v0.fma(r, a0); a1 = v1.fma(r, a1);
            r = FloatVector.fromArray(F, w, wAt + STRIDE + k);
            b0 = v0.fma(r, b0); b1 = v1.fma(r, b1);
            r = FloatVector.fromArray(F, w, wAt + 2 * STRIDE + k);
            c0 = v0.fma(r, c0); c1 = v1.fma(r, c1);
            r = FloatVector.fromArray(F, w, wAt + 3 * STRIDE + k);
            d0 = v0.fma(r, d0); d1 = v1.fma(r, d1);
        }
        a0.intoArray(w, sums); b0.intoArray(w, sums + L);
        c0.intoArray(w, sums + 2 * L); d0.intoArray(w, sums + 3 * L);
        a1.intoArray(w, sums + ROWS * L); b1.intoArray(w, sums + ROWS * L + L);
        c1.intoArray(w, sums + ROWS * L + 2 * L); d1.intoArray(w, sums + ROWS * L + 3 * L);
    }
}
