package glimp.model;

import glimp.gguf.Gguf;
import glimp.gguf.GgufException;
import java.util.Arrays;

/**
 * A model's hyper-parameters, from a file's metadata.
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
 * @param rope          how positions become rotations
 */
public record Config(String architecture, int layers, int width, int hidden, int heads, int kvHeads, int headWidth, int vocabulary,
        int contextLength, float epsilon, int experts, int expertsUsed, RopeConfig rope) {

    /** Larger counts than this are taken for a broken file; a batch of vectors this wide is still an array. */
    private static final int LARGEST = 1 << 20;
    private static final int LARGEST_VOCABULARY = 1 << 24;

    /** @throws GgufException if the architecture is not known, or a key is missing or makes no sense */
    static Config of(Gguf file) {
        Architecture architecture = Architecture.of(file);
        Reader reader = new Reader(file, architecture.key);
        int width = reader.count("embedding_length");
        int heads = reader.count("attention.head_count");
        int kvHeads = reader.count("attention.head_count_kv", heads);
        if (heads % kvHeads != 0) {
            throw reader.wrong("attention.head_count_kv", kvHeads, "a divisor of the " + heads + " query heads");
        }
        int headWidth = reader.count("attention.key_length", Math.max(1, width / heads));
        if ((long) headWidth * heads > LARGEST) {
            throw reader.wrong("attention.key_length", headWidth, "at most " + LARGEST + " for all " + heads + " heads together");
        }
        int valueWidth = reader.count("attention.value_length", headWidth);
        if (valueWidth != headWidth) {
            throw reader.wrong("attention.value_length", valueWidth, "the key length, " + headWidth);
        }
        int contextLength = file.count(reader.key("context_length"));
        if (contextLength < 1) {
            throw reader.wrong("context_length", contextLength, "at least 1");
        }
        int experts = architecture.mayHaveExperts ? file.count(reader.key("expert_count"), 0) : 0;
        int expertsUsed = experts == 0 ? 0 : reader.count("expert_used_count");
        if (expertsUsed > experts) {
            throw reader.wrong("expert_used_count", expertsUsed, "at most the expert_count, " + experts);
        }
        boolean ownHidden = experts > 0 && file.has(reader.key("expert_feed_forward_length"));
        int hidden = reader.count(ownHidden ? "expert_feed_forward_length" : "feed_forward_length");
        return new Config(architecture.key, reader.count("block_count"), width, hidden, heads, kvHeads, headWidth, vocabulary(file),
                contextLength, reader.epsilon("attention.layer_norm_rms_epsilon"), experts, expertsUsed,
                RopeConfig.of(file, architecture, headWidth, contextLength));
    }

    private static int vocabulary(Gguf file) {
        long[] shape = file.tensor("token_embd.weight").shape();
        if (shape.length < 2 || shape[1] > LARGEST_VOCABULARY) {
            throw new GgufException(file.file(), "tensor \"token_embd.weight\" has shape " + Arrays.toString(shape)
                    + ", expected [embedding_length, vocabulary]");
        }
        return (int) shape[1];
    }

    Config withLayers(int layers) {
        return new Config(architecture, layers, width, hidden, heads, kvHeads, headWidth, vocabulary, contextLength, epsilon, experts, expertsUsed, rope);
    }

    /** Query heads that share a key. */
    int group() {
        return heads / kvHeads;
    }

    /** Features of all query heads of a token. */
    int queryWidth() {
        return heads * headWidth;
    }

    /** Features of all keys, or values, of a token. */
    int kvWidth() {
        return kvHeads * headWidth;
    }

    /** Reads {@code ARCHITECTURE.name}. */
    private record Reader(Gguf file, String architecture) {

        String key(String name) {
            return architecture + "." + name;
        }

        int count(String name) {
            return checked(name, file.count(key(name)));
        }

        int count(String name, int otherwise) {
            return checked(name, file.count(key(name), otherwise));
        }

        private int checked(String name, int value) {
            if (value < 1 || value > LARGEST) {
                throw wrong(name, value, "from 1 to " + LARGEST);
            }
            return value;
        }

        float epsilon(String name) {
            double epsilon = file.number(key(name));
            if (!(epsilon >= 0 && epsilon < 1)) {
                throw wrong(name, epsilon, "from 0 to 1");
            }
            return (float) epsilon;
        }

        GgufException wrong(String name, Object value, String expected) {
            return new GgufException(file.file(), "metadata key \"" + key(name) + "\" is " + value + ", expected " + expected);
        }
    }
}
