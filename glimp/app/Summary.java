package glimp.app;

import glimp.route.Result;
import glimp.route.Usage;
import java.util.Locale;

/** What a run took, in three lines. */
final class Summary {
    private Summary() {}

    static String of(Result r) {
        Usage s = r.small();
        Usage l = r.large();
        return String.format(Locale.ROOT, """
                %d steps, %.1f %% by L; thinking ended: %s
                S %d tokens, %s tokens/s; L %d tokens, %s tokens/s
                %.1f ms: prompt %.1f, glimpses %.1f, switches %.1f, S %.1f, L %.1f; %d tokens caught up, %d recomputed""",
                r.steps().size(), 100 * r.share(), r.stop().reason,
                s.written(), rate(s), l.written(), rate(l),
                r.ms(), s.promptMs() + l.promptMs(), s.glimpseMs() + l.glimpseMs(), s.switchMs() + l.switchMs(), s.writeMs(), l.writeMs(),
                s.switched() + l.switched(), s.recomputed() + l.recomputed());
    }

    private static String rate(Usage usage) {
        return usage.written() == 0 ? "-" : String.format(Locale.ROOT, "%.0f", 1000 * usage.written() / usage.writeMs());
    }
}
