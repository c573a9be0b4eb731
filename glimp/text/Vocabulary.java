package glimp.text;

import glimp.gguf.Gguf;
import glimp.gguf.GgufException;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Set;
import java.util.function.IntPredicate;

/** The tokens of a model: their names in the file, their types, and which of them have a part to play. */
final class Vocabulary {

    /** Values of {@code tokenizer.ggml.token_type}. */
    static final byte NORMAL = 1, UNKNOWN = 2, CONTROL = 3, USER_DEFINED = 4, UNUSED = 5, BYTE = 6;

    private static final String KEY = "tokenizer.ggml.";

    /** Names that end a turn, or whatever a model was writing, in the vocabularies that are around. */
    private static final Set<String> ENDS = Set.of("<|im_end|>", "<|eot_id|>", "<|eom_id|>", "<|end|>", "<|endoftext|>",
            "<|end_of_text|>", "<|EOT|>", "<|return|>", "</s>", "<eos>", "<end_of_turn>", "<EOT>", "<｜end▁of▁sentence｜>",
            "<|fim_pad|>", "<|repo_name|>", "<|file_sep|>");

    private final String[] pieces;
    private final byte[] types;
    private final boolean[] ends;
    final int bos;
    final int eos;
    final int unknown;

    private Vocabulary(Gguf file, String[] pieces, byte[] types, int bos, int eos, int unknown) {
        this.pieces = pieces;
        this.types = types;
        this.bos = id(file, "bos_token_id", bos);
        this.eos = id(file, "eos_token_id", eos);
        this.unknown = id(file, "unknown_token_id", unknown);
        this.ends = ends(file);
    }

    /**
     * @param bos and the others: ids for a file that names none; -1 for none
     * @throws GgufException if the tokens are missing or what is said about them does not fit them
     */
    static Vocabulary of(Gguf file, int bos, int eos, int unknown) {
        String[] pieces = file.strings(KEY + "tokens");
        return new Vocabulary(file, pieces, types(file, pieces.length), bos, eos, unknown);
    }

    private static byte[] types(Gguf file, int size) {
        byte[] types = new byte[size];
        if (!file.has(KEY + "token_type")) {
            Arrays.fill(types, NORMAL);
            return types;
        }
        long[] values = file.integers(KEY + "token_type");
        if (values.length != size) {
            throw new GgufException(file.file(), "metadata key \"" + KEY + "token_type\" has " + values.length
                    + " elements for " + size + " tokens");
        }
        for (int i = 0; i < size; i++) {
            types[i] = values[i] >= NORMAL && values[i] <= BYTE ? (byte) values[i] : NORMAL;
        }
        return types;
    }

    private int id(Gguf file, String key, int otherwise) {
        long id = file.integer(KEY + key, otherwise < size() ? otherwise : -1);
        if (id < -1 || id >= size()) {
            throw new GgufException(file.file(), "metadata key \"" + KEY + key + "\" is " + id + ", but there are "
                    + size() + " tokens");
        }
        return (int) id;
    }

    private boolean[] ends(Gguf file) {
        boolean[] ends = new boolean[size()];
        for (int i = 0; i < ends.length; i++) {
            ends[i] = (types[i] == CONTROL || types[i] == USER_DEFINED) && ENDS.contains(pieces[i]);
        }
        for (int id : new int[] {eos, id(file, "eot_token_id", -1), id(file, "eom_token_id", -1)}) {
            if (id >= 0) {
                ends[id] = true;
            }
        }
        return ends;
    }

    int size() {
        return pieces.length;
    }

    String piece(int token) {
        return pieces[token];
    }

    byte type(int token) {
        return types[token];
    }

    boolean isEnd(int token) {
        return ends[token];
    }

    /** The token of this name, or -1. */
    int find(String piece) {
        return Arrays.asList(pieces).indexOf(piece);
    }

    /** Whether a token means something to a model beyond the text it is written with, and is recognised only where asked. */
    boolean isMarkup(int token) {
        return switch (types[token]) {
            case CONTROL, UNKNOWN -> true;
            case USER_DEFINED -> looksLikeMarkup(pieces[token]);
            default -> false;
        };
    }

    /**
     * Whether a token is text that some vocabularies have added to what merging makes (long runs of blanks, single letters),
     * and that is recognised before anything else, everywhere. Tokens such as {@code <think>} are added the same way, and a
     * file does not say which is which; so those in brackets are taken for markup.
     */
    boolean isAddedText(int token) {
        return types[token] == USER_DEFINED && !looksLikeMarkup(pieces[token]);
    }

    private static boolean looksLikeMarkup(String piece) {
        return piece.length() > 2 && (piece.startsWith("<") && piece.endsWith(">") || piece.startsWith("[") && piece.endsWith("]"));
    }

    /** Those tokens that the test picks. */
    TokenTrie trie(IntPredicate test) {
        TokenTrie trie = new TokenTrie();
        for (int i = 0; i < pieces.length; i++) {
            if (types[i] != NORMAL && test.test(i)) {
                trie.add(pieces[i].getBytes(StandardCharsets.UTF_8), i);
            }
        }
        return trie;
    }

    /** The byte that a token of type {@link #BYTE} stands for, by its name {@code <0xHH>}, or -1. */
    int byteOf(int token) {
        String piece = pieces[token];
        if (piece.length() != 6 || !piece.startsWith("<0x") || piece.charAt(5) != '>') {
            return -1;
        }
        int high = Character.digit(piece.charAt(3), 16);
        int low = Character.digit(piece.charAt(4), 16);
        return high < 0 || low < 0 ? -1 : high << 4 | low;
    }

    /**
     * Whether every id means the same in both: the same tokens in the same order, but for unused ones at the end, with which
     * the larger models of a family are often padded.
     */
    boolean same(Vocabulary other) {
        int common = Math.min(size(), other.size());
        return Arrays.equals(pieces, 0, common, other.pieces, 0, common)
                && Arrays.equals(types, 0, common, other.types, 0, common)
                && isPadding(common) && other.isPadding(common);
    }

    private boolean isPadding(int from) {
        for (int i = from; i < pieces.length; i++) {
            if (types[i] != UNUSED && !pieces[i].startsWith("[PAD")) {
                return false;
            }
        }
        return true;
    }
}
