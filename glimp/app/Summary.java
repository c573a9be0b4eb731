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
                S %s; L %s
                %.1f ms: prompt %.1f, glimpses %.1f, switches %.1f, S %.1f, L %.1f; %d tokens caught up, %d recomputed""",
                r.steps().size(), 100 * r.share(), r.stop().reason,
                written(s), written(l),
                r.ms(), s.promptMs() + l.promptMs(), s.glimpseMs() + l.glimpseMs(), s.switchMs() + l.switchMs(), s.writeMs(), l.writeMs(),
                s.switched() + l.switched(), s.recomputed() + l.recomputed());
    }

    /** {@code 52 tokens, 3100 tokens/s, 2.9 a pass (80 % of the drafts accepted, 7.1 ms saved)}. */
    static String written(Usage u) {
        String text = u.written() + " tokens, " + (u.written() == 0 ? "-" : String.format(Locale.ROOT, "%.0f", 1000 * u.written() / u.writeMs())) + " tokens/s";
        return u.drafted() == 0 ? text : text + String.format(Locale.ROOT, ", %.1f a pass (%s of the drafts accepted, %.1f ms saved)",
                (double) u.written() / u.passes(), percent(u.accepted(), u.drafted()), u.savedMs());
    }

    static String percent(long part, long of) {
        return of == 0 ? "-" : String.format(Locale.ROOT, "%.1f %%", 100.0 * part / of);
    }
}
