package glimp.decode;

import java.util.Arrays;

/**
 * A small model drafts for a large one of the same vocabulary, in the context that it also uses for itself: what it has
 * drafted, and the large model accepted, it need not read again.
 */
public final class ModelDrafter implements Drafter {
    private final Context context;
    /** The text as this model reads it. */
    private int[] own = {};
    private int ownLength;
    /** The first {@code ownBegin} tokens of its own stand for the first {@code begin} tokens of the text; from there on both have the same. */
    private int ownBegin;
    private int begin;

    public ModelDrafter(Context context) {
        this.context = context;
    }

    /**
     * A text begins to be written.
     *
     * @param line its beginning as this model reads it, with its own prompt; only the first {@code lineLength} count
     * @param length tokens of that beginning for the model that verifies
     */
    public void begin(int[] line, int lineLength, int length) {
        own = Arrays.copyOf(line, lineLength);
        ownBegin = ownLength = lineLength;
        begin = length;
    }

    @Override
    public void propose(int[] text, int length, Draft draft, Context.Progress progress) {
        follow(text, length);
        if (ownLength + Draft.MOST > context.capacity()) {
            return;
        }
        long start = System.nanoTime();
        long before = context.evaluated();
        float[] logits = context.advance(own, ownLength, progress);
        while (logits != null) {
            draft.ran((int) (context.evaluated() - before), (System.nanoTime() - start) / 1e6);
            if (!draft.draw(logits)) {
                return;
            }
            start = System.nanoTime();
            before = context.evaluated();
            logits = context.append(draft.token());
        }
    }

    @Override
    public int behind(int[] text, int length) {
        follow(text, length);
        return ownLength - context.commonPrefix(own, ownLength);
    }

    @Override
    public void keep(int[] text, int length) {
        follow(text, length);
        context.rewind(own, ownLength);
    }

    private void follow(int[] text, int length) {
        ownLength = ownBegin + length - begin;
        if (own.length < ownLength) {
            own = Arrays.copyOf(own, Math.max(ownLength, 2 * own.length));
        }
        System.arraycopy(text, begin, own, ownBegin, length - begin);
    }
}
