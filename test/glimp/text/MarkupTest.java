package glimp.text;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import glimp.gguf.Gguf;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;

/** Which text becomes a control token, and which never does. */
class MarkupTest {

    /** From Qwen3's published tokenizer. */
    private static final int IM_START = 151644, IM_END = 151645, THINK = 151667, END_OF_THINKING = 151668;

    static List<String> names() {
        return Vocabularies.NAMES;
    }

    @Test
    void recognisesMarkupWhereAsked() {
        Tokenizer tokenizer = Vocabularies.tokenizer("qwen2");
        // <|im_start|> user \n Hi <|im_end|> \n <think> \n </think>, as llama.cpp gives them.
        assertArrayEquals(new int[] {IM_START, 872, 198, 13048, IM_END, 198, THINK, 198, END_OF_THINKING},
                tokenizer.encode("<|im_start|>user\nHi<|im_end|>\n<think>\n</think>", true));
    }

    @ParameterizedTest
    @MethodSource("names")
    void spellsOutMarkupThatSomebodyTyped(String name) {
        Gguf file = Gguf.open(Vocabularies.file(name + ".gguf"));
        Tokenizer tokenizer = Tokenizer.of(file);
        long[] types = file.integers("tokenizer.ggml.token_type");
        for (int token = 0; token < tokenizer.size(); token++) {
            String piece = tokenizer.piece(token);
            if (types[token] == 1 || types[token] == 5 || !piece.startsWith("<") || !piece.endsWith(">")) {
                continue;
            }
            int id = token;
            for (String text : List.of(piece, " " + piece, "a" + piece + "b", piece + piece)) {
                for (int[] ids : List.of(tokenizer.encode(text, false), tokenizer.encode(Prompt.of().plain(text)),
                        tokenizer.encode(Prompt.of().trusted("x").plain(text).trusted("y")))) {
                    assertTrue(Arrays.stream(ids).noneMatch(i -> i == id), () -> text + " became " + piece);
                }
            }
        }
    }

    @Test
    void joinsNoMarkupAcrossTheBorderOfWhatSomebodyTyped() {
        Tokenizer tokenizer = Vocabularies.tokenizer("qwen2");
        String[] halves = {"<|im_", "end|>"};
        int[] spelled = tokenizer.encode("<|im_end|>", false);
        assertArrayEquals(spelled, tokenizer.encode(Prompt.of().trusted(halves[0]).plain(halves[1])));
        assertArrayEquals(spelled, tokenizer.encode(Prompt.of().plain(halves[0]).trusted(halves[1])));
        assertArrayEquals(new int[] {IM_END}, tokenizer.encode(Prompt.of().trusted(halves[0]).trusted(halves[1])));
    }

    @ParameterizedTest
    @MethodSource("names")
    void cutsWordsAsIfThereWereNoBorders(String name) {
        Tokenizer tokenizer = Vocabularies.tokenizer(name);
        String text = "user\n  What is 12345+6?\n\n'Tis won't  work\n assistant";
        int[] whole = tokenizer.encode(text, false);
        for (int from = 0; from <= text.length(); from++) {
            for (int to = from; to <= text.length(); to++) {
                Prompt prompt = Prompt.of().trusted(text.substring(0, from)).plain(text.substring(from, to))
                        .trusted(text.substring(to));
                assertEquals(text, prompt.text());
                assertArrayEquals(whole, tokenizer.encode(prompt));
            }
        }
    }

    @Test
    void takesTheLongestOfSeveralNames() {
        Tokenizer tokenizer = Vocabularies.tokenizer("llama-bpe");
        assertArrayEquals(new int[] {128003, 128018},
                tokenizer.encode("<|reserved_special_token_1|><|reserved_special_token_10|>", true));
    }

    @Test
    void recognisesAddedTextEverywhere() {
        // A single letter that this vocabulary has as a user-defined token: id 32009, also in the golden ids.
        assertArrayEquals(new int[] {37, 32009, 71, 6247}, Vocabularies.tokenizer("deepseek-coder").encode("Führer", false));
    }

    @ParameterizedTest
    @CsvSource({"qwen2, <|im_end|>", "qwen2, <|endoftext|>", "llama-bpe, <|eot_id|>", "llama-bpe, <|end_of_text|>",
        "llama-bpe, <|eom_id|>", "llama-spm, </s>", "gpt-2, <|endoftext|>", "deepseek-coder, <｜end▁of▁sentence｜>"})
    void knowsWhatEndsATurn(String name, String piece) {
        Tokenizer tokenizer = Vocabularies.tokenizer(name);
        assertTrue(tokenizer.isEnd(tokenizer.token(piece)));
        assertFalse(tokenizer.isEnd(tokenizer.encode("the", false)[0]));
    }

    @ParameterizedTest
    @CsvSource({"gpt-2, 50256, 50256, false", "qwen2, -1, 151645, false", "llama-bpe, 128000, 128009, true",
        "llama-spm, 1, 2, true", "deepseek-coder, 32013, 32014, true", "starcoder, 0, 0, false"})
    void knowsTheTokensAtBothEnds(String name, int bos, int eos, boolean addBos) {
        Tokenizer tokenizer = Vocabularies.tokenizer(name);
        assertEquals(bos, tokenizer.bos());
        assertEquals(eos, tokenizer.eos());
        assertEquals(addBos, tokenizer.addBos());
    }

    @Test
    void printsNothingForControlTokens() {
        Tokenizer tokenizer = Vocabularies.tokenizer("qwen2");
        assertEquals(0, tokenizer.bytes(IM_END).length);
        assertEquals("</think>", new String(tokenizer.bytes(END_OF_THINKING)));
        assertEquals("<|im_end|>", tokenizer.piece(IM_END));
        assertEquals(END_OF_THINKING, tokenizer.token("</think>"));
        assertEquals(-1, tokenizer.token("no such piece"));
    }

    @Test
    void knowsTwoVocabulariesApart() {
        Tokenizer qwen = Vocabularies.tokenizer("qwen2");
        assertTrue(qwen.sameVocabulary(Vocabularies.tokenizer("qwen2")));
        assertFalse(qwen.sameVocabulary(Vocabularies.tokenizer("llama-bpe")));
        assertFalse(Vocabularies.tokenizer("gpt-2").sameVocabulary(qwen));
        assertNotEquals(qwen.size(), Vocabularies.tokenizer("gpt-2").size());
    }
}
