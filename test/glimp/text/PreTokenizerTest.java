package glimp.text;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import glimp.gguf.GgufException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Pre-tokenizers against llama.cpp, which was given one vocabulary under each of their names. */
class PreTokenizerTest {

    private static final Path EXPECTED = Path.of("test/glimp/text/pretokenizers.json");

    @TempDir
    Path folder;

    @Test
    @SuppressWarnings("unchecked")
    void cutsAsTheReferenceDoesUnderEachName() throws IOException {
        Map<String, Object> expected = (Map<String, Object>) Json.parse(Files.readString(EXPECTED));
        List<String> texts = (List<String>) expected.get("texts");
        for (Map<String, Object> group : (List<Map<String, Object>>) expected.get("pre-tokenizers")) {
            List<List<Long>> ids = (List<List<Long>>) group.get("ids");
            List<String> names = (List<String>) group.get("names");
            names.forEach(name -> assertSame(PreTokenizer.named(names.getFirst()), PreTokenizer.named(name), name));
            Tokenizer tokenizer = Vocabularies.tokenizer("llama-bpe", names.getFirst(), folder);
            for (int i = 0; i < texts.size(); i++) {
                assertArrayEquals(ids.get(i).stream().mapToInt(Long::intValue).toArray(), tokenizer.encode(texts.get(i), false),
                        names.getFirst() + ": " + Json.write(texts.get(i)));
            }
        }
    }

    @Test
    void namesAnUnknownPreTokenizerAndTheKnownOnes() {
        Vocabularies.file("gpt-2.gguf");   // skips the test where it is not
        String message = assertThrows(GgufException.class, () -> Vocabularies.tokenizer("gpt-2", "klingon", folder)).getMessage();
        assertTrue(message.contains("\"klingon\""), message);
        for (String name : List.of("gpt-2", "llama-bpe", "qwen2", "deepseek-r1-qwen", "deepseek-llm", "deepseek-coder",
                "deepseek-v3", "smollm", "starcoder", "refact", "falcon", "mpt", "tekken", "gpt-4o")) {
            assertTrue(message.contains(name), message);
        }
    }

    @Test
    void losesNothingAndNeverCutsACharacter() {
        Random random = new Random(2);
        for (String name : PreTokenizer.names()) {
            for (int i = 0; i < 300; i++) {
                Text text = new Text(GoldenTokenizerTest.randomText(random));
                List<Integer> borders = new ArrayList<>(List.of(0));
                PreTokenizer.named(name).cut(text, 0, text.bytes.length, (from, to) -> {
                    assertEquals(borders.getLast(), from);
                    assertTrue(from < to && to <= text.bytes.length);
                    assertTrue(to == text.bytes.length || (text.bytes[to] & 0xC0) != 0x80);
                    borders.add(to);
                });
                assertEquals(text.bytes.length, borders.getLast());
            }
        }
    }
}
