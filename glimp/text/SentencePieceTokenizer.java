package glimp.text;

import glimp.gguf.Gguf;
import glimp.gguf.GgufException;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;

/**
 * SentencePiece's byte-pair tokenizer, which Llama 1, 2 and the first Mistrals use: blanks become U+2581, and the characters
 * of the whole text are merged, the neighbours first whose union has the highest score among the tokens. A character that is
 * no token is written as its bytes.
 */
final class SentencePieceTokenizer extends Tokenizer {

    /** U+2581, the visible blank. */
    private static final byte[] BLANK = "\u2581".getBytes(StandardCharsets.UTF_8);

    private final TokenTable tokens;
    /** By token: its score, turned so that higher scores are smaller numbers. */
    private final int[] ranks;
    private final int[] byteTokens = new int[256];
    private final boolean addBlank;
    /** Whether no token has a blank after something else, so that no union crosses the start of a word. */
    private final boolean wordsStandAlone;
    private final byte[] wholes;

    private SentencePieceTokenizer(Vocabulary vocabulary, boolean addBos, boolean addBlank, double[] scores) {
        super(vocabulary, addBos);
        this.addBlank = addBlank;
        this.ranks = ranks(scores);
        this.tokens = tokens(vocabulary);
        this.wordsStandAlone = wordsStandAlone(vocabulary);
        Arrays.fill(byteTokens, vocabulary.unknown);
        for (int i = 0; i < vocabulary.size(); i++) {
            if (vocabulary.type(i) == Vocabulary.BYTE && vocabulary.byteOf(i) >= 0) {
                byteTokens[vocabulary.byteOf(i)] = i;
            }
        }
        this.wholes = Merger.wholes(tokens);
    }

    static SentencePieceTokenizer read(Gguf file) {
        Vocabulary vocabulary = Vocabulary.of(file, 1, 2, 0);
        double[] scores = file.numbers(KEY + "scores");
        if (scores.length != vocabulary.size()) {
            throw new GgufException(file.file(), "metadata key \"" + KEY + "scores\" has " + scores.length + " elements for "
                    + vocabulary.size() + " tokens");
        }
        return new SentencePieceTokenizer(vocabulary, file.flag(KEY + "add_bos_token", true),
                file.flag(KEY + "add_space_prefix", true), scores);
    }

    private static int[] ranks(double[] scores) {
        int[] ranks = new int[scores.length];
        for (int i = 0; i < ranks.length; i++) {
            // The bits of a float, negative ones with their magnitude turned over, are ordered as the floats are.
            int bits = Float.floatToIntBits((float) scores[i]);
            ranks[i] = ~(bits ^ bits >> 31 & Integer.MAX_VALUE);
        }
        return ranks;
    }

    private static TokenTable tokens(Vocabulary vocabulary) {
        TokenTable tokens = new TokenTable(vocabulary.size());
        for (int i = 0; i < vocabulary.size(); i++) {
            byte[] bytes = vocabulary.piece(i).getBytes(StandardCharsets.UTF_8);
            if (bytes.length > 0 && isText(vocabulary, i)) {
                tokens.add(bytes, 0, bytes.length);
            } else {
                tokens.skip();
            }
        }
        return tokens;
    }

    private static boolean isText(Vocabulary vocabulary, int token) {
        return !vocabulary.isMarkup(token) && vocabulary.type(token) != Vocabulary.BYTE;
    }

    private static boolean wordsStandAlone(Vocabulary vocabulary) {
        for (int i = 0; i < vocabulary.size(); i++) {
            String piece = vocabulary.piece(i);
            int blank = piece.lastIndexOf('\u2581');
            if (blank > 0 && isText(vocabulary, i) && !piece.substring(0, blank).chars().allMatch(c -> c == '\u2581')) {
                return false;
            }
        }
        return true;
    }

    @Override
    void encode(byte[] text, int from, int to, Ids out) {
        if (from == to) {
            return;
        }
        byte[] visible = withVisibleBlanks(text, from, to);
        Pieces merger = new Pieces(visible, out);
        int start = 0;
        for (int i = 1; wordsStandAlone && i < visible.length; i++) {
            if (isBlank(visible, i) && !(i >= BLANK.length && isBlank(visible, i - BLANK.length))) {
                merger.word(start, i);
                start = i;
            }
        }
        merger.word(start, visible.length);
    }

    private byte[] withVisibleBlanks(byte[] text, int from, int to) {
        int blanks = addBlank ? 1 : 0;
        for (int i = from; i < to; i++) {
            blanks += text[i] == ' ' ? 1 : 0;
        }
        byte[] visible = new byte[to - from + blanks * BLANK.length - (blanks - (addBlank ? 1 : 0))];
        int at = addBlank ? put(visible, 0) : 0;
        for (int i = from; i < to; i++) {
            if (text[i] == ' ') {
                at = put(visible, at);
            } else {
                visible[at++] = text[i];
            }
        }
        return visible;
    }

    private static int put(byte[] visible, int at) {
        System.arraycopy(BLANK, 0, visible, at, BLANK.length);
        return at + BLANK.length;
    }

    private static boolean isBlank(byte[] text, int at) {
        return at + 2 < text.length && text[at] == BLANK[0] && text[at + 1] == BLANK[1] && text[at + 2] == BLANK[2];
    }

    @Override
    byte[] spelled(String piece) {
        return piece.replace('\u2581', ' ').getBytes(StandardCharsets.UTF_8);
    }

    /** {@inheritDoc} Without the blank that {@link #encode} put in front. */
    @Override
    public String decode(int... tokens) {
        String text = super.decode(tokens);
        return addBlank && text.startsWith(" ") ? text.substring(1) : text;
    }

    /** Merges characters. */
    private final class Pieces extends Merger {

        Pieces(byte[] text, Ids out) {
            super(text, tokens, wholes, out);
        }

        @Override
        protected boolean isWord(int token) {
            return false;
        }

        @Override
        protected void spell(int from, int to) {
            for (int i = from; i < to; ) {
                int next = i + Text.length(text[i]);
                place(tokens.find(text, i, next), i);
                i = next;
            }
        }

        @Override
        protected long union(int left, int right, int from, int to) {
            int token = tokens.find(text, from, to);
            return token < 0 ? NEVER : (long) ranks[token] << 32 | token;
        }

        @Override
        protected void emit(int symbol, int from, int to) {
            if (symbol >= 0) {
                out.add(symbol);
                return;
            }
            for (int i = from; i < to; i++) {
                if (byteTokens[text[i] & 255] >= 0) {
                    out.add(byteTokens[text[i] & 255]);
                }
            }
        }
    }
}
