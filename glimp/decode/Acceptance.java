package glimp.decode;

import java.util.Arrays;

/**
 * How many of the drafted tokens are accepted: lately, and of those that the drafting model was so sure of.
 *
 * <p>Acceptance comes in streaks: a passage that the small model knows by heart, then one that it does not understand. So the
 * last ten tokens decide whether to draft at all. What a confidence is worth depends on the pair of models more than on the
 * passage, and is remembered for longer.
 */
final class Acceptance {
    /** What a token still counts when the next one comes: lately, and of its confidence. */
    private static final double RECENT = 0.9, LASTING = 0.95;
    /** Confidences are taken together up to these. */
    private static final double[] BINS = {0.3, 0.5, 0.7, 0.8, 0.9, 0.95, 0.98, 0.995, 1};
    /** Before anything is known, a confidence is taken at its word; that is worth so many tokens. */
    private static final double GUESS = 0.5;
    /** The first guess for all tokens, and the number of tokens that it is worth: so high that the first drafts are made. */
    private static final double FIRST = 0.75, FIRST_WORTH = 3;

    private double accepted = FIRST * FIRST_WORTH, judged = FIRST_WORTH;
    private final double[] acceptedOf = new double[BINS.length], judgedOf = new double[BINS.length];

    /** Share of the tokens drawn lately that were accepted, 0 .. 1. */
    double lately() {
        return accepted / judged;
    }

    /** Probability that a token of this confidence is accepted. */
    double of(double confidence) {
        int bin = bin(confidence);
        double guess = ((bin == 0 ? 0 : BINS[bin - 1]) + BINS[bin]) / 2;
        return (acceptedOf[bin] + GUESS * guess) / (judgedOf[bin] + GUESS);
    }

    /** Whether tokens of about this confidence have been judged, at least two. */
    boolean known(double confidence) {
        return judgedOf[bin(confidence)] > 1;
    }

    /** A token has been judged by the model that verifies. */
    void judged(double confidence, boolean right) {
        int bin = bin(confidence);
        judgedOf[bin] = LASTING * judgedOf[bin] + 1;
        acceptedOf[bin] = LASTING * acceptedOf[bin] + (right ? 1 : 0);
        drawn(right);
    }

    /** A token was drawn, and is of use or not. */
    void drawn(boolean useful) {
        judged = RECENT * judged + 1;
        accepted = RECENT * accepted + (useful ? 1 : 0);
    }

    private static int bin(double confidence) {
        int at = Arrays.binarySearch(BINS, confidence);
        return Math.min(BINS.length - 1, at < 0 ? -at - 1 : at);
    }
}
