package glimp.route;

/**
 * A model as the router sees it. A model on this machine, one behind a network and a scripted fake are all writers.
 *
 * <p>A writer is used by one thread at a time.
 */
public interface Writer {

    /** The distribution of the next token after the chain. Nothing is written. */
    Glimpse glimpse(Chain chain, Listener listener);

    /**
     * Goes on from the end of the chain until there is a reason to stop. The chain is left as it is; the caller adds what
     * was written to it, or not.
     *
     * @param listener hears every piece of text as it comes, and may cancel
     */
    Written write(Chain chain, Until until, Listener listener);

    /** Nothing is asked of it for now: what it does in the background ends, and its errors come out here. */
    default void rest() {}

    /** What this writer has done since it was made. */
    Usage usage();

    /**
     * When to stop writing.
     *
     * @param delimiter text that ends a step, or null to go on to the end of the turn
     * @param endOfThinking text that ends the thinking, or null where it is nothing special
     * @param tokens most tokens to write
     * @param reserve tokens of the context that must stay free
     */
    record Until(String delimiter, String endOfThinking, int tokens, int reserve) {}

    /**
     * What was written.
     *
     * @param part text and tokens, with the delimiter if it was written, without the end of thinking or of the turn
     * @param ending why it stopped
     * @param tokens how many tokens the model chose, those that ended it included
     */
    record Written(Part part, Ending ending, int tokens) {}

    /** Why writing stopped. */
    enum Ending { DELIMITER, END_OF_THINKING, END_OF_TURN, LIMIT, CONTEXT_FULL, CANCELLED }
}
