package glimp.decode;

import glimp.tensor.Ops;

/** What can be read off logits without drawing from them. Probabilities are those at temperature 1. */
public final class Distribution {
    private Distribution() {}

    /** A token and its probability. */
    public record Likely(int token, double probability) {}

    /** Index of the largest of n values, the first of equals. */
    public static int argmax(float[] logits, int at, int n) {
        float max = Ops.max(logits, at, n);
        for (int i = 0; i < n; i++) {
            if (logits[at + i] == max) {
                return i;
            }
        }
        throw new ArithmeticException("the logits are not numbers: the model's weights or the computation are damaged");
    }

    /** Probability of a token. @param logits {@code float[vocab]}, left as they are */
    public static double probability(float[] logits, int token) {
        int n = logits.length;
        float max = Ops.max(logits, 0, n);
        return Math.exp(logits[token] - max) / Ops.exp(logits.clone(), 0, n, max, 1);
    }

    /**
     * Shannon entropy in nats, {@code -sum p ln p}, of the whole vocabulary.
     *
     * <p>With {@code z = sum exp(l - max)} it is {@code ln z + max - sum exp(l - max) l / z}: one pass of exponentials.
     *
     * @param logits {@code float[vocab]}, left as they are
     */
    public static double entropy(float[] logits) {
        int n = logits.length;
        float max = Ops.max(logits, 0, n);
        float[] e = logits.clone();
        double z = Ops.exp(e, 0, n, max, 1);
        return Math.max(0, Math.log(z) + max - Ops.dot(e, 0, logits, 0, n) / z);
    }

    /** Entropy in nats of the given tokens alone, renormalised over them (at most {@code ln k}). */
    public static double entropy(Likely[] top) {
        double total = 0;
        for (Likely t : top) {
            total += t.probability();
        }
        double h = 0;
        for (Likely t : top) {
            double p = t.probability() / total;
            h -= p > 0 ? p * Math.log(p) : 0;
        }
        return Math.max(0, h);
    }

    /** The k most likely tokens, most likely first, with their probabilities among the whole vocabulary. */
    public static Likely[] top(float[] logits, int k) {
        k = Math.min(k, logits.length);
        int[] best = new int[k];
        int found = 0;
        for (int i = 0; i < logits.length; i++) {
            if (found == k && !(logits[i] > logits[best[k - 1]])) {
                continue;
            }
            int at = found < k ? found++ : k - 1;
            for (; at > 0 && logits[i] > logits[best[at - 1]]; at--) {
                best[at] = best[at - 1];
            }
            best[at] = i;
        }
        float max = logits[best[0]];
        double z = Ops.exp(logits.clone(), 0, logits.length, max, 1);
        Likely[] top = new Likely[k];
        for (int i = 0; i < k; i++) {
            top[i] = new Likely(best[i], Math.exp(logits[best[i]] - max) / z);
        }
        return top;
    }
}
