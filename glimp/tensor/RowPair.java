package glimp.tensor;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorSpecies;

/**
 * Two rows of floats, decoded to scratch, times a few tokens: for formats that have no kernel of their own for what is asked.
 *
 * <p>It also says what a format's kernel for one token must compute that leaves batches to this one, so that a token gets the same bits
 * alone and in a batch: vectors of columns go in turn into two sums, these are added, then the lanes, then the columns that fill no
 * vector, one by one.
 *
 * <p>Two rows by four tokens: each weight is used four times for a load and each activation twice, and 16 sums are more
 * than enough to keep the FMA units busy. Three tokens are four, the last of them twice: cheaper than two and one. Machines of 16 vector
 * registers (256 bits) take two tokens at a time.
 *
 * <p>A kernel leaves its sums in an array: {@code sums[2 t]} for token t with row A, {@code sums[2 t + 1]} with row B. Those
 * of several tokens put whole vectors there and let {@link #reduce} sum them up: in a method of that size the compiler
 * stops inlining all but the Vector API itself, and a vector that is passed to a helper goes through the heap, seven times slower.
 */
final class RowPair {
    private static final VectorSpecies<Float> F = FloatVector.SPECIES_PREFERRED;
    private static final int L = F.length();
    /** Tokens that a kernel multiplies at once. */
    static final int GROUP = L == 8 ? 2 : 4;
    /** Floats that the sums of a group of tokens take, and of as many pairs of rows as {@link FloatRows} takes, for any width of vector. */
    static final int SUMS = 8 * 16 * 16;

    private RowPair() {}

    /**
     * {@code y[t * rows + rowA] (+)= w[a ..] . x[t]}, and likewise b, for all tokens.
     *
     * @param w both rows, {@code x.width} floats from {@code a} and from {@code b}, behind {@link #SUMS} floats of scratch
     * @param rows of the matrix
     */
    static void multiply(float[] w, int a, int b, Activations x, int rowA, int rowB, float[] y, int rows, boolean add) {
        for (int t = 0, n; t < x.tokens; t += n) {
            n = Math.min(GROUP, x.tokens - t);
            int at = t * x.width;
            int done = switch (n) {
                case 1 -> one(w, a, b, x.values, at, x.width, w);
                case 2 -> two(w, a, b, x.values, at, x.width, w);
                default -> four(w, a, b, x.values, at, n, x.width, w);
            };
            reduce(w, n);
            for (int i = 0; i < n; i++, at += x.width) {
                w[2 * i] = rest(w, a, x.values, at, done, x.width, w[2 * i]);
                w[2 * i + 1] = rest(w, b, x.values, at, done, x.width, w[2 * i + 1]);
            }
            put(w, n, y, t * rows, rowA, rowB, rows, add);
        }
    }

    /** From vectors of sums, one behind the other, two for each token, to their sums. */
    static void reduce(float[] sums, int tokens) {
        for (int i = 0; i < 2 * tokens; i++) {
            sums[i] = Lanes.sum(FloatVector.fromArray(F, sums, i * L));
        }
    }

    /** Writes the results of a group, or adds them; a row that came as both counts once. */
    static void put(float[] sums, int tokens, float[] y, int yAt, int rowA, int rowB, int rows, boolean add) {
        for (int t = 0; t < tokens; t++, yAt += rows) {
            y[yAt + rowA] = add ? y[yAt + rowA] + sums[2 * t] : sums[2 * t];
            if (rowB != rowA) {
                y[yAt + rowB] = add ? y[yAt + rowB] + sums[2 * t + 1] : sums[2 * t + 1];
            }
        }
    }

    private static float rest(float[] w, int at, float[] x, int xAt, int from, int to, float sum) {
        for (int i = from; i < to; i++) {
            sum = Math.fma(w[at + i], x[xAt + i], sum);
        }
        return sum;
    }

    /* The kernels: one, two, and three or four tokens. Each returns the number of columns that it has done. */

    private static int one(float[] w, int a, int b, float[] x, int xAt, int cols, float[] sums) {
        int s = xAt;
        FloatVector a0 = FloatVector.zero(F), a1 = a0, b0 = a0, b1 = a0;
        int i = 0;
        for (; i + 2 * L <= cols; i += 2 * L) {
            FloatVector v = FloatVector.fromArray(F, w, a + i);
            FloatVector r = FloatVector.fromArray(F, w, b + i);
            FloatVector x0 = FloatVector.fromArray(F, x, s + i);
            a0 = v.fma(x0, a0); b0 = r.fma(x0, b0);
            v = FloatVector.fromArray(F, w, a + i + L);
            r = FloatVector.fromArray(F, w, b + i + L);
            x0 = FloatVector.fromArray(F, x, s + i + L);
            a1 = v.fma(x0, a1); b1 = r.fma(x0, b1);
        }
        if (i + L <= cols) {
            FloatVector v = FloatVector.fromArray(F, w, a + i);
            FloatVector r = FloatVector.fromArray(F, w, b + i);
            FloatVector x0 = FloatVector.fromArray(F, x, s + i);
            a0 = v.fma(x0, a0); b0 = r.fma(x0, b0);
            i += L;
        }
        a0.add(a1).intoArray(sums, 0);
        b0.add(b1).intoArray(sums, L);
        return i;
    }

    private static int two(float[] w, int a, int b, float[] x, int xAt, int cols, float[] sums) {
        int s = xAt, t = s + cols;
        FloatVector a0 = FloatVector.zero(F), a1 = a0, b0 = a0, b1 = a0, c0 = a0, c1 = a0, d0 = a0, d1 = a0;
        int i = 0;
        for (; i + 2 * L <= cols; i += 2 * L) {
            FloatVector v = FloatVector.fromArray(F, w, a + i);
            FloatVector r = FloatVector.fromArray(F, w, b + i);
            FloatVector x0 = FloatVector.fromArray(F, x, s + i);
            FloatVector x1 = FloatVector.fromArray(F, x, t + i);
            a0 = v.fma(x0, a0); b0 = r.fma(x0, b0); c0 = v.fma(x1, c0); d0 = r.fma(x1, d0);
            v = FloatVector.fromArray(F, w, a + i + L);
            r = FloatVector.fromArray(F, w, b + i + L);
            x0 = FloatVector.fromArray(F, x, s + i + L);
            x1 = FloatVector.fromArray(F, x, t + i + L);
            a1 = v.fma(x0, a1); b1 = r.fma(x0, b1); c1 = v.fma(x1, c1); d1 = r.fma(x1, d1);
        }
        if (i + L <= cols) {
            FloatVector v = FloatVector.fromArray(F, w, a + i);
            FloatVector r = FloatVector.fromArray(F, w, b + i);
            FloatVector x0 = FloatVector.fromArray(F, x, s + i);
            FloatVector x1 = FloatVector.fromArray(F, x, t + i);
            a0 = v.fma(x0, a0); b0 = r.fma(x0, b0); c0 = v.fma(x1, c0); d0 = r.fma(x1, d0);
            i += L;
        }
        a0.add(a1).intoArray(sums, 0);
        b0.add(b1).intoArray(sums, L);
        c0.add(c1).intoArray(sums, 2 * L);
        d0.add(d1).intoArray(sums, 3 * L);
        return i;
    }

    private static int four(float[] w, int a, int b, float[] x, int xAt, int tokens, int cols, float[] sums) {
        int s = xAt, t = s + cols, u = t + cols, z = tokens > 3 ? u + cols : u;
        FloatVector a0 = FloatVector.zero(F), a1 = a0, b0 = a0, b1 = a0, c0 = a0, c1 = a0, d0 = a0, d1 = a0;
        FloatVector e0 = a0, e1 = a0, f0 = a0, f1 = a0, g0 = a0, g1 = a0, h0 = a0, h1 = a0;
        int i = 0;
        for (; i + 2 * L <= cols; i += 2 * L) {
            FloatVector v = FloatVector.fromArray(F, w, a + i);
            FloatVector r = FloatVector.fromArray(F, w, b + i);
            FloatVector x0 = FloatVector.fromArray(F, x, s + i);
            FloatVector x1 = FloatVector.fromArray(F, x, t + i);
            FloatVector x2 = FloatVector.fromArray(F, x, u + i);
            FloatVector x3 = FloatVector.fromArray(F, x, z + i);
            a0 = v.fma(x0, a0); b0 = r.fma(x0, b0); c0 = v.fma(x1, c0); d0 = r.fma(x1, d0);
            e0 = v.fma(x2, e0); f0 = r.fma(x2, f0); g0 = v.fma(x3, g0); h0 = r.fma(x3, h0);
            v = FloatVector.fromArray(F, w, a + i + L);
            r = FloatVector.fromArray(F, w, b + i + L);
            x0 = FloatVector.fromArray(F, x, s + i + L);
            x1 = FloatVector.fromArray(F, x, t + i + L);
            x2 = FloatVector.fromArray(F, x, u + i + L);
            x3 = FloatVector.fromArray(F, x, z + i + L);
            a1 = v.fma(x0, a1); b1 = r.fma(x0, b1); c1 = v.fma(x1, c1); d1 = r.fma(x1, d1);
            e1 = v.fma(x2, e1); f1 = r.fma(x2, f1); g1 = v.fma(x3, g1); h1 = r.fma(x3, h1);
        }
        if (i + L <= cols) {
            FloatVector v = FloatVector.fromArray(F, w, a + i);
            FloatVector r = FloatVector.fromArray(F, w, b + i);
            FloatVector x0 = FloatVector.fromArray(F, x, s + i);
            FloatVector x1 = FloatVector.fromArray(F, x, t + i);
            FloatVector x2 = FloatVector.fromArray(F, x, u + i);
            FloatVector x3 = FloatVector.fromArray(F, x, z + i);
            a0 = v.fma(x0, a0); b0 = r.fma(x0, b0); c0 = v.fma(x1, c0); d0 = r.fma(x1, d0);
            e0 = v.fma(x2, e0); f0 = r.fma(x2, f0); g0 = v.fma(x3, g0); h0 = r.fma(x3, h0);
            i += L;
        }
        a0.add(a1).intoArray(sums, 0);
        b0.add(b1).intoArray(sums, L);
        c0.add(c1).intoArray(sums, 2 * L);
        d0.add(d1).intoArray(sums, 3 * L);
        e0.add(e1).intoArray(sums, 4 * L);
        f0.add(f1).intoArray(sums, 5 * L);
        g0.add(g1).intoArray(sums, 6 * L);
        h0.add(h1).intoArray(sums, 7 * L);
        return i;
    }
}
