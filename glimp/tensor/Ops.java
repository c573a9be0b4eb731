package glimp.tensor;

import static jdk.incubator.vector.VectorOperators.MAX;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorShuffle;
import jdk.incubator.vector.VectorSpecies;

/** The small vector operations of a forward pass, on parts of float arrays; all run on the calling thread. */
public final class Ops {
    private static final VectorSpecies<Float> F = FloatVector.SPECIES_PREFERRED;
    private static final int L = F.length();
    /** Lane i of the result is lane i + 1 for even i, i - 1 for odd. */
    private static final VectorShuffle<Float> SWAP = VectorShuffle.fromOp(F, i -> i ^ 1);

    private Ops() {}

    /** {@code a . b} over n elements; four sums, so that an addition need not wait for the last one. */
    public static float dot(float[] a, int aAt, float[] b, int bAt, int n) {
        FloatVector s0 = FloatVector.zero(F), s1 = s0, s2 = s0, s3 = s0;
        int i = 0;
        for (; i + 4 * L <= n; i += 4 * L) {
            s0 = FloatVector.fromArray(F, a, aAt + i).fma(FloatVector.fromArray(F, b, bAt + i), s0);
            s1 = FloatVector.fromArray(F, a, aAt + i + L).fma(FloatVector.fromArray(F, b, bAt + i + L), s1);
            s2 = FloatVector.fromArray(F, a, aAt + i + 2 * L).fma(FloatVector.fromArray(F, b, bAt + i + 2 * L), s2);
            s3 = FloatVector.fromArray(F, a, aAt + i + 3 * L).fma(FloatVector.fromArray(F, b, bAt + i + 3 * L), s3);
        }
        for (; i + L <= n; i += L) {
            s0 = FloatVector.fromArray(F, a, aAt + i).fma(FloatVector.fromArray(F, b, bAt + i), s0);
        }
        float sum = Lanes.sum(s0.add(s1).add(s2.add(s3)));
        for (; i < n; i++) {
            sum = Math.fma(a[aAt + i], b[bAt + i], sum);
        }
        return sum;
    }

    /** Root-mean-square norm: {@code out = x / sqrt(mean(x^2) + epsilon) * weight}; {@code out} may be {@code x}. */
    public static void rmsNorm(float[] x, int at, float[] weight, float epsilon, float[] out, int outAt) {
        int n = weight.length;
        float scale = (float) (1 / Math.sqrt(dot(x, at, x, at, n) / n + epsilon));
        int i = 0;
        for (; i + L <= n; i += L) {
            FloatVector.fromArray(F, x, at + i).mul(scale).mul(FloatVector.fromArray(F, weight, i)).intoArray(out, outAt + i);
        }
        for (; i < n; i++) {
            out[outAt + i] = x[at + i] * scale * weight[i];
        }
    }

    /** {@code x += y} over n elements. */
    public static void add(float[] x, int at, float[] y, int yAt, int n) {
        int i = 0;
        for (; i + L <= n; i += L) {
            FloatVector.fromArray(F, x, at + i).add(FloatVector.fromArray(F, y, yAt + i)).intoArray(x, at + i);
        }
        for (; i < n; i++) {
            x[at + i] += y[yAt + i];
        }
    }

    /** {@code x += scale * y} over n elements. */
    public static void addScaled(float[] x, int at, float scale, float[] y, int yAt, int n) {
        int i = 0;
        for (; i + L <= n; i += L) {
            FloatVector.fromArray(F, y, yAt + i).fma(FloatVector.broadcast(F, scale), FloatVector.fromArray(F, x, at + i)).intoArray(x, at + i);
        }
        for (; i < n; i++) {
            x[at + i] = Math.fma(scale, y[yAt + i], x[at + i]);
        }
    }

    /** {@code x *= scale} over n elements. */
    public static void scale(float[] x, int at, float scale, int n) {
        int i = 0;
        for (; i + L <= n; i += L) {
            FloatVector.fromArray(F, x, at + i).mul(scale).intoArray(x, at + i);
        }
        for (; i < n; i++) {
            x[at + i] *= scale;
        }
    }

    /** The gated unit of the feed-forward: {@code gate = gate / (1 + exp(-gate)) * up} over n elements. */
    public static void swiGlu(float[] gate, int at, float[] up, int upAt, int n) {
        int i = 0;
        for (; i + L <= n; i += L) {
            FloatVector g = FloatVector.fromArray(F, gate, at + i);
            g.div(Lanes.exp(g.neg()).add(1)).mul(FloatVector.fromArray(F, up, upAt + i)).intoArray(gate, at + i);
        }
        for (; i < n; i++) {
            float g = gate[at + i];
            gate[at + i] = g / (1 + (float) Math.exp(-g)) * up[upAt + i];
        }
    }

    /** The largest of n elements. */
    public static float max(float[] x, int at, int n) {
        FloatVector m = FloatVector.broadcast(F, Float.NEGATIVE_INFINITY);
        int i = 0;
        for (; i + L <= n; i += L) {
            m = FloatVector.fromArray(F, x, at + i).max(m);
        }
        float max = m.reduceLanes(MAX);
        for (; i < n; i++) {
            max = Math.max(max, x[at + i]);
        }
        return max;
    }

    /** {@code x = exp(x - shift) * scale} over n elements; returns the sum of the exponentials, not scaled. */
    public static float exp(float[] x, int at, int n, float shift, float scale) {
        FloatVector s = FloatVector.zero(F);
        int i = 0;
        for (; i + L <= n; i += L) {
            FloatVector e = Lanes.exp(FloatVector.fromArray(F, x, at + i).sub(shift));
            e.mul(scale).intoArray(x, at + i);
            s = e.add(s);
        }
        float sum = Lanes.sum(s);
        for (; i < n; i++) {
            float e = (float) Math.exp(x[at + i] - shift);
            x[at + i] = e * scale;
            sum += e;
        }
        return sum;
    }

    /** {@code x = exp(x) / sum(exp(x))} over n elements. */
    public static void softmax(float[] x, int at, int n) {
        scale(x, at, 1 / exp(x, at, n, max(x, at, n), 1), n);
    }

    /**
     * Turns pairs of features: {@code x[i] = x[i] * turn[i] + x[partner of i] * turn[n + i]}, where i's partner is
     * {@code i + n / 2} in the first half and {@code i - n / 2} in the second.
     *
     * @param turn {@code float[2][n]}: cosines, then sines, those of the first half negated
     */
    public static void rotateHalves(float[] x, int at, float[] turn, int n) {
        int half = n / 2, i = 0;
        for (; i + L <= half; i += L) {
            FloatVector a = FloatVector.fromArray(F, x, at + i), b = FloatVector.fromArray(F, x, at + half + i);
            FloatVector cos = FloatVector.fromArray(F, turn, i), sin = FloatVector.fromArray(F, turn, n + half + i);
            a.mul(cos).sub(b.mul(sin)).intoArray(x, at + i);
            b.mul(cos).add(a.mul(sin)).intoArray(x, at + half + i);
        }
        for (; i < half; i++) {
            float a = x[at + i], b = x[at + half + i], cos = turn[i], sin = turn[n + half + i];
            x[at + i] = a * cos - b * sin;
            x[at + half + i] = b * cos + a * sin;
        }
    }

    /** As {@link #rotateHalves}, but features 2i and 2i + 1 are partners; the sines of even features are negated. */
    public static void rotateNeighbours(float[] x, int at, float[] turn, int n) {
        int i = 0;
        for (; i + L <= n; i += L) {
            FloatVector a = FloatVector.fromArray(F, x, at + i);
            a.mul(FloatVector.fromArray(F, turn, i)).add(a.rearrange(SWAP).mul(FloatVector.fromArray(F, turn, n + i))).intoArray(x, at + i);
        }
        for (; i < n; i += 2) {
            float a = x[at + i], b = x[at + i + 1], cos = turn[i], sin = turn[n + i + 1];
            x[at + i] = a * cos - b * sin;
            x[at + i + 1] = b * cos + a * sin;
        }
    }

    /** Copies rows of n elements that lie one behind the other: {@code out[outAt + r * outRow + i] = in[at + r * n + i]}. */
    public static void copyRows(float[] in, int at, int rows, int n, float[] out, int outAt, int outRow) {
        for (int r = 0; r < rows; r++, at += n, outAt += outRow) {
            int i = 0;
            for (; i + L <= n; i += L) {
                FloatVector.fromArray(F, in, at + i).intoArray(out, outAt + i);
            }
            for (; i < n; i++) {
                out[outAt + i] = in[at + i];
            }
        }
    }
}
