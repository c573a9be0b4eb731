package glimp.text;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;

import java.io.IOException;
import java.nio.file.Files;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.stream.Collectors;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Tokenizers against the ids that llama.cpp gives for the same vocabularies. */
class GoldenTokenizerTest {

    static List<String> names() {
        return Vocabularies.NAMES;
    }

    @ParameterizedTest
    @MethodSource("names")
    void givesTheGoldenIds(String name) throws IOException {
        Tokenizer tokenizer = Vocabularies.tokenizer(name);
        String[] texts = texts(name);
        List<String> lines = Files.readAllLines(Vocabularies.file(name + ".out"));
        assertFalse(lines.isEmpty());
        for (int i = 0; i < lines.size(); i++) {
            assertEquals(lines.get(i).strip(), ids(tokenizer.encode(texts[i], false)), "case " + i + ": " + Json.write(texts[i]));
        }
    }

    @ParameterizedTest
    @MethodSource("names")
    void decodesWhatItEncoded(String name) throws IOException {
        Tokenizer tokenizer = Vocabularies.tokenizer(name);
        for (String text : texts(name)) {
            assertEquals(text, tokenizer.decode(tokenizer.encode(text, false)));
        }
        Random random = new Random(1);
        for (int i = 0; i < 2000; i++) {
            String text = randomText(random);
            assertEquals(text, tokenizer.decode(tokenizer.encode(text, false)), () -> Json.write(text));
        }
    }

    private static String[] texts(String name) throws IOException {
        return Files.readString(Vocabularies.file(name + ".inp")).split("\n__ggml_vocab_test__\n", -1);
    }

    private static String ids(int[] ids) {
        return Arrays.stream(ids).mapToObj(String::valueOf).collect(Collectors.joining(" "));
    }

    /**
     * Characters of the first four planes (no vocabulary needs the bytes of all the others, and one lacks some), with ASCII,
     * white space and Latin most often.
     */
    static String randomText(Random random) {
        StringBuilder text = new StringBuilder();
        for (int i = random.nextInt(20); i >= 0; i--) {
            int point = switch (random.nextInt(4)) {
                case 0 -> random.nextInt(128);
                case 1 -> random.nextInt(0x3000);
                case 2 -> " \n\t'a1<|".charAt(random.nextInt(8));
                default -> random.nextInt(0x40000);
            };
            boolean half = point >= Character.MIN_SURROGATE && point <= Character.MAX_SURROGATE;
            text.appendCodePoint(half ? 'x' : point);
        }
        return text.toString();
    }
}
