package glimp.decode;

import glimp.model.CacheMemoryException;
import glimp.model.KvCache;
import glimp.model.Model;
import glimp.tensor.Products;
import java.io.IOException;
import java.util.Arrays;

/**
 * A model's running context: the tokens whose keys and values are in its cache.
 *
 * <p>Everything that looks like sharing, switching, rolling back or continuing is {@link #advance} to a token list. The
 * logits of the latest positions are kept, so that a context that is cut back to one of them need not run that token again
 * to go on from it. One thread at a time may use a context.
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

    /** More than the longest draft and the token before it. */
    private static final int KEPT = 2 * Products.SMALL;
    /**
     * A prompt up to this long, if it is the first that the model runs, goes through the kernels that writing needs anyway, in small
     * batches: those for larger ones are not compiled then (Zen 4, 33 tokens, to the first token: Q8_0 1600 ms and 1499, Q4_K_M 2242
     * and 2052).
     */
    private static final int FIRST = 64;

    private final Model model;
    private final int capacity;
    private final int vocabulary;
    private final KvCache cache;
    private int[] tokens = new int[64];
    /** Logits after the latest tokens: of position p in {@code kept[p % KEPT]}, if {@code keptAt} says so. */
    private final float[][] kept = new float[KEPT][];
    private final int[] keptAt = new int[KEPT];
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
        Arrays.fill(keptAt, -1);
    }

    public Model model() {
        return model;
    }

    /** The keys and values: for how they are stored and what memory they take, not to be changed. */
    public KvCache cache() {
        return cache;
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
     * @return the logits after the last token, {@code float[vocab]}, as {@link #logits()} gives them; null if
     *         {@code progress} stopped it, or count is 0
     * @throws ContextFullException if count is more than the capacity; the context is as before then
     */
    public float[] advance(int[] tokens, int count, Progress progress) {
        checkRoom(count);
        rewind(tokens, count);
        return length() == count || run(tokens, count, progress) ? logits() : null;
    }

    /**
     * Keeps only what the first {@code count} of these tokens begin with; takes no time. If that is all of them, and the
     * logits after the last one are not at hand, that one goes too.
     */
    public void rewind(int[] tokens, int count) {
        cut(commonPrefix(tokens, count));
        if (count > 0 && length() == count && logits() == null) {
            cut(count - 1);
            recomputed++;
        }
    }

    /** Runs one more token; returns the logits after it, as {@link #advance} does. */
    public float[] append(int token) {
        checkRoom(length() + 1);
        run(model, new int[] {token}, 0, 1, 1);
        return logits();
    }

    /**
     * Runs what the context lacks of the first {@code count} of these tokens, which begin with those that it holds, and keeps
     * the logits after each of the last {@code wanted} of them, see {@link #logits(int)}. Every token gets the same bits as
     * if it were run alone.
     *
     * @param wanted 1 .. {@value Products#SMALL} + 1
     * @throws ContextFullException if count is more than the capacity; the context is as before then
     */
    public void verify(int[] tokens, int count, int wanted) {
        checkRoom(count);
        while (length() < count) {
            int batch = Math.min(Products.SMALL, count - length());
            int behind = count - length() - batch;
            run(model, tokens, length(), batch, Math.clamp(wanted - behind, 0, batch));
        }
    }

    /** Keeps only the first {@code length} tokens; takes no time. */
    public void cut(int length) {
        cache.cut(length);
        for (int i = 0; i < KEPT; i++) {
            if (keptAt[i] >= length) {
                keptAt[i] = -1;
            }
        }
    }

    /** The logits after the last token, as {@link #logits(int)} gives them; null also if there is no token. */
    public float[] logits() {
        return length() == 0 ? null : logits(length() - 1);
    }

    /**
     * The logits after the token at a position, {@code float[vocab]}, the context's own, valid until {@value #KEPT} further
     * tokens have been run; null if they are not at hand.
     */
    public float[] logits(int position) {
        int slot = position % KEPT;
        return keptAt[slot] == position ? kept[slot] : null;
    }

    /** Tokens run in all. */
    public long evaluated() {
        return evaluated;
    }

    /** Tokens that were run again although their keys and values had been in the cache behind the same tokens. */
    public long recomputed() {
        return recomputed;
    }

    /** Becomes a saved context: these tokens, and a cache that {@code load} fills. */
    void restore(int[] saved, Load load) throws IOException {
        cut(0);
        load.into(cache);
        tokens = Arrays.copyOf(saved, Math.max(saved.length, tokens.length));
    }

    /** Fills a cache. */
    @FunctionalInterface
    interface Load {
        void into(KvCache cache) throws IOException;
    }

    private void checkRoom(int count) {
        if (count > capacity) {
            throw new ContextFullException(count, capacity);
        }
    }

    /** How many of the first {@code count} of these tokens it begins with. */
    public int commonPrefix(int[] other, int count) {
        int end = Math.min(length(), count);
        int differs = Arrays.mismatch(tokens, 0, end, other, 0, end);
        return differs < 0 ? end : differs;
    }

    /** Runs the tokens from the context's length on, in batches; false if it was stopped. */
    private boolean run(int[] all, int count, Progress progress) {
        int first = length(), of = count - first;
        int most = of <= FIRST && model.cold() ? Products.SMALL : Model.BATCH;
        if (progress != null && !progress.batch(0, of)) {
            return false;
        }
        while (length() < count) {
            int batch = Math.min(most, count - length());
            boolean end = length() + batch == count;
            run(model, all, length(), batch, end ? 1 : 0);
            if (progress != null && !progress.batch(length() - first, of) && !end) {
                return false;
            }
        }
        return true;
    }

    /**
     * Runs one batch, and keeps the logits after its last {@code wanted} tokens.
     *
     * @param on the context's model, or the same weights for another thread
     */
    void run(Model on, int[] from, int at, int count, int wanted) {
        float[] all = on.forward(from, at, count, cache, wanted);
        int length = length();
        if (tokens.length < length) {
            tokens = Arrays.copyOf(tokens, Math.max(length, Math.min(capacity, 2 * tokens.length)));
        }
        System.arraycopy(from, at, tokens, length - count, count);
        evaluated += count;
        for (int i = 0; i < wanted; i++) {
            keep(all, i * vocabulary, length - wanted + i);
        }
    }

    private void keep(float[] from, int at, int position) {
        int slot = position % KEPT;
        if (kept[slot] == null) {
            kept[slot] = new float[vocabulary];
        }
        System.arraycopy(from, at, kept[slot], 0, vocabulary);
        keptAt[slot] = position;
    }
}
