package glimp.model;

/** The keys and values of the tokens that a model has seen, for every layer. */
public final class KvCache {

    /** How the numbers are stored. */
    public enum Type { F32, F16 }

    /** Tokens in the cache. */
    public int length() {
        throw new UnsupportedOperationException();
    }

    /** Most tokens that the cache may hold. */
    public int capacity() {
        throw new UnsupportedOperationException();
    }

    /** Bytes held at the moment; memory grows with the length, up to what the capacity needs. */
    public long bytes() {
        throw new UnsupportedOperationException();
    }

    /** Forgets all but the first {@code length} tokens; takes no time. */
    public void cut(int length) {
        throw new UnsupportedOperationException();
    }
}
