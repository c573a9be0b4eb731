package glimp.decode;

import glimp.model.KvCache;
import glimp.model.Model;

/**
 * A model's running context: the tokens whose keys and values are in its cache.
 *
 * <p>Everything that looks like sharing, switching, rolling back or continuing is {@link #advance} to a token list.
 */
public final class Context {

    /** Hears of a long advance, and may stop it. */
    @FunctionalInterface
    public interface Progress {
        /** Called between batches; {@code done} tokens of {@code of} have been run. False stops, and leaves a consistent context. */
        boolean batch(int done, int of);
    }

    /** An empty context with keys and values in half precision. @param capacity most tokens it may hold */
    public Context(Model model, int capacity) {
        this(model, capacity, KvCache.Type.F16, KvCache.Type.F16);
    }

    public Context(Model model, int capacity, KvCache.Type keys, KvCache.Type values) {
        throw new UnsupportedOperationException();
    }

    public Model model() {
        throw new UnsupportedOperationException();
    }

    /** Tokens in the context. */
    public int length() {
        throw new UnsupportedOperationException();
    }

    /** Most tokens that it may hold. */
    public int capacity() {
        throw new UnsupportedOperationException();
    }

    /** The token at position i, 0 .. length - 1. */
    public int token(int i) {
        throw new UnsupportedOperationException();
    }

    /** A copy of the tokens. */
    public int[] tokens() {
        throw new UnsupportedOperationException();
    }

    /**
     * Makes the context exactly the first {@code count} of these tokens: keeps the longest common prefix, cuts the rest, runs
     * what is new in batches. If nothing is new and the logits after the last token are still at hand, nothing is computed.
     *
     * @param progress hears of every batch; may be null
     * @return the logits after the last token, {@code float[vocab]}, the context's own, valid until its next call; null if
     *         {@code progress} stopped it, or count is 0
     * @throws ContextFullException if count is more than the capacity; the context is as before then
     */
    public float[] advance(int[] tokens, int count, Progress progress) {
        throw new UnsupportedOperationException();
    }

    /** Runs one more token. @return the logits after it, as {@link #advance} */
    public float[] append(int token) {
        throw new UnsupportedOperationException();
    }

    /**
     * Runs the first {@code count} tokens of a draft behind the context, at most {@link Model#BATCH}.
     *
     * @return the logits after each of them, {@code float[count][vocab]} flat, valid until the model's next call
     */
    public float[] verify(int[] draft, int count) {
        throw new UnsupportedOperationException();
    }

    /** Keeps only the first {@code length} tokens; takes no time. */
    public void cut(int length) {
        throw new UnsupportedOperationException();
    }

    /** The logits after the last token, {@code float[vocab]}; null if they are not at hand (empty, or just cut). */
    public float[] logits() {
        throw new UnsupportedOperationException();
    }

    /** Tokens run in all. */
    public long evaluated() {
        throw new UnsupportedOperationException();
    }

    /** Tokens that were run again although their keys and values had been in the cache behind the same tokens. */
    public long recomputed() {
        throw new UnsupportedOperationException();
    }
}
