package glimp.route;

import java.util.List;

/**
 * What a model thinks comes next, before anything is written: the distribution of one token at temperature 1.
 *
 * @param entropy H_init in nats, over the whole vocabulary or renormalised over the top k
 * @param margin probability of the most likely token minus that of the second
 * @param top the most likely tokens, most likely first
 */
public record Glimpse(double entropy, double margin, List<Top> top) {
    /** A token as text, and its probability. */
    public record Top(String text, double probability) {}
}
