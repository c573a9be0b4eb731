package glimp.decode;

import java.util.Arrays;

/**
 * The loop that writes: draft some tokens, or none, run them together with the one that waits, keep what the model itself
 * would have said (speculative decoding: Leviathan et al., arXiv 2211.17192; Chen et al., arXiv 2302.01318).
 *
 * <p>Without a draft it is plain decoding, a token a pass. With one the text is the same, token by token, if it is greedy,
 * and of the same distribution if it is drawn.
 */
public final class Decoder {

    /** Takes the text as it is written. */
    public interface Sink {
        /** Takes a token; false ends the writing with it. */
        boolean add(int token);

        /** Whether nothing drafted behind this token would be of use. */
        default boolean endsDraft(int token) {
            return false;
        }
    }

    /**
     * What was done, in tokens and milliseconds.
     *
     * @param passes of the model @param drafted tokens proposed to it @param accepted those of them that it would have chosen
     * @param savedMs against a pass for each token, as far as it is known; below 0 if drafting did not pay
     */
    public record Tally(long passes, long drafted, long accepted, double savedMs) {}

    private final Context context;
    private final Sampler sampler;
    private final Pace pace;
    private final Draft draft;
    private Drafter drafter;
    /** The text so far, and the draft behind it. */
    private int[] text = {};
    private int length;

    private long passes, drafted, accepted;
    private final Savings savings = new Savings();
    /* The latest round; its tokens are counted as they are chosen. */
    private double roundMs;
    private int roundDrafted;
    private int roundTokens;

    /** @param pace how many tokens to draft */
    public Decoder(Context context, Sampler sampler, Pace pace) {
        this.context = context;
        this.sampler = sampler;
        this.pace = pace;
        this.draft = new Draft(sampler, pace, context.model().config().vocabulary());
    }

    public Tally tally() {
        return new Tally(passes, drafted, accepted, savings.ms());
    }

    /**
     * Writes on from the end of a line until the sink has enough. Afterwards the contexts of the model and of the drafter
     * hold nothing but a beginning of what was written.
     *
     * @param line what to continue, at least one token; only the first {@code length} count
     * @param drafter proposes tokens; null: nobody does
     * @param progress hears of long computations of the drafter; may be null
     */
    public void write(int[] line, int length, Drafter drafter, Sink sink, Context.Progress progress) {
        this.text = Arrays.copyOf(line, length + 1);
        this.length = length;
        this.drafter = drafter;
        draft.begin(text, length, 0, null);
        roundDrafted = 0;
        context.rewind(text, length);
        boolean more = true;
        while (more) {
            if (context.length() < this.length) {
                round(sink, progress);
            }
            int token = choose();
            more = sink.add(token);
            text[this.length++] = token;
        }
        endRound();
        context.cut(Math.min(context.length(), this.length));
        if (drafter != null) {
            drafter.keep(text, this.length);
        }
    }

    /** Drafts, and runs the draft behind what the context lacks. */
    private void round(Sink sink, Context.Progress progress) {
        endRound();
        if (text.length <= length + Draft.MOST) {
            text = Arrays.copyOf(text, 2 * length + Draft.MOST + 1);
        }
        int pending = length - context.length();
        int most = drafter == null ? 0 : Math.min(pace.begin(pending, drafter.behind(text, length)), context.capacity() - length);
        draft.begin(text, length, most, sink::endsDraft);
        long begin = System.nanoTime();
        if (most > 0) {
            drafter.propose(text, length, draft, progress);
        }
        long start = System.nanoTime();
        context.verify(text, draft.end(), draft.count() + 1);
        long end = System.nanoTime();
        pace.verified(pending + draft.count(), (start - begin) / 1e6, (end - start) / 1e6);
        if (drafter != null && pending + draft.count() == 1) {
            savings.single((end - start) / 1e6);
        }
        roundMs = (end - begin) / 1e6;
        roundDrafted = draft.count();
        roundTokens = 0;
        passes++;
        drafted += draft.count();
    }

    private void endRound() {
        if (roundDrafted > 0) {
            savings.round(roundTokens, roundMs);
        }
    }

    /** The token at the text's end, from the logits before it: the drafted one, if it stands. */
    private int choose() {
        float[] logits = context.logits(length - 1);
        roundTokens++;
        if (length == draft.end()) {
            return sampler.next(logits, text, length);
        }
        int token = sampler.judge(logits, text, length, text[length], draft.from(length));
        boolean right = token == text[length];
        pace.judged(draft.confidence(length), right);
        if (right) {
            accepted++;
        } else {
            draft.cut(length);
            context.cut(length);
        }
        return token;
    }
}
