package glimp.app;

import glimp.model.Config;

/**
 * What a bench measures at a time, in llama-bench's words.
 *
 * @param prompt tokens of a prompt that runs in batches; or 0
 * @param generated tokens that run one by one; or 0
 * @param depth tokens in the context before
 */
record Trial(int prompt, int generated, int depth) {

    /** Such as {@code pp512}, or {@code tg64 @ d4096}. */
    String name() {
        return (oneByOne() ? "tg" + generated : "pp" + prompt) + (depth == 0 ? "" : " @ d" + depth);
    }

    boolean oneByOne() {
        return generated > 0;
    }

    /** Tokens that are measured. */
    int tokens() {
        return prompt + generated;
    }

    /**
     * Floating-point operations, two for a product and its addition, that the measured tokens need: the products with the
     * weights (of a mixture those of the experts that a token takes; the output matrix once for a whole prompt) and attention.
     */
    double operations(Config c) {
        double queries = (double) c.heads() * c.headWidth(), keys = (double) c.kvHeads() * c.headWidth();
        double feedForward = 3.0 * c.width() * c.hidden();
        double layer = c.width() * (2 * queries + 2 * keys)
                + (c.experts() == 0 ? feedForward : c.expertsUsed() * feedForward + (double) c.width() * c.experts());
        double looksBack = 2 * queries * (depth + (tokens() + 1) / 2.0);
        double outputs = oneByOne() ? generated : 1;
        return 2 * (tokens() * c.layers() * (layer + looksBack) + outputs * c.width() * c.vocabulary());
    }
}
