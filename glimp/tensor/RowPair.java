package glimp.tensor;


import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorSpecies;

/**
 * Two rows of floats times a few tokens.
 *
 * <p>It also says what every float kernel of one token must compute, so that a token gets the same bits alone and in a
 * batch: vectors of columns go in turn into two sums, these are added, then the lanes, then the columns that fill no
 * vector, one by one.
 *
 * <p>Two rows by four tokens: each weight is used four times and each activation twice for a load, and the 16 sums are
 * more than an FMA unit needs to stay busy. Machines of 16 vector registers (256 bits) take two tokens at a time.
 */
final class RowPair {
    private static final VectorSpecies<Float> F = FloatVector.SPECIES_PREFERRED;
    private static final int L = F.length();
    /** Tokens that a kernel multiplies at once. */
    static final int GROUP = L == 8 ? 2 : 4;

    private RowPair() {}

    /**
     * {@code y[t * rows + rowA] (+)= w[a ..] . x[t]}, and likewise b, for all tokens.
     *
     * @param w both rows, {@code x.width} floats from {@code a} and from {@code b} @param rows of the matrix
     */
    static void multiply(float[] w, int a, int b, Activations x, int rowA, int rowB, float[] y, int rows, boolean add) {
        int t = 0;
        for (; t + 4 <= x.tokens && GROUP == 4; t += 4) {
            four(w, a, b, x.values, t * x.width, x.width, y, t * rows + rowA, t * rows + rowB, rows, add);
        }
        for (; t + 2 <= x.tokens; t += 2) {
            two(w, a, b, x.values, t * x.width, x.width, y, t * rows + rowA, t * rows + rowB, rows, add);
        }
        if (t < x.tokens) {
            one(w, a, b, x.values, t * x.width, x.width, y, t * rows + rowA, t * rows + rowB, add);
        }
    }

    private static void one(float[] w, int a, int b, float[] x, int xAt, int n, float[] y, int yA, int yB, boolean add) {
        FloatVector a0 = FloatVector.zero(F), a1 = a0, b0 = a0, b1 = a0;
        int i = 0;
        for (; i + 2 * L <= n; i += 2 * L) {
            FloatVector x0 = load(x, xAt + i), x1 = load(x, xAt + i + L);
            a0 = load(w, a + i).fma(x0, a0);
            b0 = load(w, b + i).fma(x0, b0);
            a1 = load(w, a + i + L).fma(x1, a1);
            b1 = load(w, b + i + L).fma(x1, b1);
        }
        if (i + L <= n) {
            a0 = load(w, a + i).fma(load(x, xAt + i), a0);
            b0 = load(w, b + i).fma(load(x, xAt + i), b0);
            i += L;
        }
        finish(Lanes.sum(a0.add(a1)), Lanes.sum(b0.add(b1)), w, a, b, x, xAt, i, n, y, yA, yB, add);
    }

    private static void two(float[] w, int a, int b, float[] x, int xAt, int n, float[] y, int yA, int yB, int rows, boolean add) {
        int u = xAt + n;
        FloatVector a0 = FloatVector.zero(F), a1 = a0, b0 = a0, b1 = a0, c0 = a0, c1 = a0, d0 = a0, d1 = a0;
        int i = 0;
        for (; i + 2 * L <= n; i += 2 * L) {
            FloatVector v = load(w, a + i), z = load(w, b + i), x0 = load(x, xAt + i), x1 = load(x, u + i);
            a0 = v.fma(x0, a0); b0 = z.fma(x0, b0);
            c0 = v.fma(x1, c0); d0 = z.fma(x1, d0);
            v = load(w, a + i + L); z = load(w, b + i + L); x0 = load(x, xAt + i + L); x1 = load(x, u + i + L);
            a1 = v.fma(x0, a1); b1 = z.fma(x0, b1);
            c1 = v.fma(x1, c1); d1 = z.fma(x1, d1);
        }
        if (i + L <= n) {
            FloatVector v = load(w, a + i), z = load(w, b + i), x0 = load(x, xAt + i), x1 = load(x, u + i);
            a0 = v.fma(x0, a0); b0 = z.fma(x0, b0);
            c0 = v.fma(x1, c0); d0 = z.fma(x1, d0);
            i += L;
        }
        finish(Lanes.sum(a0.add(a1)), Lanes.sum(b0.add(b1)), w, a, b, x, xAt, i, n, y, yA, yB, add);
        finish(Lanes.sum(c0.add(c1)), Lanes.sum(d0.add(d1)), w, a, b, x, u, i, n, y, yA + rows, yB + rows, add);
    }

    private static void four(float[] w, int a, int b, float[] x, int xAt, int n, float[] y, int yA, int yB, int rows, boolean add) {
        int s = xAt + n, t = s + n, u = t + n;
        FloatVector a0 = FloatVector.zero(F), a1 = a0, b0 = a0, b1 = a0, c0 = a0, c1 = a0, d0 = a0, d1 = a0;
        FloatVector e0 = a0, e1 = a0, f0 = a0, f1 = a0, g0 = a0, g1 = a0, h0 = a0, h1 = a0;
        int i = 0;
        for (; i + 2 * L <= n; i += 2 * L) {
            FloatVector v = load(w, a + i), z = load(w, b + i);
            FloatVector x0 = load(x, xAt + i), x1 = load(x, s + i), x2 = load(x, t + i), x3 = load(x, u + i);
            a0 = v.fma(x0, a0); b0 = z.fma(x0, b0); c0 = v.fma(x1, c0); d0 = z.fma(x1, d0);
            e0 = v.fma(x2, e0); f0 = z.fma(x2, f0); g0 = v.fma(x3, g0); h0 = z.fma(x3, h0);
            v = load(w, a + i + L); z = load(w, b + i + L);
            x0 = load(x, xAt + i + L); x1 = load(x, s + i + L); x2 = load(x, t + i + L); x3 = load(x, u + i + L);
            a1 = v.fma(x0, a1); b1 = z.fma(x0, b1); c1 = v.fma(x1, c1); d1 = z.fma(x1, d1);
            e1 = v.fma(x2, e1); f1 = z.fma(x2, f1); g1 = v.fma(x3, g1); h1 = z.fma(x3, h1);
        }
        if (i + L <= n) {
            FloatVector v = load(w, a + i), z = load(w, b + i);
            FloatVector x0 = load(x, xAt + i), x1 = load(x, s + i), x2 = load(x, t + i), x3 = load(x, u + i);
            a0 = v.fma(x0, a0); b0 = z.fma(x0, b0); c0 = v.fma(x1, c0); d0 = z.fma(x1, d0);
            e0 = v.fma(x2, e0); f0 = z.fma(x2, f0); g0 = v.fma(x3, g0); h0 = z.fma(x3, h0);
            i += L;
        }
        finish(Lanes.sum(a0.add(a1)), Lanes.sum(b0.add(b1)), w, a, b, x, xAt, i, n, y, yA, yB, add);
        finish(Lanes.sum(c0.add(c1)), Lanes.sum(d0.add(d1)), w, a, b, x, s, i, n, y, yA + rows, yB + rows, add);
        finish(Lanes.sum(e0.add(e1)), Lanes.sum(f0.add(f1)), w, a, b, x, t, i, n, y, yA + 2 * rows, yB + 2 * rows, add);
        finish(Lanes.sum(g0.add(g1)), Lanes.sum(h0.add(h1)), w, a, b, x, u, i, n, y, yA + 3 * rows, yB + 3 * rows, add);
    }

    /** Adds the columns from i on to the sums of a token. */
    private static void finish(float sumA, float sumB, float[] w, int a, int b, float[] x, int xAt, int i, int n,
            float[] y, int yA, int yB, boolean add) {
        for (; i < n; i++) {
            sumA = Math.fma(w[a + i], x[xAt + i], sumA);
            sumB = Math.fma(w[b + i], x[xAt + i], sumB);
        }
        put(y, yA, yB, sumA, sumB, add);
    }

    /** Writes the results of two rows, or adds them; a row that came as both counts once. */
    static void put(float[] y, int yA, int yB, float a, float b, boolean add) {
        y[yA] = add ? y[yA] + a : a;
        if (yB != yA) {
            y[yB] = add ? y[yB] + b : b;
        }
    }

    private static FloatVector load(float[] from, int at) {
        return FloatVector.fromArray(F, from, at);
    }
}
