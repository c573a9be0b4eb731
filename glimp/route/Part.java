package glimp.route;

import glimp.text.Tokenizer;
import java.util.Arrays;

/**
 * A stretch of a chain.
 *
 * @param text what it says, its delimiter included
 * @param tokens its ids in the vocabulary of who wrote it; null when there are none to hand over
 * @param vocabulary the tokenizer they belong to; null when there are none
 * @param trusted whether control tokens may be recognised in the text (what the program itself adds), or not (what a model wrote)
 */
public record Part(String text, int[] tokens, Tokenizer vocabulary, boolean trusted) {

    /** Text without tokens, as a writer without a vocabulary of ours gives it. */
    public static Part text(String text) {
        return new Part(text, null, null, false);
    }

    /** Text that the program adds itself. */
    static Part markup(String text) {
        return new Part(text, null, null, true);
    }

    /** This part followed by more text of the same author. */
    Part plus(String more) {
        return new Part(text + more, tokens == null ? null : join(tokens, vocabulary.encode(more, false)), vocabulary, trusted);
    }

    /** The first {@code length} characters. Tokens are kept as far as they fit; a token that the cut goes through is encoded anew. */
    Part cut(int length) {
        String shorter = text.substring(0, length);
        if (tokens == null || length == text.length()) {
            return new Part(shorter, tokens, vocabulary, trusted);
        }
        int kept = tokens.length;
        String before = text;
        while (kept > 0 && !shorter.startsWith(before)) {
            before = vocabulary.decode(Arrays.copyOf(tokens, --kept));
        }
        int[] rest = vocabulary.encode(shorter.substring(before.length()), false);
        return new Part(shorter, join(Arrays.copyOf(tokens, kept), rest), vocabulary, trusted);
    }

    private static int[] join(int[] a, int[] b) {
        int[] all = Arrays.copyOf(a, a.length + b.length);
        System.arraycopy(b, 0, all, a.length, b.length);
        return all;
    }
}
