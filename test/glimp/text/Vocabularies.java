package glimp.text;

import glimp.gguf.Gguf;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import org.junit.jupiter.api.Assumptions;

/** The golden vocabularies; a test that asks for one is skipped where they are not. */
final class Vocabularies {

    static final List<String> NAMES = List.of("gpt-2", "qwen2", "llama-bpe", "starcoder", "deepseek-coder", "llama-spm");

    private static final Path FOLDER = Path.of("../shared/golden/tokenizers");

    private static final Map<String, Tokenizer> TOKENIZERS = new ConcurrentHashMap<>();

    private Vocabularies() {}

    static Path file(String name) {
        Path file = FOLDER.resolve(name);
        Assumptions.assumeTrue(Files.exists(file), () -> file + " is not there");
        return file;
    }

    /** The same object each time. */
    static Tokenizer tokenizer(String name) {
        return TOKENIZERS.computeIfAbsent(name, Vocabularies::read);
    }

    /** A new object each time. */
    static Tokenizer read(String name) {
        return Tokenizer.of(Gguf.open(file(name + ".gguf")));
    }

    /** A golden vocabulary whose file names another pre-tokenizer. */
    static Tokenizer tokenizer(String name, String pre, Path folder) throws IOException {
        byte[] bytes = Files.readAllBytes(file(name + ".gguf"));
        byte[] key = "tokenizer.ggml.pre".getBytes(StandardCharsets.UTF_8);
        int at = 0;
        while (!ByteBuffer.wrap(bytes, at, key.length).equals(ByteBuffer.wrap(key))) {
            at++;
        }
        // Behind the key: the value's type (4 bytes), its length (8 bytes), its characters.
        int length = at + key.length + 4;
        int rest = length + 8 + (int) ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN).getLong(length);
        byte[] value = pre.getBytes(StandardCharsets.UTF_8);
        ByteBuffer changed = ByteBuffer.allocate(bytes.length + value.length + 64).order(ByteOrder.LITTLE_ENDIAN)
                .put(bytes, 0, length).putLong(value.length).put(value).put(bytes, rest, bytes.length - rest).flip();
        Path file = folder.resolve(name + "-" + pre + ".gguf");
        Files.write(file, Arrays.copyOf(changed.array(), changed.limit()));
        return Tokenizer.of(Gguf.open(file));
    }
}
