package glimp.model;

import glimp.gguf.GgmlType;
import glimp.gguf.Gguf;
import glimp.gguf.GgufWriter;
import glimp.gguf.GgufWriter.Type;
import glimp.gguf.Tensor;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;

/** The metadata, without the tokenizer, and the tensors of a model's file, to be changed and written again. */
final class ModelCopy {
    record Entry(GgmlType type, byte[] data, long[] shape) {}

    /** Longs, Doubles, Booleans and Strings. */
    final Map<String, Object> metadata = new LinkedHashMap<>();
    final Map<String, Entry> tensors = new LinkedHashMap<>();

    ModelCopy(Gguf model) {
        model.metadata().forEach((key, value) -> {
            if (!key.startsWith("tokenizer.")) {
                metadata.put(key, value);
            }
        });
        for (Tensor t : model.tensors().values()) {
            tensors.put(t.name(), new Entry(t.type(), t.data().toArray(ValueLayout.JAVA_BYTE), t.shape().clone()));
        }
    }

    Path write(Path file) {
        GgufWriter writer = new GgufWriter();
        metadata.forEach((key, value) -> {
            switch (value) {
                case Long n -> writer.put(key, Type.I64, n);
                case Double d -> writer.put(key, Type.F64, d);
                case Boolean b -> writer.bool(key, b);
                default -> writer.string(key, (String) value);
            }
        });
        tensors.forEach((name, tensor) -> writer.tensor(name, tensor.type, tensor.data, tensor.shape));
        return writer.write(file);
    }
}
