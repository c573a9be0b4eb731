package glimp.app;

import glimp.decode.Sampling;
import glimp.route.Limits;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * What a run is asked to do.
 *
 * @param handOverText each model reads the other's steps as text, even where both have one vocabulary
 */
record Settings(String method, double tau, int glimpseTopK, boolean answerSmall, boolean handOverText, Limits limits, Sampling sampling) {
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
                answer == null ? method.equals("small") : answer.equals("small"), paper, limits, sampling(options));
    }

    private static Sampling sampling(Options options) {
        long seed = options.whole("--seed");
        return new Sampling(options.number("--temp", 0, 1000), options.count("--top-k", 0), options.number("--top-p", 1e-6, 1),
                options.number("--min-p", 0, 1), options.number("--repeat-penalty", 0.01, 1000), seed == -1 ? System.nanoTime() & 0xffffffffL : seed);
    }

    /** For the trace. */
    Map<String, Object> toMap() {
        Map<String, Object> map = new LinkedHashMap<>();
        map.put("method", method);
        map.put("tau", tau);
        map.put("glimpse_top_k", (long) glimpseTopK);
        map.put("answer", answerSmall ? "small" : "large");
        map.put("hand_over", handOverText ? "text" : "tokens");
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
