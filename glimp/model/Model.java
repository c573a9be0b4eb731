package glimp.model;

import glimp.gguf.Gguf;
import glimp.gguf.GgufException;
import glimp.tensor.Team;

/** A language model: token ids and what came before them in, the next token's logits out. One thread at a time may use it. */
public final class Model {
    /** Most tokens of a batch. */
    public static final int BATCH = 512;

    /**
     * The model in the file; the weights stay where they are.
     *
     * @throws GgufException if the architecture is not known, or a tensor is missing or has another shape than expected
     */
    public static Model load(Gguf file, Team team) {
        throw new UnsupportedOperationException();
    }

    public Config config() {
        throw new UnsupportedOperationException();
    }

    /** Bytes of the weights that one token reads. */
    public long bytes() {
        throw new UnsupportedOperationException();
    }

    /** An empty cache for this model. */
    public KvCache cache(int capacity, KvCache.Type keys, KvCache.Type values) {
        throw new UnsupportedOperationException();
    }

    /**
     * Runs a batch of tokens that follow what is in the cache, and appends their keys and values to it.
     *
     * @param tokens ids, of which {@code [from, from + count)} are run; 1 to {@link #BATCH} of them
     * @param wanted how many positions at the end of the batch give logits, 0 .. count
     * @return {@code float[wanted][vocabulary]}, the model's own buffer, valid until its next call
     */
    public float[] forward(int[] tokens, int from, int count, KvCache cache, int wanted) {
        throw new UnsupportedOperationException();
    }
}
