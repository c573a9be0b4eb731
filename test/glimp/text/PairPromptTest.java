package glimp.text;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import glimp.gguf.Gguf;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Prompts and tokens of the shipped pair against what another program gave. */
class PairPromptTest {

    private static final Path FOLDER = Path.of("../shared/pair");

    private Gguf file;
    private Tokenizer tokenizer;
    private List<Map<String, Object>> cases;

    @BeforeEach
    @SuppressWarnings("unchecked")
    void open() throws IOException {
        Assumptions.assumeTrue(Files.exists(FOLDER.resolve("greedy.json")), () -> FOLDER + " is not there");
        file = Gguf.open(FOLDER.resolve("glimp-s.gguf"));
        tokenizer = Tokenizer.of(file);
        cases = (List<Map<String, Object>>) Json.parse(Files.readString(FOLDER.resolve("greedy.json")));
    }

    @Test
    void writesTheGoldenPrompts() {
        for (Map<String, Object> golden : cases) {
            List<Message> messages = List.of(Message.user((String) golden.get("question")));
            assertEquals(golden.get("prompt"), ChatTemplate.of(file).render(messages, true).text());
        }
    }

    @Test
    @SuppressWarnings("unchecked")
    void givesTheGoldenIdsForPromptAndContinuation() {
        for (Map<String, Object> golden : cases) {
            for (String model : List.of("small", "large")) {
                Map<String, Object> continuation = (Map<String, Object>) golden.get(model);
                int[] expected = ((List<Long>) continuation.get("ids")).stream().mapToInt(Long::intValue).toArray();
                int[] ids = tokenizer.encode((String) golden.get("prompt") + continuation.get("text"), true);
                assertArrayEquals(expected, Arrays.copyOfRange(ids, ids.length - expected.length, ids.length));
                assertTrue(tokenizer.isEnd(ids[ids.length - 1]));
            }
        }
    }

    @Test
    void sharesOneVocabulary() {
        assertTrue(tokenizer.sameVocabulary(Tokenizer.of(Gguf.open(FOLDER.resolve("glimp-l.gguf")))));
    }
}
