package glimp.app;

import glimp.decode.Context;
import glimp.decode.Distribution;
import glimp.text.Tokenizer;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;

/** Prints what a model thinks comes next after a text: entropy, margin, the likeliest tokens; its logits, into a file. */
public final class GlimpseOnce {
    private GlimpseOnce() {}

    public static void run(Options options, Terminal terminal) {
        String text = Input.text(options);
        if ((text == null) == !options.has("--ids")) {
            throw new UsageException("glimpse needs a text (-p TEXT or -f FILE) or token ids (--ids 1,2,3), and not both");
        }
        int top = options.count("--top", 1);
        Path logitsFile = Input.output(options, "--logits");
        try (Session session = new Session(List.of(Path.of(options.file())), options, terminal)) {
            Session.Loaded model = session.small();
            int[] tokens = text == null ? ids(options, model.tokenizer().size()) : tokens(text, model.tokenizer());
            if (tokens.length == 0) {
                throw new UsageException("glimpse needs at least one token");
            }
            float[] logits = advance(model.context(), tokens, terminal);
            print(logits, top, model.tokenizer(), terminal);
            if (logitsFile != null) {
                write(logits, logitsFile);
            }
        }
    }

    private static float[] advance(Context context, int[] tokens, Terminal terminal) {
        terminal.begin();
        float[] logits = context.advance(tokens, tokens.length, (done, of) -> {
            terminal.progress("reading", done, of);
            return true;
        });
        terminal.end();
        return logits;
    }

    /** With the begin-of-text token, where the model wants one: it is what the model was trained to see. */
    private static int[] tokens(String text, Tokenizer tokenizer) {
        int[] tokens = tokenizer.encode(text, true);
        return tokenizer.addBos() ? tokenizer.withBos(tokens) : tokens;
    }

    private static int[] ids(Options options, int vocabulary) {
        try {
            int[] ids = Arrays.stream(options.text("--ids").split(",")).mapToInt(id -> Integer.parseInt(id.strip())).toArray();
            for (int id : ids) {
                if (id < 0 || id >= vocabulary) {
                    throw options.bad("--ids", "token ids from 0 to " + (vocabulary - 1));
                }
            }
            return ids;
        } catch (NumberFormatException e) {
            throw options.bad("--ids", "token ids with commas between them");
        }
    }

    private static void print(float[] logits, int count, Tokenizer tokenizer, Terminal terminal) {
        Distribution.Likely[] top = Distribution.top(logits, Math.max(2, count));
        terminal.out.printf(Locale.ROOT, "entropy %.6f nats, margin %.6f%n", Distribution.entropy(logits),
                top.length > 1 ? top[0].probability() - top[1].probability() : 1);
        for (int i = 0; i < Math.min(count, top.length); i++) {
            terminal.out.printf(Locale.ROOT, "%8d  %.6f  %s%n", top[i].token(), top[i].probability(), tokenizer.piece(top[i].token()));
        }
    }

    private static void write(float[] logits, Path file) {
        ByteBuffer bytes = ByteBuffer.allocate(4 * logits.length).order(ByteOrder.LITTLE_ENDIAN);
        bytes.asFloatBuffer().put(logits);
        Input.write(file, bytes.array());
    }
}
