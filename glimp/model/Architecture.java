package glimp.model;

import glimp.gguf.Gguf;
import glimp.gguf.GgufException;
import java.util.Arrays;
import java.util.stream.Collectors;

/**
 * What the known kinds of transformers differ in. It is data: the forward pass is one for all, and looks only at which
 * weights a layer has.
 */
enum Architecture {
    /** Llama 1 to 3, Mistral; with experts, Mixtral. */
    LLAMA("llama", true, true, false, false),
    /** Qwen 2 and 2.5, DeepSeek-R1-Distill-Qwen. */
    QWEN2("qwen2", false, false, true, false),
    QWEN3("qwen3", false, false, false, true),
    QWEN3MOE("qwen3moe", false, true, false, true);

    /** Its name in files, and what its metadata keys begin with. */
    final String key;
    /** Whether rope turns neighbouring features, else the two halves of a head. */
    final boolean interleavedRope;
    final boolean mayHaveExperts;
    /** Whether queries, keys and values must have biases. */
    final boolean biases;
    /** Whether each query and key head must be normed before it is turned. */
    final boolean headNorms;

    Architecture(String key, boolean interleavedRope, boolean mayHaveExperts, boolean biases, boolean headNorms) {
        this.key = key;
        this.interleavedRope = interleavedRope;
        this.mayHaveExperts = mayHaveExperts;
        this.biases = biases;
        this.headNorms = headNorms;
    }

    /** @throws GgufException if the file's architecture is none of these */
    static Architecture of(Gguf file) {
        String name = file.string("general.architecture");
        for (Architecture architecture : values()) {
            if (architecture.key.equals(name)) {
                return architecture;
            }
        }
        throw new GgufException(file.file(), "architecture \"" + name + "\" is not known; known are "
                + Arrays.stream(values()).map(a -> a.key).collect(Collectors.joining(", ")));
    }
}
