package glimp.model;

import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import glimp.gguf.Gguf;
import glimp.gguf.GgufException;
import glimp.tensor.Team;
import java.nio.file.Path;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A file that is no model that this program knows is refused with a line that says why. */
class LoadErrorsTest {
    private static final Team TEAM = new Team(1);

    @TempDir
    private Path directory;

    @AfterAll
    static void closeTeam() {
        TEAM.close();
    }

    @Test
    void anUnknownArchitecture() {
        TinyModel model = TinyModel.llama();
        model.metadata.put("general.architecture", "gpt2");
        refused(model, "architecture \"gpt2\" is not known", "llama, qwen2, qwen3, qwen3moe");
    }

    @Test
    void aMissingTensor() {
        for (String name : TinyModel.llama().tensors.keySet()) {
            TinyModel model = TinyModel.llama();
            model.tensors.remove(name);
            refused(model, "tensor \"" + name + "\" is missing");
        }
    }

    @Test
    void aMissingBiasOrHeadNormOfAnArchitectureThatNeedsIt() {
        refused(new TinyModel("qwen2", 24, 40, 4, 2, 6, 0, 0), "tensor \"blk.0.attn_q.bias\" is missing");
        refused(new TinyModel("qwen3", 24, 40, 4, 2, 6, 0, 0), "tensor \"blk.0.attn_q_norm.weight\" is missing");
    }

    @Test
    void aTensorOfAnotherShape() {
        refused(TinyModel.llama().add("blk.1.attn_k.weight", 24, 13), "tensor \"blk.1.attn_k.weight\" has shape [24, 13], expected [24, 12]");
        refused(TinyModel.llama().add("blk.1.ffn_down.weight", 24, 40), "tensor \"blk.1.ffn_down.weight\" has shape [24, 40], expected [40, 24]");
        refused(TinyModel.llama().add("output_norm.weight", 25), "tensor \"output_norm.weight\" has shape [25], expected [24]");
        refused(TinyModel.llama().add("token_embd.weight", 960), "tensor \"token_embd.weight\" has shape [960], expected [embedding_length, vocabulary]");
        refused(TinyModel.llama().add("output.weight", 24, 39), "tensor \"output.weight\" has shape [24, 39], expected [24, 40]");
    }

    @Test
    void aTensorTooMany() {
        refused(TinyModel.llama().add("blk.2.attn_norm.weight", 24), "tensor \"blk.2.attn_norm.weight\" is not part of a llama model of 2 layers");
    }

    @Test
    void aMissingKey() {
        for (String key : new String[] {"block_count", "embedding_length", "feed_forward_length", "attention.head_count",
            "attention.layer_norm_rms_epsilon", "context_length"}) {
            TinyModel model = TinyModel.llama();
            model.metadata.remove("llama." + key);
            refused(model, "metadata key \"llama." + key + "\" is missing");
        }
    }

    @Test
    void aKeyThatMakesNoSense() {
        refused(TinyModel.llama().set("attention.head_count_kv", 3), "\"llama.attention.head_count_kv\" is 3, expected a divisor of the 4 query heads");
        refused(TinyModel.llama().set("attention.head_count", 0), "\"llama.attention.head_count\" is 0");
        refused(TinyModel.llama().set("attention.value_length", 8), "\"llama.attention.value_length\" is 8, expected the key length, 6");
        refused(TinyModel.llama().set("attention.key_length", 1 << 19), "\"llama.attention.key_length\" is 524288");
        refused(TinyModel.llama().set("block_count", -1), "block_count");
        refused(TinyModel.llama().set("context_length", 0), "\"llama.context_length\" is 0");
        refused(TinyModel.llama().set("attention.layer_norm_rms_epsilon", Double.NaN), "layer_norm_rms_epsilon\" is NaN");
        refused(TinyModel.llama().set("attention.layer_norm_rms_epsilon", "small"), "layer_norm_rms_epsilon\" is the string \"small\"");
        refused(TinyModel.llama().set("rope.dimension_count", 5), "\"llama.rope.dimension_count\" is 5, expected an even number from 2 to");
        refused(TinyModel.llama().set("rope.dimension_count", 8), "\"llama.rope.dimension_count\" is 8");
        refused(TinyModel.llama().set("rope.freq_base", 0.5), "\"llama.rope.freq_base\" is 0.5");
        refused(TinyModel.llama().set("rope.scaling.type", "longrope"), "\"llama.rope.scaling.type\" is \"longrope\", expected none, linear or yarn");
        refused(TinyModel.llama().set("rope.scaling.factor", 0.5), "\"llama.rope.scaling.factor\" is 0.5, expected at least 1");
        refused(TinyModel.llama().set("rope.scaling.type", "yarn").set("rope.scaling.original_context_length", 0), "original_context_length\" is 0");
        refused(TinyModel.llama().set("rope.scaling.type", "yarn").set("rope.scaling.yarn_beta_fast", 0.5), "yarn_beta_fast\" is 0.5, expected at least");
        refused(TinyModel.llama().set("rope.scaling.type", "yarn").set("rope.scaling.attn_factor", 0.0), "attn_factor\" is 0.0, expected more than 0");
        refused(new TinyModel("llama", 24, 40, 4, 2, 6, 4, 5), "\"llama.expert_used_count\" is 5, expected at most the expert_count, 4");
    }

    private void refused(TinyModel model, String... parts) {
        Gguf file = model.write(directory);
        String message = assertThrows(GgufException.class, () -> Model.load(file, TEAM)).getMessage();
        assertTrue(message.startsWith(file.file().toString()), message);
        assertFalse(message.contains("\n"), message);
        for (String part : parts) {
            assertTrue(message.contains(part), message + " does not contain: " + part);
        }
    }
}
