package glimp.decode;

import glimp.tensor.Products;
import java.util.Arrays;
import java.util.function.IntPredicate;

/** Tokens proposed behind a text, and what each was drawn from. */
public final class Draft {
    /** Tokens of the longest draft. */
    public static final int MOST = Products.SMALL;

    private final Sampler sampler;
    private final Pace pace;
    private final int vocabulary;
    private final Candidates[] from = new Candidates[MOST];
    private final double[] confidence = new double[MOST];
    /** The drafted tokens stand behind the text that they continue, at {@code [begin, begin + count)}. */
    private int[] text;
    private int begin;
    private int count;
    private int most;
    private IntPredicate last;

    /** @param vocabulary of the model that verifies; no token beyond it is drafted */
    Draft(Sampler sampler, Pace pace, int vocabulary) {
        this.sampler = sampler;
        this.pace = pace;
        this.vocabulary = vocabulary;
        for (int i = 0; i < MOST; i++) {
            from[i] = new Candidates();
        }
    }

    /** @param text has room for {@code most} tokens behind {@code begin} @param last tokens that end a draft */
    void begin(int[] text, int begin, int most, IntPredicate last) {
        this.text = text;
        this.begin = begin;
        this.count = 0;
        this.most = most;
        this.last = last;
    }

    /** How many more tokens it can take. */
    public int room() {
        return most - count;
    }

    /**
     * Draws the next token from a drafting model's logits, {@code float[vocab]}. Models of one family often differ in how far
     * their vocabularies are padded.
     *
     * @return whether another one is wanted
     */
    public boolean draw(float[] all) {
        float[] logits = all.length > vocabulary ? Arrays.copyOf(all, vocabulary) : all;
        int token = sampler.draft(logits, text, begin + count, from[count]);
        return put(token, sampler.how().greedy() ? Distribution.probability(logits, token) : from[count].best());
    }

    /**
     * Adds a token that nothing was drawn for.
     *
     * @param confidence 0 .. 1, the higher the likelier it is right; by what scale is learnt
     * @return whether another one is wanted
     */
    public boolean add(int token, double confidence) {
        from[count].point(token);
        return put(token, confidence);
    }

    /**
     * Whether a token is taken must not depend on which one was drawn, or the accepted ones would no longer be distributed
     * as the verifying model's: the confidence is a property of the distribution.
     */
    private boolean put(int token, double confidence) {
        if (!pace.worth(confidence)) {
            return false;
        }
        text[begin + count] = token;
        this.confidence[count++] = confidence;
        return count < most && !last.test(token) && pace.another();
    }

    /** What the drafting model ran, so many tokens, took so long. */
    void ran(int tokens, double ms) {
        pace.drafted(tokens, ms);
    }

    int count() {
        return count;
    }

    /** The token drafted last. */
    int token() {
        return text[begin + count - 1];
    }

    /** Position behind the draft in the text. */
    int end() {
        return begin + count;
    }

    /** Forgets the tokens from this position of the text on. */
    void cut(int position) {
        count = position - begin;
    }

    Candidates from(int position) {
        return from[position - begin];
    }

    double confidence(int position) {
        return confidence[position - begin];
    }
}
