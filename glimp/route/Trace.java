package glimp.route;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** A run as plain maps and lists, to be written as JSON: everything that decided it, and everything it took. */
public final class Trace {
    private Trace() {}

    /** @param settings what the run was asked to do */
    public static Map<String, Object> of(Map<String, Object> settings, Result result) {
        Map<String, Object> trace = new LinkedHashMap<>();
        trace.put("settings", settings);
        List<Object> steps = new ArrayList<>();
        result.steps().forEach(step -> steps.add(step(step)));
        trace.put("steps", steps);
        trace.put("answer", result.answer());
        trace.put("answer_ending", result.answerEnding().name().toLowerCase());
        trace.put("totals", totals(result));
        trace.put("hand_over_ms", handOvers(result));
        trace.put("stop", result.stop().name().toLowerCase());
        return trace;
    }

    private static Map<String, Object> step(Step step) {
        Map<String, Object> map = new LinkedHashMap<>();
        map.put("text", step.text());
        map.put("author", step.author().letter);
        Glimpse glimpse = step.glimpse();
        map.put("entropy", glimpse == null ? null : glimpse.entropy());
        map.put("margin", glimpse == null ? null : glimpse.margin());
        List<Object> top = new ArrayList<>();
        if (glimpse != null) {
            glimpse.top().forEach(t -> top.add(ordered("token", t.text(), "p", t.probability())));
        }
        map.put("top", top);
        map.put("tokens", (long) step.written().tokens());
        map.put("ms", step.ms());
        return map;
    }

    /** By kind, as {@code "SL"}: from a step of S to one of L. */
    private static Map<String, Object> handOvers(Result result) {
        Map<String, Object> map = new LinkedHashMap<>();
        for (Author from : Author.values()) {
            for (Author to : Author.values()) {
                double ms = result.handOver(from, to);
                map.put(from.letter + to.letter, Double.isNaN(ms) ? null : ms);
            }
        }
        return map;
    }

    private static Map<String, Object> totals(Result r) {
        Usage s = r.small();
        Usage l = r.large();
        return ordered(
                "ms", r.ms(),
                "steps", (long) r.steps().size(),
                "steps_large", r.interventions(),
                "share_large", r.share(),
                "tokens_small", s.written(),
                "tokens_large", l.written(),
                "glimpses", s.glimpses() + l.glimpses(),
                "ms_prompt", s.promptMs() + l.promptMs(),
                "ms_glimpse", s.glimpseMs() + l.glimpseMs(),
                "ms_switch", s.switchMs() + l.switchMs(),
                "ms_small", s.writeMs(),
                "ms_large", l.writeMs(),
                "tokens_prompt", s.prompt() + l.prompt(),
                "tokens_switch", s.switched() + l.switched(),
                "tokens_followed", s.followed() + l.followed(),
                "recomputed_tokens", s.recomputed() + l.recomputed(),
                "passes_small", s.passes(),
                "passes_large", l.passes(),
                "tokens_drafted", s.drafted() + l.drafted(),
                "tokens_accepted", s.accepted() + l.accepted(),
                "ms_saved_by_drafts", s.savedMs() + l.savedMs());
    }

    private static Map<String, Object> ordered(Object... keysAndValues) {
        Map<String, Object> map = new LinkedHashMap<>();
        for (int i = 0; i < keysAndValues.length; i += 2) {
            map.put((String) keysAndValues[i], keysAndValues[i + 1]);
        }
        return map;
    }
}
