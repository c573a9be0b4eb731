package glimp.decode;

/**
 * What drafts have saved, in milliseconds, against a pass for each token.
 *
 * <p>Now and then a round does without a draft, and tells what such a pass takes. What was written between two of them
 * counts if they agree; if not, the program was still being compiled, or something else had the processor, and nobody knows
 * what it would have taken. So this is less than what was saved, and 0 in a run too short to tell.
 */
final class Savings {
    /** Passes of one token agree if the longer takes less than so many times the shorter. */
    private static final double AGREE = 1.25;

    private double ms;
    private double last = Double.NaN;
    /* Since then. */
    private double spent;
    private int tokens;

    /** A round wrote so many tokens, and took so long. */
    void round(int tokens, double ms) {
        this.tokens += tokens;
        this.spent += ms;
    }

    /** A pass of one token, without a draft, took so long. */
    void single(double took) {
        double shorter = Math.min(took, last);
        if (Math.max(took, last) < AGREE * shorter) {
            ms += tokens * shorter - spent;
        }
        last = took;
        spent = 0;
        tokens = 0;
    }

    /** Below 0 if the drafts cost more than they brought. */
    double ms() {
        return ms;
    }
}
