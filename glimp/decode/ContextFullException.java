package glimp.decode;

/** More tokens than a context has room for; the message is one line that says how many and what to do. */
public final class ContextFullException extends RuntimeException {
    private static final long serialVersionUID = 1;

    ContextFullException(int tokens, int capacity) {
        super("the context is full: " + tokens + " tokens asked for, room for " + capacity + " (a larger context is -c)");
    }
}
