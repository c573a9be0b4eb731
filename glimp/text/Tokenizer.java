package glimp.text;

import glimp.gguf.Gguf;

/** Text to token ids and back. */
public abstract class Tokenizer {

    /** The tokenizer of a model file, chosen by {@code tokenizer.ggml.model} and {@code tokenizer.ggml.pre}. */
    public static Tokenizer of(Gguf file) {
        throw new UnsupportedOperationException();
    }

    public abstract int[] encode(String text, boolean special);

    public abstract int[] encode(Prompt prompt);

    public abstract byte[] bytes(int token);

    public abstract String piece(int token);

    public abstract int size();

    public abstract int bos();

    public abstract int eos();

    public abstract boolean addBos();

    public abstract boolean isEnd(int token);

    public abstract int token(String piece);

    public abstract boolean sameVocabulary(Tokenizer other);

    /** The text of a token list; invalid UTF-8 becomes U+FFFD. */
    public final String decode(int... tokens) {
        throw new UnsupportedOperationException();
    }
}
