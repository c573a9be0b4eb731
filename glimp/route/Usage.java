package glimp.route;

/**
 * What a writer has done, in tokens and milliseconds.
 *
 * @param written tokens chosen @param writeMs time for them
 * @param glimpses glimpses taken @param glimpseMs time for them
 * @param switched tokens run to bring the cache up to date with what the other model wrote @param switchMs time for them
 * @param prompt tokens of prompts run @param promptMs time for them
 * @param recomputed tokens run although the cache had held them before
 * @param followed tokens run in the background while the other model wrote
 * @param passes of the model to write @param drafted tokens that were drafted for it @param accepted those that it accepted
 * @param savedMs time saved by the drafts, against a pass for each token, as far as it is known
 */
public record Usage(long written, double writeMs, long glimpses, double glimpseMs, long switched, double switchMs, long prompt, double promptMs, long recomputed,
        long followed, long passes, long drafted, long accepted, double savedMs) {
    public static final Usage NONE = new Usage(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0);

    /** What was done since an earlier reading. */
    public Usage since(Usage earlier) {
        return plus(earlier, -1);
    }

    /** Both together. */
    public Usage plus(Usage more) {
        return plus(more, 1);
    }

    private Usage plus(Usage u, int times) {
        return new Usage(written + times * u.written, writeMs + times * u.writeMs, glimpses + times * u.glimpses, glimpseMs + times * u.glimpseMs,
                switched + times * u.switched, switchMs + times * u.switchMs, prompt + times * u.prompt, promptMs + times * u.promptMs,
                recomputed + times * u.recomputed, followed + times * u.followed, passes + times * u.passes, drafted + times * u.drafted,
                accepted + times * u.accepted, savedMs + times * u.savedMs);
    }
}
