package glimp.text;

import glimp.gguf.Gguf;
import glimp.gguf.GgufException;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;

/**
 * GPT-2's tokenizer and its descendants: text is cut into words, words are bytes, and pairs are merged in the order in which
 * the training of the vocabulary merged them.
 *
 * <p>In files, each byte is written as a printable character: itself where it is one in Latin-1, otherwise the next free one
 * from U+0100 on (so a blank is U+0120).
 */
final class BytePairTokenizer extends Tokenizer {

    /** By character: the byte it writes, or -1. */
    private static final short[] BYTE_OF = new short[256 + 68];

    static {
        Arrays.fill(BYTE_OF, (short) -1);
        int next = 256;
        for (int b = 0; b < 256; b++) {
            boolean printable = b > ' ' && b < 0x7F || b > 0xA0 && b != 0xAD;
            BYTE_OF[printable ? b : next++] = (short) b;
        }
    }

    private final PreTokenizer words;
    /** Ids are those of the vocabulary; behind them, what merges make on their way that is no token. */
    private final TokenTable tokens;
    private final PairTable merges;
    private final int[] byteSymbols = new int[256];
    private final byte[] wholes;

    private BytePairTokenizer(Vocabulary vocabulary, PreTokenizer words, boolean addBos, String[] merges) {
        super(vocabulary, addBos);
        this.words = words;
        this.tokens = tokens(vocabulary, merges);
        for (int b = 0; b < 256; b++) {
            byteSymbols[b] = symbol(new byte[] {(byte) b}, 0, 1);
        }
        this.merges = pairs(merges);
        this.wholes = Merger.wholes(tokens);
    }

    static BytePairTokenizer read(Gguf file) {
        String name = file.string(KEY + "pre", "default");
        PreTokenizer words = PreTokenizer.named(name);
        if (words == null) {
            throw new GgufException(file.file(), "metadata key \"" + KEY + "pre\" names the pre-tokenizer \"" + name
                    + "\", which is unknown; known: " + String.join(", ", PreTokenizer.names()));
        }
        return new BytePairTokenizer(Vocabulary.of(file, -1, -1, -1), words, file.flag(KEY + "add_bos_token", words.addBos()),
                file.strings(KEY + "merges"));
    }

    private static TokenTable tokens(Vocabulary vocabulary, String[] merges) {
        TokenTable tokens = new TokenTable(vocabulary.size() + 256);
        byte[] bytes = new byte[256];
        for (int i = 0; i < vocabulary.size(); i++) {
            String piece = vocabulary.piece(i);
            bytes = room(bytes, piece.length());
            int length = vocabulary.isMarkup(i) || vocabulary.type(i) == Vocabulary.BYTE ? 0 : write(piece, bytes);
            if (length > 0) {
                tokens.add(bytes, 0, length);
            } else {
                tokens.skip();
            }
        }
        return tokens;
    }

    /** A merge "left right" makes what is left of it without the blank; one with a character that writes no byte makes nothing. */
    private PairTable pairs(String[] merges) {
        PairTable pairs = new PairTable(merges.length);
        byte[] bytes = new byte[256];
        for (int rank = 0; rank < merges.length; rank++) {
            String merge = merges[rank];
            bytes = room(bytes, merge.length());
            int blank = merge.indexOf(' ', 1);
            int middle = blank < 0 ? 0 : write(merge, 0, blank, bytes, 0);
            int end = middle == 0 ? 0 : write(merge, blank + 1, merge.length(), bytes, middle);
            if (end > middle) {
                pairs.add(symbol(bytes, 0, middle), symbol(bytes, middle, end), rank, symbol(bytes, 0, end));
            }
        }
        return pairs;
    }

    private int symbol(byte[] bytes, int from, int to) {
        int symbol = tokens.find(bytes, from, to);
        return symbol >= 0 ? symbol : tokens.add(bytes, from, to);
    }

    private static byte[] room(byte[] bytes, int length) {
        return length <= bytes.length ? bytes : new byte[2 * length];
    }

    private static int write(String piece, byte[] bytes) {
        return write(piece, 0, piece.length(), bytes, 0);
    }

    /** Writes the bytes that a part of a piece stands for and returns where they end; 0 if it has other characters. */
    private static int write(String piece, int from, int to, byte[] bytes, int at) {
        for (int i = from; i < to; i++) {
            char c = piece.charAt(i);
            if (c >= BYTE_OF.length || BYTE_OF[c] < 0) {
                return 0;
            }
            bytes[at++] = (byte) BYTE_OF[c];
        }
        return at;
    }

    @Override
    void encode(byte[] text, int from, int to, Ids out) {
        Bytes merger = new Bytes(text, out);
        words.cut(new Text(text), from, to, merger::word);
    }

    @Override
    public byte[] bytes(int token) {
        String piece = vocabulary.piece(token);
        switch (vocabulary.type(token)) {
            case Vocabulary.CONTROL, Vocabulary.UNKNOWN, Vocabulary.UNUSED:
                return new byte[0];
            case Vocabulary.BYTE:
                return new byte[] {(byte) vocabulary.byteOf(token)};
            case Vocabulary.USER_DEFINED:
                return piece.getBytes(StandardCharsets.UTF_8);
            default:
                byte[] bytes = new byte[piece.length()];
                return write(piece, bytes) > 0 ? bytes : piece.getBytes(StandardCharsets.UTF_8);
        }
    }

    /** Merges bytes. */
    private final class Bytes extends Merger {

        Bytes(byte[] text, Ids out) {
            super(text, tokens, wholes, out);
        }

        @Override
        protected boolean isWord(int token) {
            return words.wholeWords() && token < vocabulary.size() && vocabulary.type(token) == Vocabulary.NORMAL;
        }

        @Override
        protected void spell(int from, int to) {
            for (int i = from; i < to; i++) {
                place(byteSymbols[text[i] & 255], i);
            }
        }

        @Override
        protected long union(int left, int right, int from, int to) {
            return merges.find(left, right);
        }

        @Override
        protected void emit(int symbol, int from, int to) {
            if (symbol < vocabulary.size()) {
                out.add(symbol);
                return;
            }
            for (int i = from; i < to; i++) {
                int spelled = byteSymbols[text[i] & 255];
                if (spelled < vocabulary.size()) {
                    out.add(spelled);
                }
            }
        }
    }
}
