package glimp.route;

import glimp.decode.Context;
import glimp.decode.Distribution;
import glimp.decode.Draft;
import glimp.decode.Drafter;
import glimp.text.Tokenizer;
import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;

/**
 * The small model drafts for a large one of another vocabulary: it writes a few tokens, greedily, and their text, in the
 * large model's tokens, is the draft. Those are verified like any others, so only whole tokens that the large model would
 * have written are kept. The probability that a token was drawn with is lost on the way: good for greedy text only.
 */
final class TextDrafter implements Drafter {
    private final LocalWriter small;
    private final Context context;
    private final Tokenizer own;
    private final Tokenizer large;
    private Chain chain;
    private int begin;

    /** @param large the vocabulary to draft in */
    TextDrafter(LocalWriter small, Tokenizer large) {
        this.small = small;
        this.context = small.context();
        this.own = small.tokenizer();
        this.large = large;
    }

    /** A text begins to be written behind a chain, which is {@code length} tokens in the large model's vocabulary. */
    void begin(Chain chain, int length) {
        this.chain = chain;
        this.begin = length;
    }

    @Override
    public void propose(int[] text, int length, Draft draft, Context.Progress progress) {
        int[] line = line(text, length);
        if (line == null || line.length + draft.room() > context.capacity()) {
            return;
        }
        ByteArrayOutputStream drafted = new ByteArrayOutputStream();
        double[] confidence = new double[0];
        float[] logits = context.advance(line, line.length, progress);
        for (int i = 0; i < draft.room() && logits != null; i++) {
            int token = Distribution.argmax(logits, 0, logits.length);
            if (own.isEnd(token)) {
                break;
            }
            drafted.writeBytes(own.bytes(token));
            int from = confidence.length;
            confidence = Arrays.copyOf(confidence, drafted.size());
            Arrays.fill(confidence, from, confidence.length, Distribution.probability(logits, token));
            logits = i + 1 < draft.room() ? context.append(token) : null;
        }
        propose(drafted.toString(StandardCharsets.UTF_8), confidence, draft);
    }

    /** @param confidence of each byte: that of the small model's token which it came with */
    private void propose(String drafted, double[] confidence, Draft draft) {
        int at = 0;
        for (int token : large.encode(drafted, true)) {
            at += large.bytes(token).length;
            if (at > confidence.length || !draft.add(token, confidence[Math.max(0, at - 1)])) {
                return;
            }
        }
    }

    @Override
    public void keep(int[] text, int length) {
        int[] line = line(text, length);
        if (line != null) {
            context.rewind(line, line.length);
        }
    }

    /** The chain and what has been written since in the small model's tokens; null in the middle of a character. */
    private int[] line(int[] text, int length) {
        String written = large.decode(Arrays.copyOfRange(text, begin, length));
        if (written.endsWith("\uFFFD")) {
            return null;
        }
        LocalWriter.Line before = small.line(chain);
        int[] behind = own.encode(written, false);
        int[] line = Arrays.copyOf(before.tokens(), before.length() + behind.length);
        System.arraycopy(behind, 0, line, before.length(), behind.length);
        return line;
    }
}
