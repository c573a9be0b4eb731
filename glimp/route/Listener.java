package glimp.route;

/** Hears of a run while it goes on: a terminal, a page, a test. All calls come from the thread that runs it. */
public interface Listener {
    /** Hears nothing, cancels nothing. */
    Listener NONE = new Listener() {};

    /** A step begins. @param glimpse what decided who writes it; null where nothing was glimpsed */
    default void stepBegins(Author author, Glimpse glimpse) {}

    /** Text of the step, or of the answer, as it is written. */
    default void piece(String text) {}

    default void stepEnds(Step step) {}

    default void answerBegins() {}

    /** A cache is being brought up to date: {@code done} tokens of {@code of}. Called between batches. */
    default void prefill(int done, int of) {}

    /** Asked before each token and between batches; true stops the run, with what it has so far. */
    default boolean cancelled() {
        return false;
    }
}
