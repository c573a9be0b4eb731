package glimp.decode;

/**
 * How long drafts should be: as long as they pay, which is learnt from how many are accepted and from what the passes take.
 *
 * <p>With acceptance a, a round that drafts n tokens brings {@code (1 - a^(n+1)) / (1 - a)} tokens and costs n passes of the
 * drafting model and one of the verifying model. The n that gives the cheapest tokens says whether to draft at all, and
 * what a token is worth. Within a round the drafting model's confidence, which tells far more than the mean, says after
 * every token whether another one is worth its cost.
 *
 * <p>Where no n pays, only a trial can tell that one would by now: one token is drafted and verified. If it is rejected, that
 * costs more than half a pass of the verifying model, and more where the drafting model has to read first what was written
 * without it. (1.7B in Q8_0 on two cores of Zen 4: passes of 1, 2, 3, 4 and 8 tokens take 50, 76, 96, 108 and 187 ms; four of
 * its 28 layers draft a token in 9 ms, and read one in 2 to 3.) So all that is drafted is paid from a purse, in passes: it
 * holds a few at first, gets a small share of every pass without a draft, and one for every token that was accepted, up to a
 * limit. A trial is made when the purse can pay for it, and nothing else is drafted while it is empty. So a text that drafts
 * are no good for costs little more than that, however wrong the estimates are; and where they were good for some passages,
 * they have earned more trials.
 */
public final class Pace {
    /** The purse, in passes of one token: at first, at most, and its share of a pass without a draft. */
    private static final double PURSE = 2.5, FULL = 8, SHARE = 0.01;
    /**
     * Drafting is taken to cost so many passes a round at most: that the drafting model reads a long prompt, and is compiled
     * meanwhile, is no reason to do without it.
     */
    private static final double DEAREST = 4;
    /** Rounds from one trial to the next are doubled while they fail, up to so many. */
    private static final int RAREST_TRIAL = 64;
    /** Reading a token takes so much of the drafting model's pass, until it has been measured. */
    private static final double READING = 0.2;
    /** What a token still counts in that measurement when the next is read. */
    private static final double MEMORY = 0.9;
    /** While drafts pay, a round now and then does without, twice as rarely each time: they are weighed against such a pass. */
    private static final int FIRST_SINGLE = 12, RAREST_SINGLE = 48;

    private final int most;
    private final boolean fixed;
    private final boolean byClock;
    private final double weight;
    private final PassTime verifying = new PassTime(), drafting = new PassTime();
    private final Acceptance acceptance = new Acceptance();
    /** What the drafting model has read, and the time for it. */
    private double readTokens, readMs;

    private double purse = PURSE;
    private int betweenTrials = 1;
    private int sinceTrial;
    private int betweenSingles = FIRST_SINGLE;
    private int sinceSingle;

    /* This round. */
    private boolean trial;
    /** Tokens that the verifying model's pass runs anyway, and with those of the draft, as far as it is decided. */
    private int pending, batch;
    /** Tokens drafted, whether they are verified or not. */
    private int drawn;
    /** Probability that all that has been drafted stands. */
    private double reached;
    /** Of a token, in time: what the cheapest ones cost. */
    private double worth;

    private Pace(int most, boolean fixed, boolean byClock, double weight) {
        if (most < 0 || most > Draft.MOST) {
            throw new IllegalArgumentException("a draft has 0 to " + Draft.MOST + " tokens, not " + most);
        }
        this.most = most;
        this.fixed = fixed;
        this.byClock = byClock;
        this.weight = weight;
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

    /**
     * A round begins.
     *
     * @param pending tokens that the verifying model's pass runs anyway @param behind tokens that the drafting model has to read
     * @return most tokens to draft
     */
    int begin(int pending, int behind) {
        if (fixed) {
            return most;
        }
        this.pending = pending;
        batch = pending;
        drawn = 0;
        reached = 1;
        sinceTrial++;
        trial = false;
        int longest = Math.clamp(Draft.MOST - pending, 0, most);   // a larger batch is two
        boolean pays = anyPays(longest);
        if (byClock && !verifying.measured(1)) {
            return 0;
        }
        if (pays && purse > 0) {
            return single() ? 0 : longest;
        }
        // As expected: a time that was measured wrong, before the code was compiled, must not keep it from being measured again.
        double price = expectedDraftTime() + reading(behind - 1) + verifying.of(pending + 1) - verifying.of(pending);
        trial = sinceTrial >= betweenTrials && price <= purse * verifying.of(1);
        return trial ? Math.min(1, longest) : 0;
    }

    private boolean single() {
        if (sinceSingle < betweenSingles) {
            return false;
        }
        betweenSingles = Math.min(RAREST_SINGLE, 2 * betweenSingles);
        return true;
    }

    /** Whether some length gives cheaper tokens than none if all are accepted alike; sets what a token is worth. */
    private boolean anyPays(int longest) {
        double none = verifying.of(batch), stands = 1, tokens = 1;
        worth = none;
        for (int n = 1; n <= longest; n++) {
            stands *= acceptance.lately();
            tokens += stands;
            worth = Math.min(worth, (n * draftTime() + verifying.of(batch + n)) / tokens);
        }
        return worth < none;
    }

    /** Whether the next token, of this confidence, is worth verifying; if not, the draft ends, and it counts as rejected. */
    boolean worth(double confidence) {
        if (fixed) {
            return true;
        }
        drawn++;
        double stands = reached * acceptance.of(confidence);
        if (trial || !acceptance.known(confidence) || pays(stands, 1)) {
            reached = stands;
            batch++;
            return true;
        }
        acceptance.drawn(false);
        return false;
    }

    /** Whether a token more is worth drafting and verifying. */
    boolean another() {
        return fixed || pays(reached * acceptance.lately(), 0);
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
            stands *= acceptance.lately();
            if (gain > (n - drawn) * draftTime() + verifying.of(batch + n) - verifying.of(batch)) {
                return true;
            }
        }
        return false;
    }

    /** A drafted token has been judged; those behind a rejected one are not. */
    void judged(double confidence, boolean right) {
        acceptance.judged(confidence, right);
        if (right) {
            purse = Math.min(FULL, purse + 1);
        }
        if (trial) {
            betweenTrials = right ? 1 : Math.min(RAREST_TRIAL, 2 * betweenTrials);
            sinceTrial = 0;
        }
    }

    /** The drafting model has run so many tokens, in so long. */
    void drafted(int tokens, double ms) {
        if (tokens == 1) {
            drafting.add(1, Math.min(ms, PassTime.UNEXPECTED * draftTime()));
        } else {
            readTokens = MEMORY * readTokens + tokens - 1;
            readMs = MEMORY * readMs + Math.max(0, ms - draftTime());
        }
    }

    /** The round's tokens have been run: drafting them, with all that was read for it, and verifying took so long. */
    void verified(int tokens, double draftMs, double ms) {
        if (byClock) {
            verifying.add(tokens, ms);
        }
        sinceSingle = tokens == 1 ? 0 : sinceSingle + 1;
        if (drawn == 0) {
            purse = Math.min(FULL, purse + SHARE);
        } else {
            double single = verifying.of(1), cost = byClock ? draftMs : drawn * draftTime();
            purse -= Math.min(DEAREST, cost / single) + (verifying.of(tokens) - verifying.of(pending)) / single;
        }
    }

    /** Of the drafting model's pass for one token. */
    private double draftTime() {
        return byClock && drafting.measured(1) ? drafting.of(1) : expectedDraftTime();
    }

    private double expectedDraftTime() {
        return weight * verifying.of(1);
    }

    /** Of what the drafting model reads beside the token that such a pass is for. */
    private double reading(int tokens) {
        return Math.max(0, tokens) * (byClock && readTokens > 0 ? readMs / readTokens : READING * draftTime());
    }
}
