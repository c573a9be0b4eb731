package glimp.decode;

import java.util.SplittableRandom;

/**
 * Draws tokens as a {@link Sampling} says: repeat penalty, temperature, top-k, top-p, min-p, in this order (that of the
 * serving engines that the method was published with; llama.cpp applies its temperature last).
 */
public final class Sampler {
    private final Sampling how;
    private final SplittableRandom random;
    private final Candidates candidates = new Candidates();

    public Sampler(Sampling how) {
        this.how = how;
        this.random = new SplittableRandom(how.seed());
    }

    public Sampling how() {
        return how;
    }

    /**
     * The next token.
     *
     * @param logits {@code float[vocab]}, left as they are
     * @param context the tokens so far, for the repeat penalty; only the first {@code length} count
     */
    public int next(float[] logits, int[] context, int length) {
        return draft(logits, context, length, candidates);
    }

    /**
     * A draft of the next token, drawn like {@link #next} from a model that drafts.
     *
     * @param from becomes the distribution that it is drawn from; left alone when greedy
     */
    int draft(float[] logits, int[] context, int length, Candidates from) {
        float[] scores = penalise(logits, context, length);
        if (how.greedy()) {
            return Distribution.argmax(scores, 0, logits.length);
        }
        from.fill(scores, how);
        return from.draw(random.nextDouble());
    }

    /**
     * The next token, given a draft of it: the draft itself where it is accepted. It is distributed as {@link #next}'s,
     * whatever the draft was drawn from (Leviathan et al., arXiv 2211.17192; Chen et al., arXiv 2302.01318): accepted with
     * probability {@code min(1, p / q)}, otherwise drawn from what p has more than q.
     *
     * @param logits those of the model that decides
     * @param from q, the distribution that the draft was drawn from; not asked for when greedy
     */
    int judge(float[] logits, int[] context, int length, int draft, Candidates from) {
        if (how.greedy()) {
            return next(logits, context, length);
        }
        candidates.fill(penalise(logits, context, length), how);
        if (random.nextDouble() * from.of(draft) < candidates.of(draft) || !candidates.subtract(from)) {
            return draft;
        }
        return candidates.draw(random.nextDouble());
    }

    /** A copy with the penalty applied, once for each of the last tokens; the same array where there is none. */
    private float[] penalise(float[] logits, int[] context, int length) {
        if (how.repeatPenalty() == 1 || length == 0) {
            return logits;
        }
        float[] penalised = logits.clone();
        float penalty = (float) how.repeatPenalty();
        for (int i = Math.max(0, length - Sampling.REPEAT_LAST); i < length; i++) {
            int token = context[i];
            penalised[token] = logits[token] > 0 ? logits[token] / penalty : logits[token] * penalty;
        }
        return penalised;
    }
}
