package glimp.app;

import glimp.gguf.Gguf;
import glimp.text.Tokenizer;
import java.nio.file.Path;
import java.util.Arrays;

/** Prints the token ids of a text, to look at, or to compare with another program. */
public final class Tokenize {
    private Tokenize() {}

    public static void run(Options options, Terminal terminal) {
        String text = Input.text(options);
        if (text == null) {
            throw new UsageException("tokenize needs a text: -p TEXT or -f FILE");
        }
        Tokenizer tokenizer = Tokenizer.of(Gguf.open(Path.of(options.file())));
        int[] ids = tokenizer.encode(text, options.has("--special"));
        if (options.has("--bos")) {
            ids = tokenizer.withBos(ids);
        }
        terminal.out.println(Arrays.toString(ids));
        if (options.has("--show")) {
            for (int id : ids) {
                terminal.out.printf("%8d  %s%n", id, tokenizer.piece(id));
            }
        }
    }
}
