package glimp.decode;

/**
 * Time of a model's pass by the number of its tokens, from what was measured lately.
 *
 * <p>A pass reads the weights once and computes with them for each token: a straight line. A kernel that takes tokens by
 * fours makes steps of it. So each number of tokens has its own mean, which counts the more, beside the line through all of
 * them, the oftener it has been measured.
 */
final class PassTime {
    /** What a measurement still counts when the next one comes: the last fifty or so decide, the slow first ones soon do not. */
    static final double MEMORY = 0.98;
    /** A further token costs so much of a pass while nothing better is known. */
    private static final double SLOPE = 0.2;
    /** So many measurements is it worth what was expected before any. */
    static final double TRUST = 2;
    /** A pass that takes more than so many times what is expected was interrupted, and counts as this. */
    static final double INTERRUPTED = 1.5;
    /** Longer passes are taken as this long. */
    private static final int MOST = Draft.MOST + 1;

    private final double[] n = new double[MOST + 1], ms = new double[MOST + 1];

    private double allN, tokens, allMs, tokens2, tokensMs;

    boolean measured() {
        return allN > 0;
    }

    void add(int count, double took) {
        int k = Math.min(count, MOST);
        double t = measured() ? Math.min(took, INTERRUPTED * of(k)) : took;
        for (int i = 0; i <= MOST; i++) {
            n[i] *= MEMORY;
            ms[i] *= MEMORY;
        }
        n[k] += 1;
        ms[k] += t;
        allN = MEMORY * allN + 1;
        tokens = MEMORY * tokens + k;
        allMs = MEMORY * allMs + t;
        tokens2 = MEMORY * tokens2 + k * k;
        tokensMs = MEMORY * tokensMs + k * t;
    }

    /** Of a pass of so many tokens; milliseconds, or passes of one token while nothing has been measured. */
    double of(int count) {
        int k = Math.min(count, MOST);
        return measured() ? (ms[k] + TRUST * line(k)) / (n[k] + TRUST) : 1 + SLOPE * (k - 1);
    }

    /** Least squares, drawn to the slope that is expected, which alone decides while all passes are of one length. */
    private double line(int k) {
        double meanTokens = tokens / allN, meanMs = allMs / allN;
        double expected = SLOPE * meanMs / (1 + SLOPE * (meanTokens - 1));
        double slope = (tokensMs - tokens * meanMs + TRUST * expected) / (tokens2 - tokens * meanTokens + TRUST);
        return meanMs + Math.clamp(slope, 0, meanMs / meanTokens) * (k - meanTokens);
    }
}
