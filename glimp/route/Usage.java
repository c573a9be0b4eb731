package glimp.route;

/**
 * What a writer has done, in tokens and milliseconds.
 *
 * @param written tokens chosen @param writeMs time for them
 * @param glimpses glimpses taken @param glimpseMs time for them
 * @param switched tokens run to bring the cache up to date with what the other model wrote @param switchMs time for them
 * @param prompt tokens of prompts run @param promptMs time for them
 * @param recomputed tokens run although the cache had held them before
 * @param passes of the model to write @param drafted tokens that were drafted for it @param accepted those that it accepted
 * @param savedMs time saved by the drafts, against a pass for each token (an estimate)
 */
public record Usage(long written, double writeMs, long glimpses, double glimpseMs, long switched, double switchMs, long prompt, double promptMs, long recomputed,
        long passes, long drafted, long accepted, double savedMs) {
    public static final Usage NONE = new Usage(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0);

    /** What was done since an earlier reading. */
    public Usage since(Usage earlier) {
        return new Usage(written - earlier.written, writeMs - earlier.writeMs, glimpses - earlier.glimpses, glimpseMs - earlier.glimpseMs,
                switched - earlier.switched, switchMs - earlier.switchMs, prompt - earlier.prompt, promptMs - earlier.promptMs, recomputed - earlier.recomputed,
                passes - earlier.passes, drafted - earlier.drafted, accepted - earlier.accepted, savedMs - earlier.savedMs);
    }
}
