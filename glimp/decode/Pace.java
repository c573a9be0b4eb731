package glimp.decode;

import java.util.Arrays;

/**
 * How long drafts should be: as long as they pay, which is learnt from how many are accepted and from what the passes take.
 *
 * <p>With acceptance a, a round that drafts n tokens brings {@code (1 - a^(n+1)) / (1 - a)} tokens and costs n passes of the
 * drafting model and one of the verifying model. The n that gives the cheapest tokens says whether to draft at all, and
 * what a token is worth. Within a round the drafting model's confidence, which tells far more than the mean, says after
 * every token whether another one is worth its cost.
 */
public final class Pace {
    /** What a token still counts when the next one comes. */
    private static final double MEMORY = 0.98;
    /** Acceptance is learnt by confidence, in bins that end here. */
    private static final double[] BINS = {0.3, 0.5, 0.7, 0.8, 0.9, 0.95, 0.98, 0.995, 1};
    /** Tokens that the first guess of an acceptance is worth. */
    private static final double GUESS = 2;
    /** While drafting does not pay, a round now and then tries again, twice as rarely each time. */
    private static final int FIRST_TRY = 32, RAREST_TRY = 128, TRY = 3;
    /** While it pays, a round now and then does without, twice as rarely each time. */
    private static final int FIRST_SINGLE = 4, RAREST_SINGLE = 32;

    private final int most;
    private final boolean fixed;
    private final double weight;
    private final PassTime measured = new PassTime();
    /** What decisions go by: what has been measured, or what is thought before that. */
    private final PassTime verifying;
    private double draftN, draftMs;

    private final double[] accepted = new double[BINS.length], judged = new double[BINS.length];
    private double allAccepted = 1.5 * GUESS, allJudged = 2 * GUESS;
    private int interval = FIRST_TRY;
    private int untilTry = FIRST_TRY;
    /** Rounds since a pass of one token, which drafts are weighed against, has been measured. */
    private int sinceSingle;
    private int betweenSingles = FIRST_SINGLE;

    /* This round. */
    private boolean trying;
    private int batch;
    private double reached;
    private double worth;

    private Pace(int most, boolean fixed, boolean byClock, double weight) {
        if (most < 0 || most > Draft.MOST) {
            throw new IllegalArgumentException("a draft has 0 to " + Draft.MOST + " tokens, not " + most);
        }
        this.most = most;
        this.fixed = fixed;
        this.weight = weight;
        this.verifying = byClock ? measured : new PassTime();
        for (int i = 0; i < BINS.length; i++) {
            judged[i] = GUESS;
            accepted[i] = GUESS * ((i == 0 ? 0 : BINS[i - 1]) + BINS[i]) / 2;
        }
    }

    /** Always so many, as far as there are any to propose. */
    public static Pace fixed(int count) {
        return new Pace(count, true, false, 0);
    }

    /**
     * As many as pay.
     *
     * @param most of a draft
     * @param weight time of the drafting model's pass as a share of the verifying model's, until it has been measured
     * @param byClock whether to measure; without it, what is drafted depends on the text only, and so does what is drawn
     */
    public static Pace adaptive(int most, double weight, boolean byClock) {
        return new Pace(most, false, byClock, weight);
    }

    /** A round begins: most tokens to draft. @param pending tokens that the pass runs anyway */
    int begin(int pending) {
        if (fixed) {
            return most;
        }
        batch = pending;
        reached = 1;
        int n = best(pending);
        trying = false;
        if (n > 0) {
            interval = untilTry = FIRST_TRY;
            if (sinceSingle >= betweenSingles) {
                betweenSingles = Math.min(RAREST_SINGLE, 2 * betweenSingles);
                return 0;
            }
            return Math.clamp(Draft.MOST - pending, 0, most);   // a larger batch is two
        }
        if (--untilTry > 0) {
            return 0;
        }
        trying = true;
        untilTry = interval = Math.min(RAREST_TRY, 2 * interval);
        return Math.min(TRY, most);
    }

    /** The length that gives the cheapest tokens if all are accepted alike; sets what a token is worth. */
    private int best(int pending) {
        double a = Math.min(0.999, allAccepted / allJudged);
        int best = 0;
        worth = verifying.of(pending);
        for (int n = 1; n <= most; n++) {
            double tokens = (1 - Math.pow(a, n + 1)) / (1 - a);
            double price = (n * draftTime() + verifying.of(pending + n)) / tokens;
            if (price < worth) {
                worth = price;
                best = n;
            }
        }
        return best;
    }

    /** Whether the next token, of this confidence, is worth verifying; if not, the draft ends, and it counts as rejected. */
    boolean worth(double confidence) {
        double stands = reached * acceptance(confidence);
        if (fixed || trying || pays(stands, 1)) {
            reached = stands;
            batch++;
            return true;
        }
        all(false);
        return false;
    }

    /** Whether a token more is worth drafting and verifying. */
    boolean another() {
        return fixed || trying || pays(reached * allAccepted / allJudged, 0);
    }

    /**
     * Whether some number of tokens more brings more than it costs: a kernel that takes tokens by fours makes one more dear,
     * and the next ones cheap.
     *
     * @param stands probability that the first of them will be kept @param drawn how many of them have been drafted already
     */
    private boolean pays(double stands, int drawn) {
        double gain = 0;
        for (int n = 1; batch + n <= Draft.MOST; n++) {
            gain += stands * worth;
            stands *= allAccepted / allJudged;
            if (gain > (n - drawn) * draftTime() + verifying.of(batch + n) - verifying.of(batch)) {
                return true;
            }
        }
        return false;
    }

    /** A drafted token has been judged; those behind a rejected one are not. */
    void judged(double confidence, boolean right) {
        int bin = bin(confidence);
        judged[bin] = MEMORY * judged[bin] + 1;
        accepted[bin] = MEMORY * accepted[bin] + (right ? 1 : 0);
        all(right);
    }

    private void all(boolean right) {
        allJudged = MEMORY * allJudged + 1;
        allAccepted = MEMORY * allAccepted + (right ? 1 : 0);
    }

    /** A pass of the drafting model took so long. */
    void drafted(double ms) {
        if (measured.measured()) {
            draftMs += Math.min(ms, PassTime.INTERRUPTED * draftTime(measured));
            draftN++;
        }
    }

    /** A pass of the verifying model took so long. */
    void verified(int tokens, double ms) {
        measured.add(tokens, ms);
        sinceSingle = tokens == 1 ? 0 : sinceSingle + 1;
        draftN *= PassTime.MEMORY;
        draftMs *= PassTime.MEMORY;
    }

    private double draftTime() {
        return verifying == measured ? draftTime(measured) : weight * verifying.of(1);
    }

    /** From what was measured lately, and, the less that was, from what is expected: a time that was wrong is tried again. */
    private double draftTime(PassTime one) {
        return (draftMs + PassTime.TRUST * weight * one.of(1)) / (draftN + PassTime.TRUST);
    }

    private double acceptance(double confidence) {
        int bin = bin(confidence);
        return accepted[bin] / judged[bin];
    }

    private static int bin(double confidence) {
        int at = Arrays.binarySearch(BINS, confidence);
        return Math.min(BINS.length - 1, at < 0 ? -at - 1 : at);
    }
}
