package glimp.gguf;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** Files that other software wrote hold what it says they hold. */
class GoldenFilesTest {

    private static final Path GOLDEN = Path.of("../shared/golden");
    private static final Path PAIR = Path.of("../shared/pair");
    private static final Pattern TYPES = Pattern.compile("\"types\":\\s*\\[([^]]*)]");
    private static final Pattern QUOTED = Pattern.compile("\"([^\"]*)\"");

    @Test
    void findsTheStatedTypesOfEveryModel() throws IOException {
        List<Path> files = models();
        assertEquals(10, files.size());
        for (Path file : files) {
            Gguf gguf = Gguf.open(file);
            Set<String> found = new TreeSet<>();
            gguf.tensors().values().forEach(tensor -> found.add(tensor.type().name()));
            assertEquals(statedTypes(file), found, file.toString());
            assertEquals(file.getFileName().toString().replaceFirst("-.*", ""), gguf.string("general.architecture"));
            assertEquals(Files.size(file), gguf.bytes());
        }
    }

    /** Their writer leaves nothing between two tensors but what the alignment asks for, and nothing after the last. */
    @Test
    void tensorsFillTheFileToItsEnd() throws IOException {
        for (Path file : models()) {
            List<Tensor> tensors = Gguf.open(file).tensors().values().stream()
                    .sorted(Comparator.comparingLong(tensor -> tensor.data().address())).toList();
            long end = tensors.getFirst().data().address();
            for (Tensor tensor : tensors) {
                assertEquals(end, tensor.data().address(), file + " " + tensor.name());
                end += Math.ceilDiv(tensor.data().byteSize(), 32) * 32;
            }
            byte[] last = tensors.getLast().data().toArray(ValueLayout.JAVA_BYTE);
            byte[] whole = Files.readAllBytes(file);
            int start = whole.length - Math.ceilDiv(last.length, 32) * 32;
            assertArrayEquals(Arrays.copyOfRange(whole, start, start + last.length), last, file.toString());
        }
    }

    @Test
    void readsTheVocabularies() {
        assumeTrue(Files.isDirectory(GOLDEN), GOLDEN + " is not there");
        vocabulary("gpt-2", "gpt2", 50257, "Ġthe");
        vocabulary("llama-bpe", "gpt2", 128256, "<|begin_of_text|>");
        vocabulary("qwen2", "gpt2", 151669, "<|im_start|>");
        vocabulary("starcoder", "gpt2", 49152, "<|endoftext|>");
        vocabulary("deepseek-coder", "gpt2", 32256, "<｜begin▁of▁sentence｜>");
        Gguf spm = vocabulary("llama-spm", "llama", 32000, "▁the");
        assertEquals(32000, spm.numbers("tokenizer.ggml.scores").length);
        assertEquals("<unk>", spm.strings("tokenizer.ggml.tokens")[0]);
    }

    @Test
    void readsThePair() {
        assumeTrue(Files.isDirectory(PAIR), PAIR + " is not there");
        pairModel("glimp-s.gguf", 96, 2, 3, 1, 32, 192, 230_000, 10_000);
        pairModel("glimp-l.gguf", 256, 4, 4, 2, 64, 768, 3_300_000, 100_000);
    }

    private static void pairModel(String name, int hidden, int layers, int heads, int kvHeads, int headDimension, int ffn,
            long parameters, long within) {
        Gguf gguf = Gguf.open(PAIR.resolve(name));
        assertEquals("qwen3", gguf.string("general.architecture"));
        assertEquals(hidden, gguf.count("qwen3.embedding_length"));
        assertEquals(layers, gguf.count("qwen3.block_count"));
        assertEquals(heads, gguf.count("qwen3.attention.head_count"));
        assertEquals(kvHeads, gguf.count("qwen3.attention.head_count_kv"));
        assertEquals(headDimension, gguf.count("qwen3.attention.key_length"));
        assertEquals(ffn, gguf.count("qwen3.feed_forward_length"));
        assertEquals(512, gguf.count("qwen3.context_length"));
        assertEquals(736, gguf.strings("tokenizer.ggml.tokens").length);
        assertEquals("llama-bpe", gguf.string("tokenizer.ggml.pre"));
        assertArrayEquals(new long[] {hidden, 736}, gguf.tensor("token_embd.weight").shape());
        assertArrayEquals(new long[] {hidden, ffn}, gguf.tensor("blk.0.ffn_up.weight").shape());
        assertEquals(parameters, gguf.tensors().values().stream().mapToLong(Tensor::elements).sum(), within);
    }

    private static Gguf vocabulary(String name, String model, int size, String member) {
        Gguf gguf = Gguf.open(GOLDEN.resolve("tokenizers").resolve(name + ".gguf"));
        assertEquals(model, gguf.string("tokenizer.ggml.model"));
        String[] tokens = gguf.strings("tokenizer.ggml.tokens");
        assertEquals(size, tokens.length, name);
        assertTrue(List.of(tokens).contains(member), name + " has no " + member);
        assertEquals(size, gguf.integers("tokenizer.ggml.token_type").length, name);
        return gguf;
    }

    private static List<Path> models() throws IOException {
        assumeTrue(Files.isDirectory(GOLDEN), GOLDEN + " is not there");
        try (Stream<Path> files = Files.list(GOLDEN)) {
            return files.filter(file -> file.toString().endsWith(".gguf")).sorted().toList();
        }
    }

    private static Set<String> statedTypes(Path model) throws IOException {
        Matcher types = TYPES.matcher(Files.readString(Path.of(model.toString().replace(".gguf", ".json"))));
        assertTrue(types.find(), model.toString());
        return QUOTED.matcher(types.group(1)).results().map(found -> found.group(1)).collect(Collectors.toCollection(TreeSet::new));
    }
}
