package glimp.app;

import glimp.decode.Draft;
import glimp.decode.Sampling;
import glimp.route.Limits;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * What a run is asked to do.
 *
 * @param handOverText each model reads the other's steps as text, even where both have one vocabulary
 * @param catchUp on, off or auto: whether one model's cache is kept up in the background while the other one writes
 */
record Settings(String method, double tau, int glimpseTopK, boolean answerSmall, boolean handOverText, String catchUp, Limits limits,
        Sampling sampling, Drafts drafts) {
    /**
     * What is drafted, for a model to verify.
     *
     * @param by model, lookup, text or none; null: model where that is possible
     * @param most tokens of a draft
     * @param fixed always so many
     * @param repeatable how many depends on the text only, and on no clock: the same seed is to draw the same text
     */
    record Drafts(String by, int most, boolean fixed, boolean repeatable) {
        static final Drafts NONE = new Drafts("none", 0, true, true);

        /** The same, but always so many. */
        Drafts always(int count) {
            return new Drafts(by, count, true, repeatable);
        }

        boolean are(String kind) {
            return kind.equals(by);
        }
    }

    /** The published code's details (arXiv 2601.05110), as defaults for flags that are not given. */
    private static final Map<String, String> PAPER = Map.of("--glimpse-top-k", "20", "--tau", "0.9", "--temp", "0.6", "--top-p", "0.95",
            "--top-k", "0", "--min-p", "0", "--step-tokens", "512", "--thinking-tokens", "8192", "--predict", "2048");
    /** The published loop stops at two equal steps only from the third on. */
    private static final int PAPER_REPEATS_FROM = 3;
    /** A context keeps at most this share of itself free for the answer. */
    private static final int RESERVED_SHARE = 8;

    /** @param context tokens of the smaller of the contexts */
    static Settings of(Options options, int context) {
        boolean paper = options.has("--paper");
        if (paper) {
            options.preset(PAPER);
        }
        String method = options.choice("--method", "glimp", "large", "small");
        String answer = options.choice("--answer", "large", "small");
        int answerTokens = options.count("--predict", 1);
        String delimiter = options.text("--delimiter").replace("\\n", "\n");
        if (delimiter.isEmpty()) {
            throw options.bad("--delimiter", "a text that is not empty");
        }
        Limits limits = new Limits(delimiter, "</think>", options.count("--step-tokens", 1), options.count("--thinking-tokens", 0),
                answerTokens, Math.min(answerTokens, context / RESERVED_SHARE), paper ? PAPER_REPEATS_FROM : 2);
        return new Settings(method, options.number("--tau", 0, 1e9), options.count("--glimpse-top-k", 0),
                answer == null ? method.equals("small") : answer.equals("small"), paper, catchUp(options), limits,
                sampling(options), drafts(options));
    }

    /** How far the background came, and so which tokens run in a large batch, is a matter of time, and large batches round differently. */
    private static String catchUp(Options options) {
        String when = options.choice("--catch-up", "auto", "on", "off");
        return when.equals("auto") && repeatable(options) ? "off" : when;
    }

    /** The same seed is to draw the same text. */
    private static boolean repeatable(Options options) {
        return options.number("--temp", 0, 1000) != 0 && options.whole("--seed") != -1;
    }

    private static Drafts drafts(Options options) {
        String by = options.choice("--draft", "model", "lookup", "text");
        int most = options.count("--draft-max", 0);
        if (most > Draft.MOST) {
            throw options.bad("--draft-max", "a whole number up to " + Draft.MOST);
        }
        boolean greedy = options.number("--temp", 0, 1000) == 0;
        if (options.has("--no-draft")) {
            by = "none";
        } else if ("text".equals(by) && !greedy) {
            throw new UsageException("--draft text is exact for greedy text only: add --temp 0, or use --draft lookup");
        }
        return new Drafts(by, most, options.has("--draft-fixed"), repeatable(options));
    }

    private static Sampling sampling(Options options) {
        long seed = options.whole("--seed");
        return new Sampling(options.number("--temp", 0, 1000), options.count("--top-k", 0), options.number("--top-p", 1e-6, 1),
                options.number("--min-p", 0, 1), options.number("--repeat-penalty", 0.01, 1000), seed == -1 ? System.nanoTime() & 0xffffffffL : seed);
    }

    /** The same with another method and other drafts. */
    Settings with(String method, Drafts drafts) {
        return new Settings(method, tau, glimpseTopK, answerSmall, handOverText, catchUp, limits, sampling, drafts);
    }

    /** For the trace. */
    Map<String, Object> toMap() {
        Map<String, Object> map = new LinkedHashMap<>();
        map.put("method", method);
        map.put("tau", tau);
        map.put("glimpse_top_k", (long) glimpseTopK);
        map.put("answer", answerSmall ? "small" : "large");
        map.put("hand_over", handOverText ? "text" : "tokens");
        map.put("catch_up", catchUp);
        map.put("draft", drafts.by() == null ? "auto" : drafts.by());
        map.put("draft_max", (long) drafts.most());
        map.put("draft_fixed", drafts.fixed());
        map.put("delimiter", limits.delimiter());
        map.put("step_tokens", (long) limits.step());
        map.put("thinking_tokens", (long) limits.thinking());
        map.put("answer_tokens", (long) limits.answer());
        map.put("temperature", sampling.temperature());
        map.put("top_k", (long) sampling.topK());
        map.put("top_p", sampling.topP());
        map.put("min_p", sampling.minP());
        map.put("repeat_penalty", sampling.repeatPenalty());
        map.put("seed", sampling.seed());
        return map;
    }
}
