package glimp.decode;

/**
 * Time of a model's pass by the number of its tokens: a straight line through what was measured lately, since a pass reads
 * the weights once and computes with them for each token.
 */
final class PassTime {
    /** What a measurement still counts when the next one comes: the last thirty or so decide, the slow first ones soon do not. */
    private static final double MEMORY = 0.97;
    /** A further token costs so much of a pass while nothing better is known, and so many measurements is that worth. */
    private static final double SLOPE = 0.2, TRUST = 2;
    /** A pass that takes so many times what is expected was interrupted; it counts as this. */
    private static final double INTERRUPTED = 3;

    private double n, tokens, ms, tokens2, tokensMs;

    boolean measured() {
        return n > 0;
    }

    void add(int count, double took) {
        double t = n > 0 ? Math.min(took, INTERRUPTED * of(count)) : took;
        n = MEMORY * n + 1;
        tokens = MEMORY * tokens + count;
        ms = MEMORY * ms + t;
        tokens2 = MEMORY * tokens2 + (double) count * count;
        tokensMs = MEMORY * tokensMs + count * t;
    }

    /** Of a pass of so many tokens; milliseconds, or passes of one token while nothing has been measured. */
    double of(int count) {
        if (n == 0) {
            return 1 + SLOPE * (count - 1);
        }
        double meanTokens = tokens / n, meanMs = ms / n;
        double expected = SLOPE * meanMs / (1 + SLOPE * (meanTokens - 1));
        double slope = (tokensMs - tokens * meanMs + TRUST * expected) / (tokens2 - tokens * meanTokens + TRUST);
        slope = Math.clamp(slope, 0, meanMs / meanTokens);
        return meanMs + slope * (count - meanTokens);
    }
}
