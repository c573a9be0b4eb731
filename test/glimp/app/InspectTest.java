package glimp.app;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import glimp.gguf.GgmlType;
import glimp.gguf.Gguf;
import glimp.gguf.GgufException;
import glimp.gguf.GgufWriter;
import glimp.gguf.GgufWriter.Array;
import glimp.gguf.GgufWriter.Type;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What the inspect command prints is what the file holds. */
class InspectTest {

    private static final Path SHARED = Path.of("../shared");

    @TempDir
    Path directory;

    @Test
    void printsEverythingThatIsInAFile() {
        Path file = everything().write(directory.resolve("model.gguf"));

        assertEquals("""
                file          %s
                format        GGUF version 3
                architecture  llama
                name          Tiny

                metadata
                  general.architecture          "llama"
                  general.name                  "Tiny"
                  llama.block_count             1
                  llama.rope.freq_base          10000.0
                  llama.epsilon                 1.0E-6
                  llama.precise                 0.1
                  tokenizer.ggml.model          "gpt2"
                  tokenizer.ggml.tokens         5 strings: "<s>", "a\\"b", "\\\\\\n", "Ġthe", ..
                  tokenizer.ggml.scores         2 floats: 0.5, -1.0
                  tokenizer.ggml.token_type     9 integers: 1, 2, 3, 4, 5, 6, 7, 8, ..
                  tokenizer.ggml.merges         1 string: "t h"
                  tokenizer.ggml.bos_token_id   0
                  tokenizer.ggml.eos_token_id   5
                  tokenizer.ggml.add_bos_token  true
                  tokenizer.ggml.eot_token_id   "none"
                  general.tags                  0 strings
                  general.flags                 2 booleans
                  general.nested                2 arrays
                  tokenizer.chat_template       "%s".. (2,000 characters)

                tokenizer
                  model       gpt2
                  pre         (not given)
                  vocabulary  5 tokens, 1 merge
                  bos         0 "<s>"
                  eos         5 (not in the vocabulary)

                tensors
                  token_embd.weight   Q8_0     64 x 3       204 bytes
                  output_norm.weight  F32      1            4 bytes
                  experts.weight      IQ2_XXS  256 x 1 x 2  132 bytes

                totals
                  F32      1 tensor   1 parameter     4 bytes
                  Q8_0     1 tensor   192 parameters  204 bytes
                  IQ2_XXS  1 tensor   512 parameters  132 bytes
                  all      3 tensors  705 parameters  340 bytes
                  file                                %,d bytes
                """.formatted(file, "{% if x %}\\n".repeat(6) + "{% if ", Gguf.openAnyType(file).bytes()),
                print(file));
    }

    @Test
    void printsAFileWithoutAnything() {
        assertTrue(print(new GgufWriter().write(directory.resolve("empty.gguf"))).endsWith("""
                architecture  (not given)
                name          (not given)

                metadata

                tokenizer
                  none

                tensors
                  none

                totals
                  all   0 tensors  0 parameters  0 bytes
                  file                           24 bytes
                """));
    }

    @Test
    void printsThePairsSmallModel() {
        String text = printShared("pair/glimp-s.gguf");

        assertHas(text, "architecture  qwen3", "name          GlimpRouter pair, small",
                "  qwen3.attention.head_count_kv           1", "  qwen3.attention.layer_norm_rms_epsilon  1.0E-6",
                "  vocabulary  736 tokens, 469 merges", "  bos         0 \"<|endoftext|>\"", "  eos         2 \"<|im_end|>\"",
                "  token_embd.weight         F16  96 x 736  141,312 bytes", "  blk.1.ffn_down.weight     F16  192 x 96  36,864 bytes",
                "  all   24 tensors  231,008 parameters  463,232 bytes", "  file                                  483,968 bytes");
    }

    @Test
    void addsUpTheTypesOfAMixedFile() {
        String text = printShared("golden/qwen3-Q4_K_M.gguf");

        assertTrue(text.contains(" 896 parameters      3,584 bytes\n"), text);
        assertTrue(text.contains(" 278,528 parameters  156,672 bytes\n"), text);
        assertTrue(text.contains(" 221,184 parameters  181,440 bytes\n"), text);
        assertTrue(text.contains("  all   13 tensors  500,608 parameters  341,696 bytes\n"), text);
    }

    /** Names and values may hold anything: the output is printable lines all the same. */
    @Test
    void printsWhateverABrokenFileHolds() throws IOException {
        byte[] original = everything().string("odd", "\u001b[2J\u0007\u202e" + "🙂".repeat(100)).bytes();
        int printed = 0;
        for (int seed = 0; seed < 300; seed++) {
            Random random = new Random(seed);
            byte[] mutant = original.clone();
            mutant[24 + random.nextInt(mutant.length - 24)] = (byte) random.nextInt(256);
            try {
                String text = print(Files.write(directory.resolve("mutant.gguf"), mutant));
                assertTrue(text.chars().allMatch(c -> c == '\n' || !Character.isISOControl(c) && c != 0x202e), "seed " + seed);
                assertTrue(text.lines().allMatch(line -> line.length() < 500), "seed " + seed);
                printed++;
            } catch (GgufException e) {
                assertTrue(e.getMessage().contains("mutant.gguf"), e.getMessage());
            }
        }
        assertTrue(printed > 150, printed + " were printed");
    }

    private static GgufWriter everything() {
        return new GgufWriter().string("general.architecture", "llama").string("general.name", "Tiny")
                .u32("llama.block_count", 1).f32("llama.rope.freq_base", 10000).f32("llama.epsilon", 1e-6)
                .put("llama.precise", Type.F64, 0.1)
                .string("tokenizer.ggml.model", "gpt2").strings("tokenizer.ggml.tokens", "<s>", "a\"b", "\\\n", "Ġthe", "x")
                .array("tokenizer.ggml.scores", Type.F32, 0.5, -1)
                .array("tokenizer.ggml.token_type", Type.I32, 1, 2, 3, 4, 5, 6, 7, 8, 9)
                .strings("tokenizer.ggml.merges", "t h").u32("tokenizer.ggml.bos_token_id", 0)
                .u32("tokenizer.ggml.eos_token_id", 5).bool("tokenizer.ggml.add_bos_token", true)
                .string("tokenizer.ggml.eot_token_id", "none")
                .strings("general.tags").array("general.flags", Type.BOOL, true, false)
                .array("general.nested", Type.ARRAY, Array.of(Type.I32, 1), Array.of(Type.I32))
                .string("tokenizer.chat_template", ("{% if x %}\n".repeat(182)).substring(0, 2000))
                .tensor("token_embd.weight", GgmlType.Q8_0, new byte[6 * 34], 64, 3)
                .tensor("output_norm.weight", new float[1], 1)
                .tensor("experts.weight", GgmlType.IQ2_XXS, new byte[2 * 66], 256, 1, 2);
    }

    private static String printShared(String name) {
        Path file = SHARED.resolve(name);
        assumeTrue(Files.exists(file), file + " is not there");
        return print(file);
    }

    private static String print(Path file) {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        Inspect.print(Gguf.openAnyType(file), new PrintStream(bytes, true, StandardCharsets.UTF_8));
        return bytes.toString(StandardCharsets.UTF_8);
    }

    private static void assertHas(String text, String... lines) {
        for (String line : lines) {
            assertTrue(text.lines().anyMatch(line::equals), () -> "no line \"" + line + "\" in\n" + text);
        }
    }
}
