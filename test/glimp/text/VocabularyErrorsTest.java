package glimp.text;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import glimp.gguf.Gguf;
import glimp.gguf.GgufException;
import glimp.gguf.GgufWriter;
import glimp.gguf.GgufWriter.Type;
import java.io.IOException;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Vocabularies that are damaged or odd. */
class VocabularyErrorsTest {

    @TempDir
    Path folder;

    private static GgufWriter bytePairs(Object... tokens) {
        return new GgufWriter().string("tokenizer.ggml.model", "gpt2").string("tokenizer.ggml.pre", "gpt-2")
                .array("tokenizer.ggml.tokens", Type.STRING, tokens);
    }

    private static GgufWriter pieces(Object... tokens) {
        return new GgufWriter().string("tokenizer.ggml.model", "llama").array("tokenizer.ggml.tokens", Type.STRING, tokens);
    }

    private Tokenizer read(GgufWriter writer) throws IOException {
        return Tokenizer.of(Gguf.open(writer.write(folder.resolve("vocabulary.gguf"))));
    }

    private void assertRefused(GgufWriter writer, String... words) {
        String message = assertThrows(GgufException.class, () -> read(writer)).getMessage();
        assertTrue(message.contains("vocabulary.gguf"), message);
        for (String word : words) {
            assertTrue(message.contains(word), message);
        }
    }

    @Test
    void refusesAnUnknownKindOfTokenizer() {
        assertRefused(new GgufWriter().string("tokenizer.ggml.model", "bert"), "\"bert\"", "gpt2, llama");
        assertRefused(new GgufWriter(), "tokenizer.ggml.model");
    }

    @Test
    void refusesListsThatAreMissingOrDoNotFit() {
        assertRefused(new GgufWriter().string("tokenizer.ggml.model", "gpt2"), "tokenizer.ggml.tokens");
        assertRefused(bytePairs("a", "b"), "tokenizer.ggml.merges");
        assertRefused(bytePairs("a", "b").array("tokenizer.ggml.merges", Type.STRING)
                .array("tokenizer.ggml.token_type", Type.I32, 1), "token_type", "1 elements for 2 tokens");
        assertRefused(pieces("a", "b"), "tokenizer.ggml.scores");
        assertRefused(pieces("a", "b").array("tokenizer.ggml.scores", Type.F32, 1f), "scores", "1 elements for 2 tokens");
    }

    @Test
    void refusesIdsOutsideTheVocabulary() {
        for (String key : new String[] {"bos_token_id", "eos_token_id", "eot_token_id"}) {
            assertRefused(bytePairs("a").array("tokenizer.ggml.merges", Type.STRING).u32("tokenizer.ggml." + key, 1),
                    key, "1 tokens");
        }
    }

    @Test
    void worksWithVocabulariesThatLackBytesOrNameMergesOfNothing() throws IOException {
        Tokenizer tokenizer = read(bytePairs("a", "b", "abc", "", "x y").array("tokenizer.ggml.merges", Type.STRING,
                "a b", "ab c", "", "a", " a", "a ", "\u2581 b", "b b"));
        assertArrayEquals(new int[] {2}, tokenizer.encode("abc", false), "by way of ab, which is no token");
        assertArrayEquals(new int[] {0, 1, 0}, tokenizer.encode("aba", false), "ab is taken apart again");
        assertArrayEquals(new int[] {0, 1}, tokenizer.encode("a?b€", false), "what has no token is left out");
        assertEquals("x y", tokenizer.decode(4));
        assertEquals(-1, tokenizer.bos());
        assertFalse(tokenizer.addBos());
    }

    @Test
    void worksWithPiecesThatLackBytes() throws IOException {
        Tokenizer tokenizer = read(pieces("<unk>", "a", "\u2581", "\u2581a")
                .array("tokenizer.ggml.scores", Type.F32, 0f, -1f, -2f, -3f));
        assertArrayEquals(new int[] {3, 0, 0, 1}, tokenizer.encode("aéa", false), "a byte without token is unknown");
        assertArrayEquals(new int[] {}, tokenizer.encode("", false));
    }

    @Test
    void crossesWordsWhereThePiecesDo() throws IOException {
        Tokenizer tokenizer = read(pieces("<unk>", "a", "b", "\u2581", "a\u2581", "a\u2581b", "\u2581b")
                .array("tokenizer.ggml.scores", Type.F32, 0f, -9f, -9f, -9f, -1f, -2f, -3f)
                .bool("tokenizer.ggml.add_space_prefix", false));
        assertArrayEquals(new int[] {5}, tokenizer.encode("a b", false));
        assertEquals("a b", tokenizer.decode(5));
    }

    @Test
    void takesPaddedVocabulariesOfAFamilyForTheSame() throws IOException {
        Tokenizer small = read(bytePairs("a", "b").array("tokenizer.ggml.merges", Type.STRING));
        Tokenizer padded = read(bytePairs("a", "b", "[PAD2]", "[PAD3]").array("tokenizer.ggml.merges", Type.STRING)
                .array("tokenizer.ggml.token_type", Type.I32, 1, 1, 5, 5));
        Tokenizer longer = read(bytePairs("a", "b", "c").array("tokenizer.ggml.merges", Type.STRING));
        assertTrue(small.sameVocabulary(padded) && padded.sameVocabulary(small));
        assertFalse(small.sameVocabulary(longer) || longer.sameVocabulary(small));
    }
}
