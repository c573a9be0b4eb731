package glimp.tensor;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorSpecies;

/**
 * The micro-kernel of every large product: six rows of weights times up to four vectors of tokens.
 *
 * <p>Lanes are tokens: the right side is {@code float[k][lanes]}, the left side row-major, each weight broadcast. So a
 * weight is loaded once for all tokens of a panel and there are neither transposes nor sums across lanes. Why 6 x 4: 24
 * accumulators, 4 operands and a broadcast fill the 32 registers of AVX-512 and Arm (91-97 % of peak; 7x4, 8x3, 5x5 and
 * 4x6 spill and fall to 51-76 %). AVX2 has 16 registers: 6 x 2 there.
 */
public final class Gemm {
    static final VectorSpecies<Float> F = FloatVector.SPECIES_PREFERRED;
    /** Floats of a vector; tiles are whole vectors wide. */
    public static final int LANES = F.length();
    /** Rows of a micro-tile. */
    public static final int ROWS = 6;
    /** Tokens of a panel. */
    public static final int PANEL = LANES * (LANES == 8 ? 2 : 4);

    private Gemm() {}

    /**
     * {@code c[6][lanes] += w[6][depth] x[depth][lanes]}.
     *
     * @param w left side, row-major from {@code wAt}, rows {@code wRow} apart
     * @param x right side from {@code xAt}, rows {@code xRow} apart
     * @param lanes columns of the tile, a multiple of {@link #LANES}, at most {@link #PANEL}
     * @param c tile from {@code cAt}, rows {@code cRow} apart
     */
    public static void tile(float[] w, int wAt, int wRow, float[] x, int xAt, int xRow, int depth, int lanes, float[] c, int cAt, int cRow) {
        int done = 0;
        if (lanes >= 4 * LANES) {
            tile4(w, wAt, wRow, x, xAt, xRow, depth, c, cAt, cRow);
            return;
        }
        if (lanes >= 2 * LANES) {
            tile2(w, wAt, wRow, x, xAt, xRow, depth, c, cAt, cRow);
            done = 2 * LANES;
        }
        if (lanes > done) {
            tile1(w, wAt, wRow, x, xAt + done, xRow, depth, c, cAt + done, cRow);
        }
    }

    private static void tile4(float[] w, int wAt, int wRow, float[] x, int xAt, int xRow, int depth, float[] c, int cAt, int cRow) {
        int r1 = cAt + cRow, r2 = r1 + cRow, r3 = r2 + cRow, r4 = r3 + cRow, r5 = r4 + cRow;
        FloatVector a0 = load(c, cAt, 0), a1 = load(c, cAt, 1), a2 = load(c, cAt, 2), a3 = load(c, cAt, 3);
        FloatVector b0 = load(c, r1, 0), b1 = load(c, r1, 1), b2 = load(c, r1, 2), b3 = load(c, r1, 3);
        FloatVector c0 = load(c, r2, 0), c1 = load(c, r2, 1), c2 = load(c, r2, 2), c3 = load(c, r2, 3);
        FloatVector d0 = load(c, r3, 0), d1 = load(c, r3, 1), d2 = load(c, r3, 2), d3 = load(c, r3, 3);
        FloatVector e0 = load(c, r4, 0), e1 = load(c, r4, 1), e2 = load(c, r4, 2), e3 = load(c, r4, 3);
        FloatVector f0 = load(c, r5, 0), f1 = load(c, r5, 1), f2 = load(c, r5, 2), f3 = load(c, r5, 3);
        int w1 = wAt + wRow, w2 = w1 + wRow, w3 = w2 + wRow, w4 = w3 + wRow, w5 = w4 + wRow;
        for (int k = 0; k < depth; k++, xAt += xRow) {
            FloatVector x0 = load(x, xAt, 0), x1 = load(x, xAt, 1), x2 = load(x, xAt, 2), x3 = load(x, xAt, 3);
            FloatVector v = FloatVector.broadcast(F, w[wAt + k]);
            a0 = x0.fma(v, a0); a1 = x1.fma(v, a1); a2 = x2.fma(v, a2); a3 = x3.fma(v, a3);
            v = FloatVector.broadcast(F, w[w1 + k]);
            b0 = x0.fma(v, b0); b1 = x1.fma(v, b1); b2 = x2.fma(v, b2); b3 = x3.fma(v, b3);
            v = FloatVector.broadcast(F, w[w2 + k]);
            c0 = x0.fma(v, c0); c1 = x1.fma(v, c1); c2 = x2.fma(v, c2); c3 = x3.fma(v, c3);
            v = FloatVector.broadcast(F, w[w3 + k]);
            d0 = x0.fma(v, d0); d1 = x1.fma(v, d1); d2 = x2.fma(v, d2); d3 = x3.fma(v, d3);
            v = FloatVector.broadcast(F, w[w4 + k]);
            e0 = x0.fma(v, e0); e1 = x1.fma(v, e1); e2 = x2.fma(v, e2); e3 = x3.fma(v, e3);
            v = FloatVector.broadcast(F, w[w5 + k]);
            f0 = x0.fma(v, f0); f1 = x1.fma(v, f1); f2 = x2.fma(v, f2); f3 = x3.fma(v, f3);
        }
        store(a0, c, cAt, 0); store(a1, c, cAt, 1); store(a2, c, cAt, 2); store(a3, c, cAt, 3);
        store(b0, c, r1, 0); store(b1, c, r1, 1); store(b2, c, r1, 2); store(b3, c, r1, 3);
        store(c0, c, r2, 0); store(c1, c, r2, 1); store(c2, c, r2, 2); store(c3, c, r2, 3);
        store(d0, c, r3, 0); store(d1, c, r3, 1); store(d2, c, r3, 2); store(d3, c, r3, 3);
        store(e0, c, r4, 0); store(e1, c, r4, 1); store(e2, c, r4, 2); store(e3, c, r4, 3);
        store(f0, c, r5, 0); store(f1, c, r5, 1); store(f2, c, r5, 2); store(f3, c, r5, 3);
    }

    private static void tile2(float[] w, int wAt, int wRow, float[] x, int xAt, int xRow, int depth, float[] c, int cAt, int cRow) {
        int r1 = cAt + cRow, r2 = r1 + cRow, r3 = r2 + cRow, r4 = r3 + cRow, r5 = r4 + cRow;
        FloatVector a0 = load(c, cAt, 0), a1 = load(c, cAt, 1), b0 = load(c, r1, 0), b1 = load(c, r1, 1);
        FloatVector c0 = load(c, r2, 0), c1 = load(c, r2, 1), d0 = load(c, r3, 0), d1 = load(c, r3, 1);
        FloatVector e0 = load(c, r4, 0), e1 = load(c, r4, 1), f0 = load(c, r5, 0), f1 = load(c, r5, 1);
        int w1 = wAt + wRow, w2 = w1 + wRow, w3 = w2 + wRow, w4 = w3 + wRow, w5 = w4 + wRow;
        for (int k = 0; k < depth; k++, xAt += xRow) {
            FloatVector x0 = load(x, xAt, 0), x1 = load(x, xAt, 1);
            FloatVector v = FloatVector.broadcast(F, w[wAt + k]);
            a0 = x0.fma(v, a0); a1 = x1.fma(v, a1);
            v = FloatVector.broadcast(F, w[w1 + k]);
            b0 = x0.fma(v, b0); b1 = x1.fma(v, b1);
            v = FloatVector.broadcast(F, w[w2 + k]);
            c0 = x0.fma(v, c0); c1 = x1.fma(v, c1);
            v = FloatVector.broadcast(F, w[w3 + k]);
            d0 = x0.fma(v, d0); d1 = x1.fma(v, d1);
            v = FloatVector.broadcast(F, w[w4 + k]);
            e0 = x0.fma(v, e0); e1 = x1.fma(v, e1);
            v = FloatVector.broadcast(F, w[w5 + k]);
            f0 = x0.fma(v, f0); f1 = x1.fma(v, f1);
        }
        store(a0, c, cAt, 0); store(a1, c, cAt, 1); store(b0, c, r1, 0); store(b1, c, r1, 1);
        store(c0, c, r2, 0); store(c1, c, r2, 1); store(d0, c, r3, 0); store(d1, c, r3, 1);
        store(e0, c, r4, 0); store(e1, c, r4, 1); store(f0, c, r5, 0); store(f1, c, r5, 1);
    }

    private static void tile1(float[] w, int wAt, int wRow, float[] x, int xAt, int xRow, int depth, float[] c, int cAt, int cRow) {
        int r1 = cAt + cRow, r2 = r1 + cRow, r3 = r2 + cRow, r4 = r3 + cRow, r5 = r4 + cRow;
        FloatVector a = load(c, cAt, 0), b = load(c, r1, 0), d = load(c, r2, 0), e = load(c, r3, 0), f = load(c, r4, 0), g = load(c, r5, 0);
        int w1 = wAt + wRow, w2 = w1 + wRow, w3 = w2 + wRow, w4 = w3 + wRow, w5 = w4 + wRow;
        for (int k = 0; k < depth; k++, xAt += xRow) {
            FloatVector x0 = load(x, xAt, 0);
            a = x0.fma(FloatVector.broadcast(F, w[wAt + k]), a);
            b = x0.fma(FloatVector.broadcast(F, w[w1 + k]), b);
            d = x0.fma(FloatVector.broadcast(F, w[w2 + k]), d);
            e = x0.fma(FloatVector.broadcast(F, w[w3 + k]), e);
            f = x0.fma(FloatVector.broadcast(F, w[w4 + k]), f);
            g = x0.fma(FloatVector.broadcast(F, w[w5 + k]), g);
        }
        store(a, c, cAt, 0); store(b, c, r1, 0); store(d, c, r2, 0); store(e, c, r3, 0); store(f, c, r4, 0); store(g, c, r5, 0);
    }

    private static FloatVector load(float[] from, int at, int vector) {
        return FloatVector.fromArray(F, from, at + vector * LANES);
    }

    private static void store(FloatVector v, float[] to, int at, int vector) {
        v.intoArray(to, at + vector * LANES);
    }
}
