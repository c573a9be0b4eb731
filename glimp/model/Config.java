package glimp.model;

/**
 * A model's hyper-parameters.
 *
 * @param architecture  such as {@code qwen3}
 * @param layers        transformer blocks
 * @param width         features of a token between the layers
 * @param hidden        features inside the feed-forward; of one expert if there are experts
 * @param heads         query heads
 * @param kvHeads       key and value heads; each serves {@code heads / kvHeads} query heads
 * @param headWidth     features of a head (query, key and value alike)
 * @param vocabulary    tokens that the model knows
 * @param contextLength tokens that the model was trained to look back at
 * @param epsilon       of the root-mean-square norms
 * @param experts       feed-forwards of a layer, of which each token takes {@code expertsUsed}; 0 if there is just one
 * @param expertsUsed   experts that a token takes
 */
public record Config(String architecture, int layers, int width, int hidden, int heads, int kvHeads, int headWidth, int vocabulary,
        int contextLength, float epsilon, int experts, int expertsUsed) {}
