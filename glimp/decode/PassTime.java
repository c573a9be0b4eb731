package glimp.decode;

/**
 * Time of a model's pass by the number of its tokens, from what was measured lately.
 *
 * <p>A pass reads the weights once and computes with them for each token: a straight line. A kernel that takes tokens by
 * fours makes steps of it. So each number of tokens has its own mean, which counts the more, beside the line through all of
 * them, the oftener it has been measured.
 */
final class PassTime {
    /** What a measurement still counts when the next one of as many tokens comes: the last ten decide. */
    private static final double MEMORY = 0.9;
    /**
     * And when any comes. A length that has not been measured for some hundred passes is forgotten: it may have been measured
     * before its code was compiled, and found too dear to be tried again.
     */
    private static final double FADING = 0.99, FORGOTTEN = 0.25;
    /**
     * A further token costs so much of a pass while nothing better is known: between nothing, where reading the weights is all
     * the work, and a pass.
     */
    private static final double SLOPE = 0.5;
    /**
     * A length that has never been measured never would be if it were thought too dear: so much is believed of what it is
     * thought to cost more than a shorter one.
     */
    private static final double BELIEVED = 0.9;
    /** So many measurements is it worth what was expected before any. */
    private static final double TRUST = 0.25;
    /**
     * A pass that takes more than so many times what is expected was interrupted, and counts as this. Nothing makes a pass too
     * fast: one that takes so much less shows that the earlier ones were slow, before the code was compiled; they are forgotten.
     */
    static final double UNEXPECTED = 1.5;
    /** Longer passes are taken as this long. */
    private static final int MOST = Draft.MOST + 1;

    /** By the number of tokens: measurements, and their sum. */
    private final double[] n = new double[MOST + 1], ms = new double[MOST + 1];

    boolean measured(int count) {
        return n[Math.min(count, MOST)] > 0;
    }

    void add(int count, double took) {
        int k = Math.min(count, MOST);
        double expected = of(k);
        if (n[k] > 0 && took < ms[k] / n[k] / UNEXPECTED) {
            n[k] = ms[k] = 0;
        }
        double counts = any() ? Math.min(took, UNEXPECTED * expected) : took;
        for (int i = 0; i <= MOST; i++) {
            boolean forgotten = FADING * n[i] < FORGOTTEN;
            n[i] = forgotten ? 0 : FADING * n[i];
            ms[i] = forgotten ? 0 : FADING * ms[i];
        }
        n[k] = MEMORY * n[k] + 1;
        ms[k] = MEMORY * ms[k] + counts;
    }

    /** Of a pass of so many tokens; milliseconds, or passes of one token while nothing has been measured. */
    double of(int count) {
        int k = Math.min(count, MOST);
        if (!any()) {
            return 1 + SLOPE * (k - 1);
        }
        return n[k] > 0 ? (ms[k] + TRUST * line(k)) / (n[k] + TRUST) : hoped(k);
    }

    /** Of a length that has never been measured, from the line and the longest shorter one that has. */
    private double hoped(int k) {
        int shorter = k - 1;
        while (shorter > 0 && n[shorter] == 0) {
            shorter--;
        }
        return shorter == 0 ? line(k) : of(shorter) + BELIEVED * Math.max(0, line(k) - of(shorter));
    }

    private boolean any() {
        for (double each : n) {
            if (each > 0) {
                return true;
            }
        }
        return false;
    }

    /** Least squares, drawn to the slope that is expected, which alone decides while all passes are of one length. */
    private double line(int k) {
        double all = 0, tokens = 0, sum = 0, squares = 0, products = 0;
        for (int i = 1; i <= MOST; i++) {
            all += n[i];
            tokens += n[i] * i;
            sum += ms[i];
            squares += n[i] * i * i;
            products += ms[i] * i;
        }
        double meanTokens = tokens / all, mean = sum / all;
        double expected = SLOPE * mean / (1 + SLOPE * (meanTokens - 1));
        double slope = (products - tokens * mean + TRUST * expected) / (squares - tokens * meanTokens + TRUST);
        return mean + Math.clamp(slope, 0, mean / meanTokens) * (k - meanTokens);
    }
}
