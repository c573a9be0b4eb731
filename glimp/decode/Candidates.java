package glimp.decode;

import glimp.tensor.Ops;
import java.util.Arrays;

/** What temperature and filters leave of a distribution: token ids and their probabilities, which add up to 1. */
final class Candidates {
    private int[] ids = new int[0];
    private float[] probabilities = new float[0];
    private int count;
    /** By token id: probability relative to the best token's. */
    private float[] relative = new float[0];

    int count() {
        return count;
    }

    int id(int i) {
        return ids[i];
    }

    float probability(int i) {
        return probabilities[i];
    }

    /** Probability of a token; 0 if it is none of these. */
    double of(int token) {
        for (int i = 0; i < count; i++) {
            if (ids[i] == token) {
                return probabilities[i];
            }
        }
        return 0;
    }

    /** Probability of the likeliest one. */
    double best() {
        return Ops.max(probabilities, 0, count);
    }

    /** Becomes certainty of one token. */
    void point(int token) {
        if (ids.length == 0) {
            ids = new int[1];
            probabilities = new float[1];
        }
        ids[0] = token;
        probabilities[0] = 1;
        count = 1;
    }

    /**
     * Becomes {@code normalise(max(0, p - q))}, p being these and q the others: what is drawn from after a token drawn from q
     * has been rejected.
     *
     * @return false if nothing would be left, which is only so where p is q but for rounding; these are then as before
     */
    boolean subtract(Candidates q) {
        Arrays.fill(relative, 0);
        for (int i = 0; i < q.count; i++) {
            relative[q.ids[i]] = q.probabilities[i];
        }
        double left = 0;
        for (int i = 0; i < count; i++) {
            left += Math.max(0, probabilities[i] - relative[ids[i]]);
        }
        if (!(left > 0)) {
            return false;
        }
        int n = 0;
        for (int i = 0; i < count; i++) {
            float more = probabilities[i] - relative[ids[i]];
            if (more > 0) {
                ids[n] = ids[i];
                probabilities[n++] = (float) (more / left);
            }
        }
        count = n;
        return true;
    }

    /** @param logits {@code float[vocab]}, left as they are @param how its temperature must not be 0 */
    void fill(float[] logits, Sampling how) {
        int n = logits.length;
        if (ids.length < n) {
            ids = new int[n];
            probabilities = new float[n];
            relative = new float[n];
        }
        System.arraycopy(logits, 0, relative, 0, n);
        Ops.scale(relative, 0, (float) (1 / how.temperature()), n);
        double total = Ops.exp(relative, 0, n, Ops.max(relative, 0, n), 1);
        if (how.topK() == 0 && how.topP() == 1) {
            keepAll(n, how.minP());
        } else {
            keepBest(n, how, total);
        }
        Ops.scale(probabilities, 0, 1 / sum(), count);
    }

    private void keepAll(int n, double minP) {
        count = 0;
        for (int i = 0; i < n; i++) {
            if (relative[i] >= minP) {
                ids[count] = i;
                probabilities[count++] = relative[i];
            }
        }
    }

    /**
     * The most likely tokens in order, until a filter says enough. They come off a heap: making it takes one pass, and a
     * few pops are far cheaper than sorting a vocabulary of 150,000.
     *
     * <p>Top-p counts in what top-k left; min-p, too, keeps a beginning of the order.
     */
    private void keepBest(int n, Sampling how, double total) {
        int limit = how.topK() > 0 ? Math.min(how.topK(), n) : n;
        int[] heap = new int[n];
        for (int i = 0; i < n; i++) {
            heap[i] = i;
        }
        for (int i = n / 2 - 1; i >= 0; i--) {
            sink(heap, i, n);
        }
        boolean lazy = how.topK() == 0;
        double mass = 0;
        for (count = 0; count < limit && !(lazy && mass >= how.topP() * total); count++) {
            int best = heap[0];
            heap[0] = heap[n - 1 - count];
            sink(heap, 0, n - 1 - count);
            ids[count] = best;
            probabilities[count] = relative[best];
            mass += relative[best];
        }
        double enough = how.topP() * (lazy ? total : mass);
        double kept = 0;
        int i = 0;
        while (i < count && kept < enough && probabilities[i] >= how.minP()) {
            kept += probabilities[i++];
        }
        count = i;
    }

    private void sink(int[] heap, int at, int n) {
        int moving = heap[at];
        for (int child = 2 * at + 1; child < n; child = 2 * at + 1) {
            if (child + 1 < n && relative[heap[child + 1]] > relative[heap[child]]) {
                child++;
            }
            if (!(relative[heap[child]] > relative[moving])) {
                break;
            }
            heap[at] = heap[child];
            at = child;
        }
        heap[at] = moving;
    }

    private float sum() {
        double sum = 0;
        for (int i = 0; i < count; i++) {
            sum += probabilities[i];
        }
        return (float) sum;
    }

    /** The token at a point of the cumulative distribution. @param at 0 up to, but not including, 1 */
    int draw(double at) {
        double sum = 0;
        for (int i = 0; i < count; i++) {
            sum += probabilities[i];
            if (at < sum) {
                return ids[i];
            }
        }
        return ids[count - 1];
    }
}
