package glimp.tensor;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorSpecies;

/**
 * {@link Gemm}'s sibling for a handful of rows, such as the query heads that share a key: groups of four, two and one row,
 * each with as many vectors as give eight accumulators, what the latency of an FMA asks for.
 */
public final class FewRows {
    private static final VectorSpecies<Float> F = FloatVector.SPECIES_PREFERRED;
    private static final int L = F.length();

    private FewRows() {}

    /**
     * {@code c[rows][lanes] += w[rows][depth] x[depth][lanes]}; a row's result does not depend on the others.
     *
     * @param w     left side, row-major from {@code wAt}, rows {@code wRow} apart
     * @param x     right side from {@code xAt}, rows {@code xRow} apart
     * @param lanes columns, a multiple of {@link Gemm#LANES}
     * @param c     result from {@code cAt}, rows {@code cRow} apart
     */
    public static void multiply(int rows, float[] w, int wAt, int wRow, float[] x, int xAt, int xRow, int depth, int lanes,
            float[] c, int cAt, int cRow) {
        int r = 0;
        for (; r + 4 <= rows; r += 4) {
            four(w, wAt + r * wRow, wRow, x, xAt, xRow, depth, lanes, c, cAt + r * cRow, cRow);
        }
        if (r + 2 <= rows) {
            two(w, wAt + r * wRow, wRow, x, xAt, xRow, depth, lanes, c, cAt + r * cRow, cRow);
            r += 2;
        }
        if (r < rows) {
            one(w, wAt + r * wRow, x, xAt, xRow, depth, lanes, c, cAt + r * cRow);
        }
    }

    private static void four(float[] w, int wAt, int wRow, float[] x, int xAt, int xRow, int depth, int lanes, float[] c, int cAt, int cRow) {
        int w1 = wAt + wRow, w2 = w1 + wRow, w3 = w2 + wRow;
        int j = 0;
        for (; j + 2 * L <= lanes; j += 2 * L) {
            int r0 = cAt + j, r1 = r0 + cRow, r2 = r1 + cRow, r3 = r2 + cRow;
            FloatVector a0 = load(c, r0, 0), a1 = load(c, r0, 1), b0 = load(c, r1, 0), b1 = load(c, r1, 1);
            FloatVector d0 = load(c, r2, 0), d1 = load(c, r2, 1), e0 = load(c, r3, 0), e1 = load(c, r3, 1);
            for (int k = 0, p = xAt + j; k < depth; k++, p += xRow) {
                FloatVector x0 = load(x, p, 0), x1 = load(x, p, 1);
                FloatVector v = FloatVector.broadcast(F, w[wAt + k]);
                a0 = x0.fma(v, a0); a1 = x1.fma(v, a1);
                v = FloatVector.broadcast(F, w[w1 + k]);
                b0 = x0.fma(v, b0); b1 = x1.fma(v, b1);
                v = FloatVector.broadcast(F, w[w2 + k]);
                d0 = x0.fma(v, d0); d1 = x1.fma(v, d1);
                v = FloatVector.broadcast(F, w[w3 + k]);
                e0 = x0.fma(v, e0); e1 = x1.fma(v, e1);
            }
            store(a0, c, r0, 0); store(a1, c, r0, 1); store(b0, c, r1, 0); store(b1, c, r1, 1);
            store(d0, c, r2, 0); store(d1, c, r2, 1); store(e0, c, r3, 0); store(e1, c, r3, 1);
        }
        for (; j < lanes; j += L) {
            int r0 = cAt + j, r1 = r0 + cRow, r2 = r1 + cRow, r3 = r2 + cRow;
            FloatVector a = load(c, r0, 0), b = load(c, r1, 0), d = load(c, r2, 0), e = load(c, r3, 0);
            for (int k = 0, p = xAt + j; k < depth; k++, p += xRow) {
                FloatVector x0 = load(x, p, 0);
                a = x0.fma(FloatVector.broadcast(F, w[wAt + k]), a);
                b = x0.fma(FloatVector.broadcast(F, w[w1 + k]), b);
                d = x0.fma(FloatVector.broadcast(F, w[w2 + k]), d);
                e = x0.fma(FloatVector.broadcast(F, w[w3 + k]), e);
            }
            store(a, c, r0, 0); store(b, c, r1, 0); store(d, c, r2, 0); store(e, c, r3, 0);
        }
    }

    private static void two(float[] w, int wAt, int wRow, float[] x, int xAt, int xRow, int depth, int lanes, float[] c, int cAt, int cRow) {
        int w1 = wAt + wRow;
        int j = 0;
        for (; j + 4 * L <= lanes; j += 4 * L) {
            int r0 = cAt + j, r1 = r0 + cRow;
            FloatVector a0 = load(c, r0, 0), a1 = load(c, r0, 1), a2 = load(c, r0, 2), a3 = load(c, r0, 3);
            FloatVector b0 = load(c, r1, 0), b1 = load(c, r1, 1), b2 = load(c, r1, 2), b3 = load(c, r1, 3);
            for (int k = 0, p = xAt + j; k < depth; k++, p += xRow) {
                FloatVector x0 = load(x, p, 0), x1 = load(x, p, 1), x2 = load(x, p, 2), x3 = load(x, p, 3);
                FloatVector v = FloatVector.broadcast(F, w[wAt + k]);
                a0 = x0.fma(v, a0); a1 = x1.fma(v, a1); a2 = x2.fma(v, a2); a3 = x3.fma(v, a3);
                v = FloatVector.broadcast(F, w[w1 + k]);
                b0 = x0.fma(v, b0); b1 = x1.fma(v, b1); b2 = x2.fma(v, b2); b3 = x3.fma(v, b3);
            }
            store(a0, c, r0, 0); store(a1, c, r0, 1); store(a2, c, r0, 2); store(a3, c, r0, 3);
            store(b0, c, r1, 0); store(b1, c, r1, 1); store(b2, c, r1, 2); store(b3, c, r1, 3);
        }
        for (; j < lanes; j += L) {
            int r0 = cAt + j, r1 = r0 + cRow;
            FloatVector a = load(c, r0, 0), b = load(c, r1, 0);
            for (int k = 0, p = xAt + j; k < depth; k++, p += xRow) {
                FloatVector x0 = load(x, p, 0);
                a = x0.fma(FloatVector.broadcast(F, w[wAt + k]), a);
                b = x0.fma(FloatVector.broadcast(F, w[w1 + k]), b);
            }
            store(a, c, r0, 0); store(b, c, r1, 0);
        }
    }

    private static void one(float[] w, int wAt, float[] x, int xAt, int xRow, int depth, int lanes, float[] c, int cAt) {
        int j = 0;
        for (; j + 4 * L <= lanes; j += 4 * L) {
            int r0 = cAt + j;
            FloatVector a0 = load(c, r0, 0), a1 = load(c, r0, 1), a2 = load(c, r0, 2), a3 = load(c, r0, 3);
            for (int k = 0, p = xAt + j; k < depth; k++, p += xRow) {
                FloatVector v = FloatVector.broadcast(F, w[wAt + k]);
                a0 = load(x, p, 0).fma(v, a0); a1 = load(x, p, 1).fma(v, a1);
                a2 = load(x, p, 2).fma(v, a2); a3 = load(x, p, 3).fma(v, a3);
            }
            store(a0, c, r0, 0); store(a1, c, r0, 1); store(a2, c, r0, 2); store(a3, c, r0, 3);
        }
        for (; j < lanes; j += L) {
            FloatVector a = load(c, cAt + j, 0);
            for (int k = 0, p = xAt + j; k < depth; k++, p += xRow) {
                a = load(x, p, 0).fma(FloatVector.broadcast(F, w[wAt + k]), a);
            }
            store(a, c, cAt + j, 0);
        }
    }

    private static FloatVector load(float[] a, int at, int vector) {
        return FloatVector.fromArray(F, a, at + vector * L);
    }

    private static void store(FloatVector v, float[] a, int at, int vector) {
        v.intoArray(a, at + vector * L);
    }
}
