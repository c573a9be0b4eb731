package glimp.text;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTimeoutPreemptively;
import static org.junit.jupiter.api.Assertions.assertTrue;

import glimp.gguf.Gguf;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Merging against the definition, and on texts made to be slow. */
class MergerTest {

    @Test
    void mergesAsTheDefinitionSays() {
        Gguf file = Gguf.open(Vocabularies.file("gpt-2.gguf"));
        Tokenizer tokenizer = Tokenizer.of(file);
        Map<String, Integer> ranks = new HashMap<>();
        for (String merge : file.strings("tokenizer.ggml.merges")) {
            ranks.putIfAbsent(merge, ranks.size());
        }
        Random random = new Random(3);
        for (int i = 0; i < 3000; i++) {
            // Letters only: one word, in which every letter is written as itself.
            String word = random.ints(1 + random.nextInt(30), 0, 12).mapToObj(c -> "etaoinshrdEB".substring(c, c + 1))
                    .reduce("", String::concat);
            assertEquals(mergedByDefinition(word, ranks),
                    Arrays.stream(tokenizer.encode(word, false)).mapToObj(tokenizer::piece).toList());
        }
    }

    /** While there is a pair of neighbours with a rank, joins the first of those with the lowest. */
    private static List<String> mergedByDefinition(String word, Map<String, Integer> ranks) {
        List<String> symbols = new ArrayList<>(List.of(word.split("")));
        while (true) {
            int best = -1;
            int lowest = Integer.MAX_VALUE;
            for (int i = 0; i + 1 < symbols.size(); i++) {
                int rank = ranks.getOrDefault(symbols.get(i) + " " + symbols.get(i + 1), Integer.MAX_VALUE);
                if (rank < lowest) {
                    lowest = rank;
                    best = i;
                }
            }
            if (best < 0) {
                return symbols;
            }
            symbols.set(best, symbols.get(best) + symbols.remove(best + 1));
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"gpt-2", "llama-bpe", "deepseek-coder", "llama-spm"})
    void finishesOnAMegabyteOfAnything(String name) {
        Tokenizer tokenizer = Vocabularies.tokenizer(name);
        for (String unit : List.of("a", " ", "\n", "1", "'", "aB", "e\u0301", "<|im_", "\u3000")) {
            String text = unit.repeat((1 << 20) / unit.getBytes(StandardCharsets.UTF_8).length) + "x";
            int[] ids = assertTimeoutPreemptively(Duration.ofSeconds(60), () -> tokenizer.encode(text, true));
            assertTrue(tokenizer.decode(ids).equals(text), () -> "a megabyte of " + Json.write(unit));
        }
    }

    @Test
    void givesTheSameIdsToSeveralThreads() {
        Random random = new Random(4);
        List<String> texts = IntStream.range(0, 400)
                .mapToObj(i -> GoldenTokenizerTest.randomText(random) + " hello wordings").toList();
        Tokenizer alone = Vocabularies.read("gpt-2");
        List<String> expected = texts.stream().map(text -> Arrays.toString(alone.encode(text, false))).toList();
        Tokenizer shared = Vocabularies.read("gpt-2");
        assertEquals(expected, texts.parallelStream().map(text -> Arrays.toString(shared.encode(text, false))).toList());
    }
}
