package glimp.tensor;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorSpecies;

/**
 * The micro-kernel of every large product: six rows of weights times up to four vectors of tokens, or five times two.
 *
 * <p>Lanes are tokens: the right side is {@code float[k][lanes]}, the left side row-major, each weight broadcast. So a
 * weight is loaded once for all tokens of a panel and there are neither transposes nor sums across lanes. Why 6 x 4: 24
 * accumulators, 4 operands and a broadcast fill the 32 registers of AVX-512 and Arm (95 % of peak on Zen 4; 7x4, 8x3, 5x5
 * and 4x6 spill and fall to 51-76 %). AVX2 has 16 registers. The compiler makes all broadcasts of a step before it needs them,
 * and 5 x 2 sums, 5 of those and an operand are just 16 (81 % of peak; 6 x 2 spills, 42 %; 4 x 2 65 %, 3 x 3 72 %).
 *
 * <p>Loads and stores are written out: in a method of this size the compiler stops inlining all but the Vector API itself,
 * and a helper that is called has its vectors put on the heap (1000 cycles a tile, half the speed at a depth of 32).
 */
public final class Gemm {
    static final VectorSpecies<Float> F = FloatVector.SPECIES_PREFERRED;
    /** Floats of a vector; tiles are whole vectors wide. */
    public static final int LANES = F.length();
    private static final int L = LANES;
    /** Rows of a micro-tile. */
    public static final int ROWS = LANES == 8 ? 5 : 6;
    private static final boolean SIXTH = ROWS == 6;
    /** Tokens of a panel. */
    public static final int PANEL = LANES * (LANES == 8 ? 2 : 4);

    private Gemm() {}

    /**
     * {@code c[ROWS][lanes] += w[ROWS][depth] x[depth][lanes]}.
     *
     * @param w left side, row-major from {@code wAt}, rows {@code wRow} apart
     * @param x right side from {@code xAt}, rows {@code xRow} apart
     * @param lanes columns of the tile, a multiple of {@link #LANES}, at most {@link #PANEL}
     * @param c tile from {@code cAt}, rows {@code cRow} apart
     */
    public static void tile(float[] w, int wAt, int wRow, float[] x, int xAt, int xRow, int depth, int lanes, float[] c, int cAt, int cRow) {
        switch (lanes / LANES) {
            case 4 -> tile4(w, wAt, wRow, x, xAt, xRow, depth, c, cAt, cRow);
            case 3 -> tile3(w, wAt, wRow, x, xAt, xRow, depth, c, cAt, cRow);
            case 2 -> tile2(w, wAt, wRow, x, xAt, xRow, depth, c, cAt, cRow);
            default -> tile1(w, wAt, wRow, x, xAt, xRow, depth, c, cAt, cRow);
        }
    }

    private static void tile4(float[] w, int wAt, int wRow, float[] x, int xAt, int xRow, int depth, float[] c, int cAt, int cRow) {
        int r1 = cAt + cRow, r2 = r1 + cRow, r3 = r2 + cRow, r4 = r3 + cRow, r5 = r4 + cRow;
        FloatVector a0 = FloatVector.fromArray(F, c, cAt), a1 = FloatVector.fromArray(F, c, cAt + L);
        FloatVector a2 = FloatVector.fromArray(F, c, cAt + 2 * L), a3 = FloatVector.fromArray(F, c, cAt + 3 * L);
        FloatVector b0 = FloatVector.fromArray(F, c, r1), b1 = FloatVector.fromArray(F, c, r1 + L);
        FloatVector b2 = FloatVector.fromArray(F, c, r1 + 2 * L), b3 = FloatVector.fromArray(F, c, r1 + 3 * L);
        FloatVector c0 = FloatVector.fromArray(F, c, r2), c1 = FloatVector.fromArray(F, c, r2 + L);
        FloatVector c2 = FloatVector.fromArray(F, c, r2 + 2 * L), c3 = FloatVector.fromArray(F, c, r2 + 3 * L);
        FloatVector d0 = FloatVector.fromArray(F, c, r3), d1 = FloatVector.fromArray(F, c, r3 + L);
        FloatVector d2 = FloatVector.fromArray(F, c, r3 + 2 * L), d3 = FloatVector.fromArray(F, c, r3 + 3 * L);
        FloatVector e0 = FloatVector.fromArray(F, c, r4), e1 = FloatVector.fromArray(F, c, r4 + L);
        FloatVector e2 = FloatVector.fromArray(F, c, r4 + 2 * L), e3 = FloatVector.fromArray(F, c, r4 + 3 * L);
        FloatVector f0 = FloatVector.fromArray(F, c, r5), f1 = FloatVector.fromArray(F, c, r5 + L);
        FloatVector f2 = FloatVector.fromArray(F, c, r5 + 2 * L), f3 = FloatVector.fromArray(F, c, r5 + 3 * L);
        int w1 = wAt + wRow, w2 = w1 + wRow, w3 = w2 + wRow, w4 = w3 + wRow, w5 = w4 + wRow;
        for (int k = 0; k < depth; k++, xAt += xRow) {
            FloatVector x0 = FloatVector.fromArray(F, x, xAt), x1 = FloatVector.fromArray(F, x, xAt + L);
            FloatVector x2 = FloatVector.fromArray(F, x, xAt + 2 * L), x3 = FloatVector.fromArray(F, x, xAt + 3 * L);
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
        a0.intoArray(c, cAt); a1.intoArray(c, cAt + L); a2.intoArray(c, cAt + 2 * L); a3.intoArray(c, cAt + 3 * L);
        b0.intoArray(c, r1); b1.intoArray(c, r1 + L); b2.intoArray(c, r1 + 2 * L); b3.intoArray(c, r1 + 3 * L);
        c0.intoArray(c, r2); c1.intoArray(c, r2 + L); c2.intoArray(c, r2 + 2 * L); c3.intoArray(c, r2 + 3 * L);
        d0.intoArray(c, r3); d1.intoArray(c, r3 + L); d2.intoArray(c, r3 + 2 * L); d3.intoArray(c, r3 + 3 * L);
        e0.intoArray(c, r4); e1.intoArray(c, r4 + L); e2.intoArray(c, r4 + 2 * L); e3.intoArray(c, r4 + 3 * L);
        f0.intoArray(c, r5); f1.intoArray(c, r5 + L); f2.intoArray(c, r5 + 2 * L); f3.intoArray(c, r5 + 3 * L);
    }

    private static void tile3(float[] w, int wAt, int wRow, float[] x, int xAt, int xRow, int depth, float[] c, int cAt, int cRow) {
        int r1 = cAt + cRow, r2 = r1 + cRow, r3 = r2 + cRow, r4 = r3 + cRow, r5 = r4 + cRow;
        FloatVector a0 = FloatVector.fromArray(F, c, cAt), a1 = FloatVector.fromArray(F, c, cAt + L);
        FloatVector a2 = FloatVector.fromArray(F, c, cAt + 2 * L);
        FloatVector b0 = FloatVector.fromArray(F, c, r1), b1 = FloatVector.fromArray(F, c, r1 + L);
        FloatVector b2 = FloatVector.fromArray(F, c, r1 + 2 * L);
        FloatVector c0 = FloatVector.fromArray(F, c, r2), c1 = FloatVector.fromArray(F, c, r2 + L);
        FloatVector c2 = FloatVector.fromArray(F, c, r2 + 2 * L);
        FloatVector d0 = FloatVector.fromArray(F, c, r3), d1 = FloatVector.fromArray(F, c, r3 + L);
        FloatVector d2 = FloatVector.fromArray(F, c, r3 + 2 * L);
        FloatVector e0 = FloatVector.fromArray(F, c, r4), e1 = FloatVector.fromArray(F, c, r4 + L);
        FloatVector e2 = FloatVector.fromArray(F, c, r4 + 2 * L);
        FloatVector f0 = FloatVector.fromArray(F, c, r5), f1 = FloatVector.fromArray(F, c, r5 + L);
        FloatVector f2 = FloatVector.fromArray(F, c, r5 + 2 * L);
        int w1 = wAt + wRow, w2 = w1 + wRow, w3 = w2 + wRow, w4 = w3 + wRow, w5 = w4 + wRow;
        for (int k = 0; k < depth; k++, xAt += xRow) {
            FloatVector x0 = FloatVector.fromArray(F, x, xAt), x1 = FloatVector.fromArray(F, x, xAt + L);
            FloatVector x2 = FloatVector.fromArray(F, x, xAt + 2 * L);
            FloatVector v = FloatVector.broadcast(F, w[wAt + k]);
            a0 = x0.fma(v, a0); a1 = x1.fma(v, a1); a2 = x2.fma(v, a2);
            v = FloatVector.broadcast(F, w[w1 + k]);
            b0 = x0.fma(v, b0); b1 = x1.fma(v, b1); b2 = x2.fma(v, b2);
            v = FloatVector.broadcast(F, w[w2 + k]);
            c0 = x0.fma(v, c0); c1 = x1.fma(v, c1); c2 = x2.fma(v, c2);
            v = FloatVector.broadcast(F, w[w3 + k]);
            d0 = x0.fma(v, d0); d1 = x1.fma(v, d1); d2 = x2.fma(v, d2);
            v = FloatVector.broadcast(F, w[w4 + k]);
            e0 = x0.fma(v, e0); e1 = x1.fma(v, e1); e2 = x2.fma(v, e2);
            v = FloatVector.broadcast(F, w[w5 + k]);
            f0 = x0.fma(v, f0); f1 = x1.fma(v, f1); f2 = x2.fma(v, f2);
        }
        a0.intoArray(c, cAt); a1.intoArray(c, cAt + L); a2.intoArray(c, cAt + 2 * L);
        b0.intoArray(c, r1); b1.intoArray(c, r1 + L); b2.intoArray(c, r1 + 2 * L);
        c0.intoArray(c, r2); c1.intoArray(c, r2 + L); c2.intoArray(c, r2 + 2 * L);
        d0.intoArray(c, r3); d1.intoArray(c, r3 + L); d2.intoArray(c, r3 + 2 * L);
        e0.intoArray(c, r4); e1.intoArray(c, r4 + L); e2.intoArray(c, r4 + 2 * L);
        f0.intoArray(c, r5); f1.intoArray(c, r5 + L); f2.intoArray(c, r5 + 2 * L);
    }

    private static void tile2(float[] w, int wAt, int wRow, float[] x, int xAt, int xRow, int depth, float[] c, int cAt, int cRow) {
        int r1 = cAt + cRow, r2 = r1 + cRow, r3 = r2 + cRow, r4 = r3 + cRow, r5 = r4 + cRow;
        FloatVector a0 = FloatVector.fromArray(F, c, cAt), a1 = FloatVector.fromArray(F, c, cAt + L);
        FloatVector b0 = FloatVector.fromArray(F, c, r1), b1 = FloatVector.fromArray(F, c, r1 + L);
        FloatVector c0 = FloatVector.fromArray(F, c, r2), c1 = FloatVector.fromArray(F, c, r2 + L);
        FloatVector d0 = FloatVector.fromArray(F, c, r3), d1 = FloatVector.fromArray(F, c, r3 + L);
        FloatVector e0 = FloatVector.fromArray(F, c, r4), e1 = FloatVector.fromArray(F, c, r4 + L);
        FloatVector f0 = SIXTH ? FloatVector.fromArray(F, c, r5) : a0, f1 = SIXTH ? FloatVector.fromArray(F, c, r5 + L) : a1;
        int w1 = wAt + wRow, w2 = w1 + wRow, w3 = w2 + wRow, w4 = w3 + wRow, w5 = w4 + wRow;
        for (int k = 0; k < depth; k++, xAt += xRow) {
            FloatVector x0 = FloatVector.fromArray(F, x, xAt), x1 = FloatVector.fromArray(F, x, xAt + L);
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
            if (SIXTH) {
                v = FloatVector.broadcast(F, w[w5 + k]);
                f0 = x0.fma(v, f0); f1 = x1.fma(v, f1);
            }
        }
        a0.intoArray(c, cAt); a1.intoArray(c, cAt + L); b0.intoArray(c, r1); b1.intoArray(c, r1 + L);
        c0.intoArray(c, r2); c1.intoArray(c, r2 + L); d0.intoArray(c, r3); d1.intoArray(c, r3 + L);
        e0.intoArray(c, r4); e1.intoArray(c, r4 + L);
        if (SIXTH) {
            f0.intoArray(c, r5); f1.intoArray(c, r5 + L);
        }
    }

    private static void tile1(float[] w, int wAt, int wRow, float[] x, int xAt, int xRow, int depth, float[] c, int cAt, int cRow) {
        int r1 = cAt + cRow, r2 = r1 + cRow, r3 = r2 + cRow, r4 = r3 + cRow, r5 = r4 + cRow;
        FloatVector a = FloatVector.fromArray(F, c, cAt), b = FloatVector.fromArray(F, c, r1);
        FloatVector d = FloatVector.fromArray(F, c, r2), e = FloatVector.fromArray(F, c, r3);
        FloatVector f = FloatVector.fromArray(F, c, r4), g = SIXTH ? FloatVector.fromArray(F, c, r5) : a;
        int w1 = wAt + wRow, w2 = w1 + wRow, w3 = w2 + wRow, w4 = w3 + wRow, w5 = w4 + wRow;
        for (int k = 0; k < depth; k++, xAt += xRow) {
            FloatVector x0 = FloatVector.fromArray(F, x, xAt);
            a = x0.fma(FloatVector.broadcast(F, w[wAt + k]), a);
            b = x0.fma(FloatVector.broadcast(F, w[w1 + k]), b);
            d = x0.fma(FloatVector.broadcast(F, w[w2 + k]), d);
            e = x0.fma(FloatVector.broadcast(F, w[w3 + k]), e);
            f = x0.fma(FloatVector.broadcast(F, w[w4 + k]), f);
            if (SIXTH) {
                g = x0.fma(FloatVector.broadcast(F, w[w5 + k]), g);
            }
        }
        a.intoArray(c, cAt); b.intoArray(c, r1); d.intoArray(c, r2); e.intoArray(c, r3); f.intoArray(c, r4);
        if (SIXTH) {
            g.intoArray(c, r5);
        }
    }
}
