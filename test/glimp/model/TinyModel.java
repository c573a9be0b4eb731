package glimp.model;

import glimp.gguf.Gguf;
import glimp.gguf.GgufWriter;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;

/**
 * A model of any shape with random weights in F32, for tests: its tensors are also here as plain arrays. Change metadata
 * or tensors before {@link #write} to get a file that is wrong.
 */
final class TinyModel {
    /** A tensor; {@code shape} is innermost first. */
    record Weight(float[] values, long[] shape) {}

    final String architecture;
    final int layers = 2;
    final int width;
    final int hidden;
    final int heads;
    final int kvHeads;
    final int headWidth;
    final int vocabulary = 40;
    final int experts;
    final int expertsUsed;
    /** Integers, Doubles and Strings. */
    final Map<String, Object> metadata = new LinkedHashMap<>();
    final Map<String, Weight> tensors = new LinkedHashMap<>();
    private final Random random = new Random(7);

    TinyModel(String architecture, int width, int hidden, int heads, int kvHeads, int headWidth, int experts, int expertsUsed) {
        this.architecture = architecture;
        this.width = width;
        this.hidden = hidden;
        this.heads = heads;
        this.kvHeads = kvHeads;
        this.headWidth = headWidth;
        this.experts = experts;
        this.expertsUsed = expertsUsed;
        metadata.put("general.architecture", architecture);
        set("block_count", layers);
        set("embedding_length", width);
        set("feed_forward_length", hidden);
        set("attention.head_count", heads);
        set("attention.head_count_kv", kvHeads);
        set("attention.key_length", headWidth);
        set("attention.value_length", headWidth);
        set("attention.layer_norm_rms_epsilon", 1e-5);
        set("context_length", 256);
        if (experts > 0) {
            set("expert_count", experts);
            set("expert_used_count", expertsUsed);
        }
        add("token_embd.weight", width, vocabulary);
        add("output_norm.weight", width);
        for (int layer = 0; layer < layers; layer++) {
            addLayer("blk." + layer + ".");
        }
    }

    static TinyModel llama() {
        return new TinyModel("llama", 24, 40, 4, 2, 6, 0, 0);
    }

    private void addLayer(String layer) {
        add(layer + "attn_norm.weight", width);
        add(layer + "attn_q.weight", width, heads * headWidth);
        add(layer + "attn_k.weight", width, kvHeads * headWidth);
        add(layer + "attn_v.weight", width, kvHeads * headWidth);
        add(layer + "attn_output.weight", heads * headWidth, width);
        add(layer + "ffn_norm.weight", width);
        if (experts > 0) {
            add(layer + "ffn_gate_inp.weight", width, experts);
            add(layer + "ffn_gate_exps.weight", width, hidden, experts);
            add(layer + "ffn_up_exps.weight", width, hidden, experts);
            add(layer + "ffn_down_exps.weight", hidden, width, experts);
        } else {
            add(layer + "ffn_gate.weight", width, hidden);
            add(layer + "ffn_up.weight", width, hidden);
            add(layer + "ffn_down.weight", hidden, width);
        }
    }

    /** Sets {@code ARCHITECTURE.key}. */
    TinyModel set(String key, Object value) {
        metadata.put(architecture + "." + key, value);
        return this;
    }

    /** Adds, or replaces, a random tensor. */
    TinyModel add(String name, int... shape) {
        int size = 1;
        List<Long> dimensions = new ArrayList<>();
        for (int dimension : shape) {
            size *= dimension;
            dimensions.add((long) dimension);
        }
        float[] values = new float[size];
        double spread = shape.length == 1 ? 0.3 : 1 / Math.sqrt(shape[0]);
        for (int i = 0; i < size; i++) {
            values[i] = (float) (random.nextGaussian() * spread + (name.endsWith("norm.weight") ? 1 : 0));
        }
        tensors.put(name, new Weight(values, dimensions.stream().mapToLong(d -> d).toArray()));
        return this;
    }

    TinyModel addToLayers(String name, int... shape) {
        for (int layer = 0; layer < layers; layer++) {
            add("blk." + layer + "." + name, shape);
        }
        return this;
    }

    /** A tensor's numbers; null if there is none. */
    float[] weight(String name) {
        return tensors.containsKey(name) ? tensors.get(name).values() : null;
    }

    Gguf write(Path directory) {
        GgufWriter writer = new GgufWriter();
        metadata.forEach((key, value) -> {
            switch (value) {
                case Integer n -> writer.u32(key, n);
                case Double d -> writer.f32(key, d);
                default -> writer.string(key, (String) value);
            }
        });
        tensors.forEach((name, weight) -> writer.tensor(name, weight.values(), weight.shape()));
        return Gguf.open(writer.write(directory.resolve("tiny-" + System.nanoTime() + ".gguf")));
    }
}
