package glimp.model;

import glimp.gguf.Gguf;
import glimp.gguf.GgufException;
import glimp.gguf.Tensor;
import glimp.tensor.Matrix;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/**
 * A model's weights. Matrices stay in the file; vectors (norms, biases) are copied. What an architecture does not have is
 * null.
 *
 * @param embedding   {@code [vocabulary][width]}
 * @param outputNorm  {@code float[width]}
 * @param output      {@code [vocabulary][width]}; the embedding if the two are tied
 * @param ropeFactors divisors of rope's speeds, {@code float[dimensions / 2]}; may be null
 */
record Weights(Matrix embedding, List<Layer> layers, float[] outputNorm, Matrix output, float[] ropeFactors) {

    /**
     * One transformer block. Biases and head norms may be null.
     *
     * @param attentionNorm {@code float[width]}
     * @param q             {@code [heads * headWidth][width]}; k and v {@code [kvHeads * headWidth][width]}
     * @param qNorm         {@code float[headWidth]}, for each query head; kNorm likewise
     * @param out           {@code [width][heads * headWidth]}
     * @param ffnNorm       {@code float[width]}
     */
    record Layer(float[] attentionNorm, Matrix q, Matrix k, Matrix v, float[] qBias, float[] kBias, float[] vBias, float[] qNorm,
            float[] kNorm, Matrix out, float[] outBias, float[] ffnNorm, FeedForward feedForward) {}

    /** What a token goes through after attention. */
    sealed interface FeedForward {}

    /** One gated unit for all tokens: gate and up {@code [hidden][width]}, down {@code [width][hidden]}. */
    record Dense(Matrix gate, Matrix up, Matrix down) implements FeedForward {}

    /** Many gated units, and a router {@code [experts][width]} that picks some for each token. */
    record Mixture(Matrix router, Matrix[] gates, Matrix[] ups, Matrix[] downs) implements FeedForward {}

    /** @throws GgufException if a tensor is missing, has another shape than the configuration asks for, or is not known */
    static Weights of(Gguf file, Config config) {
        return new Source(file, config, Architecture.of(file), new HashSet<>()).weights();
    }

    /** Bytes of the weights that one token reads. */
    long bytesPerToken(Config config) {
        long bytes = output.bytes() + embedding.bytes() / config.vocabulary();
        for (Layer layer : layers) {
            bytes += layer.q.bytes() + layer.k.bytes() + layer.v.bytes() + layer.out.bytes();
            bytes += switch (layer.feedForward) {
                case Dense dense -> dense.gate.bytes() + dense.up.bytes() + dense.down.bytes();
                case Mixture m -> m.router.bytes() + config.expertsUsed() * (m.gates[0].bytes() + m.ups[0].bytes() + m.downs[0].bytes());
            };
        }
        return bytes;
    }

    /** Takes the tensors out of a file, checks their shapes, and remembers which have been taken. */
    private record Source(Gguf file, Config config, Architecture architecture, Set<String> taken) {

        Weights weights() {
            int width = config.width();
            Matrix embedding = matrix("token_embd.weight", width, config.vocabulary());
            List<Layer> layers = new ArrayList<>();
            for (int i = 0; i < config.layers(); i++) {
                layers.add(layer("blk." + i + "."));
            }
            Matrix output = file.find("output.weight") == null ? embedding : matrix("output.weight", width, config.vocabulary());
            float[] ropeFactors = vectorIfPresent("rope_freqs.weight", config.rope().dimensions() / 2);
            Weights weights = new Weights(embedding, List.copyOf(layers), vector("output_norm.weight", width), output, ropeFactors);
            checkThatNothingIsLeft();
            return weights;
        }

        private Layer layer(String name) {
            int width = config.width(), q = config.queryWidth(), kv = config.kvWidth(), head = config.headWidth();
            return new Layer(vector(name + "attn_norm.weight", width),
                    matrix(name + "attn_q.weight", width, q),
                    matrix(name + "attn_k.weight", width, kv),
                    matrix(name + "attn_v.weight", width, kv),
                    vector(architecture.biases, name + "attn_q.bias", q),
                    vector(architecture.biases, name + "attn_k.bias", kv),
                    vector(architecture.biases, name + "attn_v.bias", kv),
                    vector(architecture.headNorms, name + "attn_q_norm.weight", head),
                    vector(architecture.headNorms, name + "attn_k_norm.weight", head),
                    matrix(name + "attn_output.weight", q, width),
                    vectorIfPresent(name + "attn_output.bias", width),
                    vector(name + "ffn_norm.weight", width),
                    config.experts() == 0 ? dense(name) : mixture(name));
        }

        private Dense dense(String name) {
            int width = config.width(), hidden = config.hidden();
            return new Dense(matrix(name + "ffn_gate.weight", width, hidden), matrix(name + "ffn_up.weight", width, hidden),
                    matrix(name + "ffn_down.weight", hidden, width));
        }

        private Mixture mixture(String name) {
            int width = config.width(), hidden = config.hidden(), experts = config.experts();
            return new Mixture(matrix(name + "ffn_gate_inp.weight", width, experts),
                    Matrix.stack(tensor(name + "ffn_gate_exps.weight", width, hidden, experts)),
                    Matrix.stack(tensor(name + "ffn_up_exps.weight", width, hidden, experts)),
                    Matrix.stack(tensor(name + "ffn_down_exps.weight", hidden, width, experts)));
        }

        private Matrix matrix(String name, int columns, int rows) {
            return Matrix.of(tensor(name, columns, rows));
        }

        private float[] vector(boolean required, String name, int length) {
            return required ? vector(name, length) : vectorIfPresent(name, length);
        }

        private float[] vectorIfPresent(String name, int length) {
            return file.find(name) == null ? null : vector(name, length);
        }

        private float[] vector(String name, int length) {
            float[] vector = new float[length];
            Matrix.of(tensor(name, length)).decode(0, 0, length, vector, 0);
            return vector;
        }

        /** @param shape innermost dimension first, as in the file; further dimensions of 1 do not matter */
        private Tensor tensor(String name, int... shape) {
            Tensor tensor = file.tensor(name);
            taken.add(name);
            boolean fits = tensor.shape().length >= shape.length;
            for (int i = 0; fits && i < tensor.shape().length; i++) {
                fits = tensor.shape()[i] == (i < shape.length ? shape[i] : 1);
            }
            if (!fits) {
                throw new GgufException(file.file(), "tensor \"" + name + "\" has shape " + Arrays.toString(tensor.shape())
                        + ", expected " + Arrays.toString(shape));
            }
            return tensor;
        }

        /** A weight that nobody uses means that the model is not what it is taken for. (Old converters left tables of angles.) */
        private void checkThatNothingIsLeft() {
            for (String name : file.tensors().keySet()) {
                if (!taken.contains(name) && !name.contains("attn_rot_embd")) {
                    throw new GgufException(file.file(), "tensor \"" + name + "\" is not part of a " + architecture.key + " model of "
                            + config.layers() + " layers as it is known here");
                }
            }
        }
    }
}
