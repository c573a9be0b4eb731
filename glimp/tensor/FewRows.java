package glimp.tensor;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorSpecies;

/**
 * {@link Gemm}'s sibling for a handful of rows, such as the query heads that share a key: as many times faster as there are
 * fewer rows, so its speed is that of reading the right side.
 *
 * <p>The right side lies in blocks {@code [depth][16]} that are read from end to end as one stream (20 GB/s where memory
 * gives 23; four blocks side by side gave 11). Rows go in groups of four, two and one; each has accumulators for two to
 * four vectors in a row of the stream, eight in all, what the latency of an FMA asks for.
 */
public final class FewRows {
    /** Lanes of a block, whatever the width of a vector. */
    public static final int BLOCK = 16;
    private static final VectorSpecies<Float> F = FloatVector.SPECIES_PREFERRED;
    private static final int L = F.length();

    private FewRows() {}

    /**
     * {@code c[rows][blocks * 16] += w[rows][depth] x[depth][blocks * 16]}.
     *
     * @param w      left side, row-major from {@code wAt}, rows {@code wRow} apart
     * @param x      right side: {@code float[depth][16]} from {@code xAt}, the next block {@code xBlock} further on
     * @param c      result from {@code cAt}, rows {@code cRow} apart
     */
    public static void multiply(int rows, float[] w, int wAt, int wRow, float[] x, int xAt, int xBlock, int depth, int blocks,
            float[] c, int cAt, int cRow) {
        for (int b = 0; b < blocks; b++, xAt += xBlock, cAt += BLOCK) {
            int r = 0;
            for (; L >= 8 && r + 4 <= rows; r += 4) {
                four(w, wAt + r * wRow, wRow, x, xAt, depth, c, cAt + r * cRow, cRow);
            }
            for (; r + 2 <= rows; r += 2) {
                two(w, wAt + r * wRow, wRow, x, xAt, depth, c, cAt + r * cRow, cRow);
            }
            if (r < rows) {
                one(w, wAt + r * wRow, x, xAt, depth, c, cAt + r * cRow);
            }
        }
    }

    private static void four(float[] w, int wAt, int wRow, float[] x, int at, int depth, float[] c, int cAt, int cRow) {
        int w1 = wAt + wRow, w2 = w1 + wRow, w3 = w2 + wRow;
        FloatVector a0 = FloatVector.zero(F), a1 = FloatVector.zero(F);
        FloatVector b0 = FloatVector.zero(F), b1 = FloatVector.zero(F);
        FloatVector d0 = FloatVector.zero(F), d1 = FloatVector.zero(F);
        FloatVector e0 = FloatVector.zero(F), e1 = FloatVector.zero(F);
        int k = 0;
        for (; k + 2 * L / BLOCK <= depth; k += 2 * L / BLOCK, at += 2 * L) {
            FloatVector x0 = FloatVector.fromArray(F, x, at), x1 = FloatVector.fromArray(F, x, at + L);
            a0 = x0.fma(FloatVector.broadcast(F, w[wAt + k]), a0);
            a1 = x1.fma(FloatVector.broadcast(F, w[wAt + k + L / BLOCK]), a1);
            b0 = x0.fma(FloatVector.broadcast(F, w[w1 + k]), b0);
            b1 = x1.fma(FloatVector.broadcast(F, w[w1 + k + L / BLOCK]), b1);
            d0 = x0.fma(FloatVector.broadcast(F, w[w2 + k]), d0);
            d1 = x1.fma(FloatVector.broadcast(F, w[w2 + k + L / BLOCK]), d1);
            e0 = x0.fma(FloatVector.broadcast(F, w[w3 + k]), e0);
            e1 = x1.fma(FloatVector.broadcast(F, w[w3 + k + L / BLOCK]), e1);
        }
        int c1 = cAt + cRow, c2 = c1 + cRow, c3 = c2 + cRow;
        if (L == BLOCK) {
            FloatVector.fromArray(F, c, cAt).add(a0.add(a1)).intoArray(c, cAt);
            FloatVector.fromArray(F, c, c1).add(b0.add(b1)).intoArray(c, c1);
            FloatVector.fromArray(F, c, c2).add(d0.add(d1)).intoArray(c, c2);
            FloatVector.fromArray(F, c, c3).add(e0.add(e1)).intoArray(c, c3);
        } else {
            FloatVector.fromArray(F, c, cAt).add(a0).intoArray(c, cAt);
            FloatVector.fromArray(F, c, cAt + L).add(a1).intoArray(c, cAt + L);
            FloatVector.fromArray(F, c, c1).add(b0).intoArray(c, c1);
            FloatVector.fromArray(F, c, c1 + L).add(b1).intoArray(c, c1 + L);
            FloatVector.fromArray(F, c, c2).add(d0).intoArray(c, c2);
            FloatVector.fromArray(F, c, c2 + L).add(d1).intoArray(c, c2 + L);
            FloatVector.fromArray(F, c, c3).add(e0).intoArray(c, c3);
            FloatVector.fromArray(F, c, c3 + L).add(e1).intoArray(c, c3 + L);
        }
        for (; k < depth; k++) {
            for (int j = 0; j < BLOCK; j += L, at += L) {
                FloatVector x0 = FloatVector.fromArray(F, x, at);
                FloatVector.fromArray(F, c, cAt + j).add(x0.mul(w[wAt + k])).intoArray(c, cAt + j);
                FloatVector.fromArray(F, c, c1 + j).add(x0.mul(w[w1 + k])).intoArray(c, c1 + j);
                FloatVector.fromArray(F, c, c2 + j).add(x0.mul(w[w2 + k])).intoArray(c, c2 + j);
                FloatVector.fromArray(F, c, c3 + j).add(x0.mul(w[w3 + k])).intoArray(c, c3 + j);
            }
        }
    }

    private static void two(float[] w, int wAt, int wRow, float[] x, int at, int depth, float[] c, int cAt, int cRow) {
        int w1 = wAt + wRow;
        FloatVector a0 = FloatVector.zero(F), a1 = FloatVector.zero(F), a2 = FloatVector.zero(F), a3 = FloatVector.zero(F);
        FloatVector b0 = FloatVector.zero(F), b1 = FloatVector.zero(F), b2 = FloatVector.zero(F), b3 = FloatVector.zero(F);
        int k = 0;
        for (; k + 4 * L / BLOCK <= depth; k += 4 * L / BLOCK, at += 4 * L) {
            FloatVector x0 = FloatVector.fromArray(F, x, at), x1 = FloatVector.fromArray(F, x, at + L);
            FloatVector x2 = FloatVector.fromArray(F, x, at + 2 * L), x3 = FloatVector.fromArray(F, x, at + 3 * L);
            a0 = x0.fma(FloatVector.broadcast(F, w[wAt + k]), a0);
            a1 = x1.fma(FloatVector.broadcast(F, w[wAt + k + L / BLOCK]), a1);
            a2 = x2.fma(FloatVector.broadcast(F, w[wAt + k + 2 * L / BLOCK]), a2);
            a3 = x3.fma(FloatVector.broadcast(F, w[wAt + k + 3 * L / BLOCK]), a3);
            b0 = x0.fma(FloatVector.broadcast(F, w[w1 + k]), b0);
            b1 = x1.fma(FloatVector.broadcast(F, w[w1 + k + L / BLOCK]), b1);
            b2 = x2.fma(FloatVector.broadcast(F, w[w1 + k + 2 * L / BLOCK]), b2);
            b3 = x3.fma(FloatVector.broadcast(F, w[w1 + k + 3 * L / BLOCK]), b3);
        }
        int c1 = cAt + cRow;
        if (L == BLOCK) {
            FloatVector.fromArray(F, c, cAt).add(a0.add(a1).add(a2.add(a3))).intoArray(c, cAt);
            FloatVector.fromArray(F, c, c1).add(b0.add(b1).add(b2.add(b3))).intoArray(c, c1);
        } else if (2 * L == BLOCK) {
            FloatVector.fromArray(F, c, cAt).add(a0.add(a2)).intoArray(c, cAt);
            FloatVector.fromArray(F, c, cAt + L).add(a1.add(a3)).intoArray(c, cAt + L);
            FloatVector.fromArray(F, c, c1).add(b0.add(b2)).intoArray(c, c1);
            FloatVector.fromArray(F, c, c1 + L).add(b1.add(b3)).intoArray(c, c1 + L);
        } else {
            FloatVector.fromArray(F, c, cAt).add(a0).intoArray(c, cAt);
            FloatVector.fromArray(F, c, cAt + L).add(a1).intoArray(c, cAt + L);
            FloatVector.fromArray(F, c, cAt + 2 * L).add(a2).intoArray(c, cAt + 2 * L);
            FloatVector.fromArray(F, c, cAt + 3 * L).add(a3).intoArray(c, cAt + 3 * L);
            FloatVector.fromArray(F, c, c1).add(b0).intoArray(c, c1);
            FloatVector.fromArray(F, c, c1 + L).add(b1).intoArray(c, c1 + L);
            FloatVector.fromArray(F, c, c1 + 2 * L).add(b2).intoArray(c, c1 + 2 * L);
            FloatVector.fromArray(F, c, c1 + 3 * L).add(b3).intoArray(c, c1 + 3 * L);
        }
        for (; k < depth; k++) {
            for (int j = 0; j < BLOCK; j += L, at += L) {
                FloatVector x0 = FloatVector.fromArray(F, x, at);
                FloatVector.fromArray(F, c, cAt + j).add(x0.mul(w[wAt + k])).intoArray(c, cAt + j);
                FloatVector.fromArray(F, c, c1 + j).add(x0.mul(w[w1 + k])).intoArray(c, c1 + j);
            }
        }
    }

    private static void one(float[] w, int wAt, float[] x, int at, int depth, float[] c, int cAt) {
        FloatVector a0 = FloatVector.zero(F), a1 = FloatVector.zero(F), a2 = FloatVector.zero(F), a3 = FloatVector.zero(F);
        int k = 0;
        for (; k + 4 * L / BLOCK <= depth; k += 4 * L / BLOCK, at += 4 * L) {
            FloatVector x0 = FloatVector.fromArray(F, x, at), x1 = FloatVector.fromArray(F, x, at + L);
            FloatVector x2 = FloatVector.fromArray(F, x, at + 2 * L), x3 = FloatVector.fromArray(F, x, at + 3 * L);
            a0 = x0.fma(FloatVector.broadcast(F, w[wAt + k]), a0);
            a1 = x1.fma(FloatVector.broadcast(F, w[wAt + k + L / BLOCK]), a1);
            a2 = x2.fma(FloatVector.broadcast(F, w[wAt + k + 2 * L / BLOCK]), a2);
            a3 = x3.fma(FloatVector.broadcast(F, w[wAt + k + 3 * L / BLOCK]), a3);
        }
        if (L == BLOCK) {
            FloatVector.fromArray(F, c, cAt).add(a0.add(a1).add(a2.add(a3))).intoArray(c, cAt);
        } else if (2 * L == BLOCK) {
            FloatVector.fromArray(F, c, cAt).add(a0.add(a2)).intoArray(c, cAt);
            FloatVector.fromArray(F, c, cAt + L).add(a1.add(a3)).intoArray(c, cAt + L);
        } else {
            FloatVector.fromArray(F, c, cAt).add(a0).intoArray(c, cAt);
            FloatVector.fromArray(F, c, cAt + L).add(a1).intoArray(c, cAt + L);
            FloatVector.fromArray(F, c, cAt + 2 * L).add(a2).intoArray(c, cAt + 2 * L);
            FloatVector.fromArray(F, c, cAt + 3 * L).add(a3).intoArray(c, cAt + 3 * L);
        }
        for (; k < depth; k++) {
            for (int j = 0; j < BLOCK; j += L, at += L) {
                FloatVector x0 = FloatVector.fromArray(F, x, at);
                FloatVector.fromArray(F, c, cAt + j).add(x0.mul(w[wAt + k])).intoArray(c, cAt + j);
            }
        }
    }
}
