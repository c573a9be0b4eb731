package glimp.app;

import glimp.route.Author;
import glimp.route.Result;
import glimp.route.Usage;
import java.util.Locale;

/** What a run took, in four lines. */
final class Summary {
    private Summary() {}

    static String of(Result r) {
        Usage s = r.small();
        Usage l = r.large();
        return String.format(Locale.ROOT, """
                %d steps, %.1f %% by L; thinking ended: %s
                S %s; L %s
                %.1f ms: prompt %.1f, glimpses %.1f, switches %.1f, S %.1f, L %.1f; %d tokens caught up%s, %d recomputed
                first text of a step after the one before:%s""",
                r.steps().size(), 100 * r.share(), r.stop().reason,
                written(s), written(l),
                r.ms(), s.promptMs() + l.promptMs(), s.glimpseMs() + l.glimpseMs(), s.switchMs() + l.switchMs(), s.writeMs(), l.writeMs(),
                s.switched() + l.switched(), background(s.followed() + l.followed()), s.recomputed() + l.recomputed(), handOvers(r));
    }

    private static String background(long tokens) {
        return tokens == 0 ? "" : ", " + tokens + " more in the background";
    }

    /** By kind: {@code S to L 2.31 ms}. */
    private static String handOvers(Result r) {
        StringBuilder text = new StringBuilder();
        for (Author from : Author.values()) {
            for (Author to : Author.values()) {
                double ms = r.handOver(from, to);
                if (!Double.isNaN(ms)) {
                    text.append(String.format(Locale.ROOT, "%s %s to %s %.2f ms", text.isEmpty() ? "" : ",", from.letter, to.letter, ms));
                }
            }
        }
        return text.isEmpty() ? " -" : text.toString();
    }

    /** {@code 52 tokens, 3100 tokens/s, 2.9 a pass (80 % of the drafts accepted, about 7.1 ms saved)}; what was saved is left out where it is not known. */
    static String written(Usage u) {
        String text = u.written() + " tokens, " + (u.written() == 0 ? "-" : String.format(Locale.ROOT, "%.0f", 1000 * u.written() / u.writeMs())) + " tokens/s";
        return u.drafted() == 0 ? text : text + String.format(Locale.ROOT, ", %.1f a pass (%s of the drafts accepted%s)",
                (double) u.written() / u.passes(), percent(u.accepted(), u.drafted()),
                u.savedMs() == 0 ? "" : String.format(Locale.ROOT, ", about %.1f ms saved", u.savedMs()));
    }

    static String percent(long part, long of) {
        return percent((double) part / of);
    }

    /** @param share NaN: of nothing */
    static String percent(double share) {
        return Double.isNaN(share) ? "-" : String.format(Locale.ROOT, "%.1f %%", 100 * share);
    }
}
