package glimp.text;

import glimp.gguf.Gguf;
import glimp.gguf.GgufException;
import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;

/**
 * Text to token ids and back, for one vocabulary.
 *
 * <p>Immutable as seen from outside, and safe for use by several threads.
 */
public abstract class Tokenizer {

    static final String KEY = "tokenizer.ggml.";
    private static final byte[] NOTHING = {};

    final Vocabulary vocabulary;
    private final boolean addBos;
    private final TokenTrie markup;
    private final TokenTrie addedText;

    Tokenizer(Vocabulary vocabulary, boolean addBos) {
        this.vocabulary = vocabulary;
        this.addBos = addBos && vocabulary.bos >= 0;
        this.markup = vocabulary.trie(vocabulary::isMarkup);
        this.addedText = vocabulary.trie(vocabulary::isAddedText);
    }

    /**
     * The tokenizer of a model file, by {@code tokenizer.ggml.model} and {@code tokenizer.ggml.pre}. For byte pairs in a file
     * so old that it names no pre-tokenizer, the one that llama.cpp takes then.
     *
     * @throws GgufException if it is of an unknown kind, or damaged
     */
    public static Tokenizer of(Gguf file) {
        String model = file.string(KEY + "model");
        return switch (model) {
            case "gpt2" -> BytePairTokenizer.read(file);
            case "llama" -> SentencePieceTokenizer.read(file);
            default -> throw new GgufException(file.file(), "metadata key \"" + KEY + "model\" names the tokenizer \"" + model
                    + "\", which is unknown; known: gpt2, llama");
        };
    }

    /**
     * The tokens of a text, without a begin-of-text token. A byte that the vocabulary has no token for is left out; half a
     * surrogate pair is read as a question mark.
     *
     * @param special whether markup in the text ({@code <|im_end|>}, {@code <think>}) becomes the token of that name; without
     *     it, it is spelled out like any other text
     */
    public final int[] encode(String text, boolean special) {
        return encode(special ? Prompt.of().trusted(text) : Prompt.of().plain(text));
    }

    /** The tokens of a prompt, without a begin-of-text token; markup becomes a token where it lies in one trusted run. */
    public final int[] encode(Prompt prompt) {
        ByteArrayOutputStream joined = new ByteArrayOutputStream();
        int[] ends = new int[prompt.runs().size()];
        for (int i = 0; i < ends.length; i++) {
            joined.writeBytes(prompt.runs().get(i).text().getBytes(StandardCharsets.UTF_8));
            ends[i] = joined.size();
        }
        byte[] text = joined.toByteArray();
        Ids ids = new Ids();
        int start = 0;
        int at = 0;
        for (int i = 0; i < ends.length; i++) {
            boolean trusted = prompt.runs().get(i).trusted();
            while (at < ends[i]) {
                TokenTrie.Node token = longer(trusted ? markup.longest(text, at, ends[i]) : null,
                        addedText.longest(text, at, text.length));
                if (token == null) {
                    at++;
                    continue;
                }
                encode(text, start, at, ids);
                ids.add(token.token);
                at = start = at + token.length;
            }
        }
        encode(text, start, text.length, ids);
        return ids.toArray();
    }

    private static TokenTrie.Node longer(TokenTrie.Node a, TokenTrie.Node b) {
        return a == null || b != null && b.length > a.length ? b : a;
    }

    /** Adds the tokens of a stretch of text between two that were recognised by name, or the text's ends. */
    abstract void encode(byte[] text, int from, int to, Ids out);

    /** The bytes a token stands for in output; none for control tokens. A character may be spread over several tokens. */
    public final byte[] bytes(int token) {
        return switch (vocabulary.type(token)) {
            case Vocabulary.CONTROL, Vocabulary.UNKNOWN, Vocabulary.UNUSED -> NOTHING;
            case Vocabulary.BYTE -> vocabulary.byteOf(token) < 0 ? NOTHING : new byte[] {(byte) vocabulary.byteOf(token)};
            case Vocabulary.USER_DEFINED -> piece(token).getBytes(StandardCharsets.UTF_8);
            default -> spelled(piece(token));
        };
    }

    /** The bytes an ordinary token's name stands for. */
    abstract byte[] spelled(String piece);

    /** The text of some tokens; bytes that are no characters come as U+FFFD. */
    public String decode(int... tokens) {
        ByteArrayOutputStream text = new ByteArrayOutputStream();
        for (int token : tokens) {
            text.writeBytes(bytes(token));
        }
        return text.toString(StandardCharsets.UTF_8);
    }

    /** A token's name in the vocabulary, for display. */
    public final String piece(int token) {
        return vocabulary.piece(token);
    }

    /** The token of this name in the vocabulary, or -1: {@code token("</think>")}. Looks through all of them. */
    public final int token(String piece) {
        return vocabulary.find(piece);
    }

    /** Tokens in the vocabulary. */
    public final int size() {
        return vocabulary.size();
    }

    /** The begin-of-text token, or -1. */
    public final int bos() {
        return vocabulary.bos;
    }

    /** The end-of-text token, or -1. */
    public final int eos() {
        return vocabulary.eos;
    }

    /** These tokens behind the begin-of-text token; the same where there is none, or they begin with it already. */
    public final int[] withBos(int[] tokens) {
        if (bos() < 0 || tokens.length > 0 && tokens[0] == bos()) {
            return tokens;
        }
        int[] all = new int[tokens.length + 1];
        all[0] = bos();
        System.arraycopy(tokens, 0, all, 1, tokens.length);
        return all;
    }

    /** Whether the model wants {@link #bos} before everything else. */
    public final boolean addBos() {
        return addBos;
    }

    /** Whether a model that gives this token has finished its turn. */
    public final boolean isEnd(int token) {
        return vocabulary.isEnd(token);
    }

    /** Whether ids of the one may be handed to the other as they are. */
    public final boolean sameVocabulary(Tokenizer other) {
        return vocabulary.same(other.vocabulary);
    }
}
