package glimp.decode;

/**
 * How a token is drawn from the logits.
 *
 * @param temperature 0 is greedy: the most likely token, whatever the filters say
 * @param topK keep the k most likely tokens; 0 keeps all
 * @param topP keep the most likely tokens that together reach this probability; 1 keeps all
 * @param minP drop tokens less likely than this share of the most likely one; 0 drops none
 * @param repeatPenalty divides the positive logits of the last {@value #REPEAT_LAST} tokens and multiplies the negative ones; 1 is off
 * @param seed of the random numbers; the same seed gives the same tokens
 */
public record Sampling(double temperature, int topK, double topP, double minP, double repeatPenalty, long seed) {
    /** How far back a repetition counts. */
    static final int REPEAT_LAST = 64;

    public static final Sampling GREEDY = new Sampling(0, 0, 1, 0, 1, 0);

    public Sampling {
        require(temperature >= 0 && temperature < 1e6, "a temperature is 0 or more", temperature);
        require(topK >= 0, "top-k is 0 or more", topK);
        require(topP > 0 && topP <= 1, "top-p is above 0 and at most 1", topP);
        require(minP >= 0 && minP <= 1, "min-p is between 0 and 1", minP);
        require(repeatPenalty > 0 && repeatPenalty < 1e6, "a repeat penalty is above 0", repeatPenalty);
    }

    private static void require(boolean holds, String rule, Number got) {
        if (!holds) {
            throw new IllegalArgumentException(rule + ", not " + got);
        }
    }

    public boolean greedy() {
        return temperature == 0;
    }
}
