package glimp.route;

import glimp.decode.Drafter;
import glimp.decode.LookupDrafter;
import glimp.decode.ModelDrafter;
import glimp.text.Tokenizer;

/** Who drafts what a model on this machine writes. */
public interface Drafting {

    /**
     * A model is about to write behind a chain.
     *
     * @param length tokens of the chain as that model reads it
     * @return who proposes the tokens behind them
     */
    Drafter begin(Chain chain, int length);

    /** What the chain, or its question, has said before. */
    static Drafting lookup() {
        Drafter drafter = new LookupDrafter();
        return (chain, length) -> drafter;
    }

    /**
     * The small model, in the very context that it glimpses and writes with: when the step is written, that context holds it.
     *
     * @param small of the same vocabulary as the model that writes
     */
    static Drafting model(LocalWriter small) {
        ModelDrafter drafter = new ModelDrafter(small.context());
        return (chain, length) -> {
            LocalWriter.Line line = small.line(chain);
            drafter.begin(line.tokens(), line.length(), length);
            return drafter;
        };
    }

    /**
     * The small model, by way of text: for a model of another vocabulary, and greedy text only.
     *
     * @param large the vocabulary of the model that writes
     */
    static Drafting text(LocalWriter small, Tokenizer large) {
        TextDrafter drafter = new TextDrafter(small, large);
        return (chain, length) -> {
            drafter.begin(chain, length);
            return drafter;
        };
    }
}
