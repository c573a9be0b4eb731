package glimp.app;

import glimp.decode.Context;
import glimp.gguf.GgmlType;
import glimp.gguf.Gguf;
import glimp.gguf.Tensor;
import glimp.model.KvCache;
import glimp.model.Model;
import glimp.tensor.Team;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Locale;
import java.util.Map;
import java.util.Random;

/**
 * Speed of a model, in llama-bench's table: tokens/s of a prompt run in batches (pp) and of tokens run one by one (tg), with
 * the bytes of weights read per second beside it. Sampling is not part of it.
 *
 * <p>A test warms up until two runs in a row agree within 3 %, since the JVM compiles its kernels while they run.
 */
public final class Bench {
    private static final double AGREE = 0.03;
    private static final int MOST_WARM_UPS = 12;

    private final Terminal terminal;
    private final Gguf file;
    private final Options options;

    private Bench(Options options, Terminal terminal) {
        this.options = options;
        this.terminal = terminal;
        this.file = Gguf.open(Path.of(model(options)));
    }

    public static void run(Options options, Terminal terminal) {
        new Bench(options, terminal).all();
    }

    private static String model(Options options) {
        return options.has("--model") ? options.text("--model") : options.file();
    }

    private void all() {
        int[] prompts = counts("--n-prompt"), generated = counts("--n-gen"), depths = counts("--n-depth"), threads = counts("--threads");
        terminal.out.println("| model                          |       size |     params | threads |          test |              t/s |   GB/s |");
        terminal.out.println("| ------------------------------ | ---------: | ---------: | ------: | ------------: | ---------------: | -----: |");
        for (int t : threads) {
            try (Team team = new Team(t == 0 ? Cores.physical() : t)) {
                Model model = Model.load(file, team);
                for (int depth : depths) {
                    for (int p : prompts) {
                        if (p > 0) {
                            test(model, team, "pp" + p, depth, p, false);
                        }
                    }
                    for (int n : generated) {
                        if (n > 0) {
                            test(model, team, "tg" + n, depth, n, true);
                        }
                    }
                }
            }
        }
    }

    private int[] counts(String flag) {
        try {
            int[] counts = Arrays.stream(options.text(flag).split(",")).mapToInt(n -> Integer.parseInt(n.strip())).toArray();
            if (Arrays.stream(counts).allMatch(n -> n >= 0)) {
                return counts;
            }
        } catch (NumberFormatException e) {
            // said below
        }
        throw options.bad(flag, "a number, or several with commas between them");
    }

    private void test(Model model, Team team, String name, int depth, int count, boolean oneByOne) {
        Context context = new Context(model, depth + count, cache("--cache-type-k"), cache("--cache-type-v"));
        int[] tokens = new Random(1).ints(depth + count, 0, model.config().vocabulary()).toArray();
        double last = Double.MAX_VALUE;
        for (int i = 0; i < MOST_WARM_UPS; i++) {
            double seconds = measure(context, tokens, depth, oneByOne);
            boolean agree = Math.abs(seconds - last) < AGREE * last;
            last = seconds;
            if (agree) {
                break;
            }
        }
        double[] rates = new double[options.count("--repetitions", 1)];
        for (int i = 0; i < rates.length; i++) {
            rates[i] = count / measure(context, tokens, depth, oneByOne);
        }
        row(model, team, depth == 0 ? name : name + " @ d" + depth, rates, oneByOne);
    }

    private KvCache.Type cache(String flag) {
        return options.choice(flag, "f32", "f16").equals("f32") ? KvCache.Type.F32 : KvCache.Type.F16;
    }

    /** Seconds for the tokens behind the first {@code depth}, which are in the context already or run before the clock starts. */
    private static double measure(Context context, int[] tokens, int depth, boolean oneByOne) {
        context.advance(tokens, depth, null);
        long start = System.nanoTime();
        if (oneByOne) {
            for (int i = depth; i < tokens.length; i++) {
                context.append(tokens[i]);
            }
        } else {
            context.advance(tokens, tokens.length, null);
        }
        return (System.nanoTime() - start) / 1e9;
    }

    private void row(Model model, Team team, String test, double[] rates, boolean oneByOne) {
        double mean = Arrays.stream(rates).average().orElse(0);
        double spread = Math.sqrt(Arrays.stream(rates).map(r -> (r - mean) * (r - mean)).sum() / Math.max(1, rates.length - 1));
        String bandwidth = oneByOne ? String.format(Locale.ROOT, "%.1f", mean * model.bytes() / 1e9) : "";
        long elements = file.tensors().values().stream().mapToLong(Tensor::elements).sum();
        terminal.out.printf(Locale.ROOT, "| %-30s | %6.2f MiB | %8.2f M | %7d | %13s | %8.2f ± %5.2f | %6s |%n", describe(), file.bytes() / 1048576.0,
                elements / 1e6, team.size(), test, mean, spread, bandwidth);
        terminal.flush();
    }

    /** Architecture, size and the type that most bytes have: {@code qwen3 0.6B Q8_0}. */
    private String describe() {
        Map<GgmlType, Long> bytes = new HashMap<>();
        long elements = 0;
        for (Tensor tensor : file.tensors().values()) {
            bytes.merge(tensor.type(), tensor.data().byteSize(), Long::sum);
            elements += tensor.elements();
        }
        GgmlType most = bytes.entrySet().stream().max(Map.Entry.comparingByValue()).map(Map.Entry::getKey).orElse(GgmlType.F32);
        String size = elements >= 1e8 ? String.format(Locale.ROOT, "%.1fB", elements / 1e9) : String.format(Locale.ROOT, "%.1fM", elements / 1e6);
        return file.string("general.architecture") + " " + size + " " + most;
    }
}
