package glimp.route;

/**
 * Whether one model reads in the background what the other one writes: always, or where that has been found to pay.
 *
 * <p>It is found by trying. A stretch is what is written from where the reader was last up to date to where it is again;
 * the first four go without, with, without, with, then the way with the cheaper tokens is kept, and the other one is tried
 * again, twice as rarely each time. What a token costs is the time to write it and the reader's part of the switch.
 *
 * <p>It pays where the writer leaves a core idle. On two cores of Zen 4, 0.6 B writing and 1.7 B reading (Q8_0): with one
 * thread of each, switches fell from 25 to 18 ms a token and writing rose from 39 to 41; with a team of two, whose cores the
 * background takes, writing rose from 24 to 58.
 */
public final class ReadAlong {
    /** Stretches of either kind at the beginning. */
    private static final int FIRST = 2;
    private static final int FIRST_RETRY = 8;

    private static final int WITHOUT = 0, WITH = 1;

    private final boolean always;
    /** Milliseconds a token; NaN until measured. */
    private final double[] cost = {Double.NaN, Double.NaN};
    private int stretches;
    private int between = FIRST_RETRY;
    private int untilRetry = FIRST_RETRY;

    /* This stretch. */
    private int way = -1;
    private int tokens;
    private double ms;

    private ReadAlong(boolean always) {
        this.always = always;
    }

    /** Without asking whether it pays. */
    public static ReadAlong always() {
        return new ReadAlong(true);
    }

    /** As far as it pays. */
    public static ReadAlong measured() {
        return new ReadAlong(false);
    }

    /** Something is about to be written; the answer stays the same for a whole stretch. */
    boolean wanted() {
        if (way < 0) {
            way = choose();
        }
        return way == WITH;
    }

    private int choose() {
        if (always) {
            return WITH;
        }
        if (stretches < 2 * FIRST) {
            return stretches % 2;
        }
        int best = cost[WITH] < cost[WITHOUT] ? WITH : WITHOUT;
        if (--untilRetry > 0) {
            return best;
        }
        between *= 2;
        untilRetry = between;
        return 1 - best;
    }

    /** So many tokens have been written, in so much time. */
    void wrote(int count, double took) {
        tokens += count;
        ms += took;
    }

    /**
     * The reader is up to date again; the stretch ends.
     *
     * @param took time that the switch took, the wait for the background included
     * @param fair false if the reader had more to read than what was written, so that this tells nothing
     */
    void read(double took, boolean fair) {
        if (way >= 0 && tokens > 0 && fair) {
            measured((ms + took) / tokens);
            stretches++;
        }
        way = -1;
        tokens = 0;
        ms = 0;
    }

    /** What took longer than before may have been interrupted, and counts half. */
    private void measured(double each) {
        cost[way] = each > cost[way] ? (cost[way] + each) / 2 : each;
    }
}
