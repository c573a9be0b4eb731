import glimp.app.Bench;
import glimp.app.Checks;
import glimp.app.Compare;
import glimp.app.Demo;
import glimp.app.Failures;
import glimp.app.GlimpseOnce;
import glimp.app.Help;
import glimp.app.Inspect;
import glimp.app.Options;
import glimp.app.Relaunch;
import glimp.app.Run;
import glimp.app.SourceLaunch;
import glimp.app.Terminal;
import glimp.app.Tokenize;

/**
 * GlimpRouter: two language models write one chain of thought together, in plain Java.
 *
 * <p>Before each step the small model computes the distribution of the step's first token. Where it is sure, it writes the
 * step; where it is not, the large model does; the large model always writes the answer (arXiv 2601.05110). To read how:
 * {@code glimp.route.Router} is the loop, {@code glimp.route.Policy} the decision, {@code glimp.route.LocalWriter} a model
 * that writes, and from there down how a language model runs.
 */
public final class GlimpRouter {
    private GlimpRouter() {}

    public static void main(String[] args) {
        if (SourceLaunch.run(args)) {
            return;
        }
        if (Relaunch.needed()) {
            System.exit(Relaunch.run(args));
        }
        Terminal terminal = Terminal.open();
        System.exit(Failures.guard(terminal, () -> run(Options.parse(args), terminal)));
    }

    private static void run(Options options, Terminal terminal) {
        if (options.has("--help")) {
            Help.print(options.command(), terminal);
            return;
        }
        Checks.choose(options);
        switch (options.command()) {
            case "run" -> Run.run(options, terminal);
            case "demo" -> Demo.run(options, terminal);
            case "compare" -> Compare.run(options, terminal);
            case "bench" -> Bench.run(options, terminal);
            case "inspect" -> Inspect.run(options, terminal);
            case "tokenize" -> Tokenize.run(options, terminal);
            case "glimpse" -> GlimpseOnce.run(options, terminal);
            default -> throw new IllegalStateException(options.command());
        }
    }
}
