package glimp.model;

/** There is not enough memory for the keys and values of so many tokens; the message is one line with the figures. */
public final class CacheMemoryException extends RuntimeException {
    private static final long serialVersionUID = 1;

    CacheMemoryException(int tokens, long needed, Throwable cause) {
        super("a context of " + tokens + " tokens needs " + megabytes(needed) + " MB for keys and values, but Java may use "
                + megabytes(Runtime.getRuntime().maxMemory()) + " MB in all: take a smaller context, or allow more with -Xmx", cause);
    }

    private static long megabytes(long bytes) {
        return (bytes + (1 << 20) - 1) >> 20;
    }
}
