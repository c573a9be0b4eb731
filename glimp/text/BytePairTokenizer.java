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
        this.tokens = tokens(vocabulary);
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

    private static TokenTable tokens(Vocabulary vocabulary) {
        TokenTable tokens = new TokenTable(vocabulary.size());
        Spelling spelling = new Spelling();
        for (int i = 0; i < vocabulary.size(); i++) {
            boolean text = !vocabulary.isMarkup(i) && vocabulary.type(i) != Vocabulary.BYTE;
            if (text && spelling.read(vocabulary.piece(i)) && spelling.isPiece()) {
                tokens.add(spelling.bytes, 0, spelling.length);
            } else {
                tokens.skip();
            }
        }
        return tokens;
    }

    /** A merge is written "left right"; one with a character that spells no byte could never be applied. */
    private PairTable pairs(String[] merges) {
        PairTable pairs = new PairTable(merges.length);
        Spelling spelling = new Spelling();
        int union = 0;
        for (int rank = 0; rank < merges.length; rank++) {
            if (spelling.read(merges[rank]) && spelling.isMerge()) {
                int left = symbol(spelling.bytes, 0, spelling.blank);
                int right = symbol(spelling.bytes, spelling.blank, spelling.length);
                // Vocabularies list their tokens in the order of the merges that made them: the next one saves a search.
                union = tokens.is(union + 1, spelling.bytes, spelling.length) ? union + 1
                        : symbol(spelling.bytes, 0, spelling.length);
                pairs.add(left, right, rank, union);
            }
        }
        return pairs;
    }

    private int symbol(byte[] bytes, int from, int to) {
        int symbol = tokens.find(bytes, from, to);
        return symbol >= 0 ? symbol : tokens.add(bytes, from, to);
    }

    @Override
    void encode(byte[] text, int from, int to, Ids out) {
        Bytes merger = new Bytes(text, out);
        words.cut(new Text(text), from, to, merger::word);
    }

    @Override
    byte[] spelled(String piece) {
        Spelling spelling = new Spelling();
        return spelling.read(piece) && spelling.isPiece() ? Arrays.copyOf(spelling.bytes, spelling.length)
                : piece.getBytes(StandardCharsets.UTF_8);
    }

    /** The bytes that a piece spells, or a merge of two. */
    private static final class Spelling {

        private char[] characters = new char[64];
        byte[] bytes = new byte[64];
        int length;
        /** Bytes before the blank, which itself spells nothing; 0 if there is none. */
        int blank;

        /** Whether every character spells a byte, but for one blank within. */
        boolean read(String piece) {
            int count = piece.length();
            if (count > characters.length) {
                characters = new char[2 * count];
                bytes = new byte[2 * count];
            }
            piece.getChars(0, count, characters, 0);
            length = 0;
            blank = 0;
            for (int i = 0; i < count; i++) {
                char c = characters[i];
                if (c < BYTE_OF.length && BYTE_OF[c] >= 0) {
                    bytes[length++] = (byte) BYTE_OF[c];
                } else if (c == ' ' && length > 0 && blank == 0) {
                    blank = length;
                } else {
                    return false;
                }
            }
            return true;
        }

        boolean isPiece() {
            return length > 0 && blank == 0;
        }

        boolean isMerge() {
            return blank > 0 && blank < length;
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
