package glimp.decode;

import glimp.model.CacheMemoryException;
import glimp.model.KvCache;
import glimp.model.Model;
import java.util.Arrays;

/**
 * A model's running context: the tokens whose keys and values are in its cache.
 *
 * <p>Everything that looks like sharing, switching, rolling back or continuing is {@link #advance} to a token list. The
 * logits of the last call are kept, so that a context that is cut back to one of its positions need not run that token
 * again to go on from it.
 */
public final class Context {

    /** Hears of a long advance, and may stop it. */
    @FunctionalInterface
    public interface Progress {
        /**
         * Called before the first batch and after each; {@code done} new tokens of {@code of} have been run. False stops,
         * and leaves a context that holds what has been run.
         */
        boolean batch(int done, int of);
    }

    private final Model model;
    private final int capacity;
    private final int vocabulary;
    private final KvCache cache;
    private int[] tokens = new int[64];
    /** Logits after the token at position {@code logitsAt}; -1 if after none. */
    private final float[] logits;
    private int logitsAt = -1;
    /** Logits after each of the tokens at positions {@code [verifiedFrom, verifiedTo)}. */
    private float[] verified = {};
    private int verifiedFrom;
    private int verifiedTo;
    private long evaluated;
    private long recomputed;

    /** An empty context with keys and values in half precision. @param capacity most tokens it may hold */
    public Context(Model model, int capacity) {
        this(model, capacity, KvCache.Type.F16, KvCache.Type.F16);
    }

    /**
     * An empty context.
     *
     * @param capacity most tokens it may hold, at least 1
     * @throws CacheMemoryException if there can never be enough memory for so many
     */
    public Context(Model model, int capacity, KvCache.Type keys, KvCache.Type values) {
        this.model = model;
        this.capacity = capacity;
        this.vocabulary = model.config().vocabulary();
        this.cache = model.cache(capacity, keys, values);
        this.logits = new float[vocabulary];
    }

    public Model model() {
        return model;
    }

    /** Tokens in the context. */
    public int length() {
        return cache.length();
    }

    /** Most tokens that it may hold. */
    public int capacity() {
        return capacity;
    }

    /** The token at position i, 0 .. length - 1. */
    public int token(int i) {
        if (i < 0 || i >= length()) {
            throw new IndexOutOfBoundsException("token " + i + " of " + length());
        }
        return tokens[i];
    }

    /** A copy of the tokens. */
    public int[] tokens() {
        return Arrays.copyOf(tokens, length());
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
        checkRoom(count);
        cut(commonPrefix(tokens, count));
        if (length() == count) {
            if (count == 0 || logits() != null) {
                return logits();
            }
            cut(count - 1);
            recomputed++;
        }
        return run(tokens, count, progress) ? logits() : null;
    }

    /** Runs one more token; returns the logits after it, as {@link #advance} does. */
    public float[] append(int token) {
        checkRoom(length() + 1);
        run(new int[] {token}, 0, 1, 1);
        return logits;
    }

    /**
     * Runs the first {@code count} tokens of a draft behind the context, 1 to {@link Model#BATCH}.
     *
     * @return the logits after each of them, {@code float[count][vocab]} flat, the context's own, valid until its next call
     *         of this method
     */
    public float[] verify(int[] draft, int count) {
        checkRoom(length() + count);
        int from = length();
        float[] all = run(draft, 0, count, count);
        int size = count * vocabulary;
        if (verified.length < size) {
            verified = new float[size];
        }
        System.arraycopy(all, 0, verified, 0, size);
        verifiedFrom = from;
        verifiedTo = from + count;
        return verified;
    }

    /** Keeps only the first {@code length} tokens; takes no time. */
    public void cut(int length) {
        cache.cut(length);
        verifiedTo = Math.min(verifiedTo, length);
        if (logitsAt >= length) {
            logitsAt = -1;
        }
    }

    /** The logits after the last token, {@code float[vocab]}; null if they are not at hand (empty, or just cut). */
    public float[] logits() {
        int last = length() - 1;
        if (last >= 0 && logitsAt == last) {
            return logits;
        }
        if (last >= verifiedFrom && last < verifiedTo) {
            System.arraycopy(verified, (last - verifiedFrom) * vocabulary, logits, 0, vocabulary);
            logitsAt = last;
            return logits;
        }
        return null;
    }

    /** Tokens run in all. */
    public long evaluated() {
        return evaluated;
    }

    /** Tokens that were run again although their keys and values had been in the cache behind the same tokens. */
    public long recomputed() {
        return recomputed;
    }

    private void checkRoom(int count) {
        if (count > capacity) {
            throw new ContextFullException(count, capacity);
        }
    }

    private int commonPrefix(int[] other, int count) {
        int end = Math.min(length(), count);
        int differs = Arrays.mismatch(tokens, 0, end, other, 0, end);
        return differs < 0 ? end : differs;
    }

    /** Runs the tokens from the context's length on, in batches; false if it was stopped. */
    private boolean run(int[] all, int count, Progress progress) {
        int first = length(), of = count - first;
        if (progress != null && !progress.batch(0, of)) {
            return false;
        }
        while (length() < count) {
            int batch = Math.min(Model.BATCH, count - length());
            boolean end = length() + batch == count;
            run(all, length(), batch, end ? 1 : 0);
            if (progress != null && !progress.batch(length() - first, of) && !end) {
                return false;
            }
        }
        return true;
    }

    /** Runs one batch; the logits after its last token, if wanted, become the context's. */
    private float[] run(int[] from, int at, int count, int wanted) {
        float[] all = model.forward(from, at, count, cache, wanted);
        int length = length();
        if (tokens.length < length) {
            tokens = Arrays.copyOf(tokens, Math.max(length, Math.min(capacity, 2 * tokens.length)));
        }
        System.arraycopy(from, at, tokens, length - count, count);
        evaluated += count;
        if (wanted > 0) {
            System.arraycopy(all, (wanted - 1) * vocabulary, logits, 0, vocabulary);
            logitsAt = length - 1;
        }
        return all;
    }
}
