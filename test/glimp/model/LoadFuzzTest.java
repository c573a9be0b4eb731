package glimp.model;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import glimp.gguf.GgmlType;
import glimp.gguf.Gguf;
import glimp.gguf.GgufException;
import glimp.model.ModelCopy.Entry;
import glimp.tensor.Team;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Models with wrong metadata, shapes, types or tensors are refused cleanly, or run. */
class LoadFuzzTest {
    private static final int RUNS = 400;
    private static final long[] COUNTS = {0, 1, 2, 3, 4, 5, 8, 16, 31, 32, 33, 64, 128, 1 << 20, Integer.MAX_VALUE, 1L << 32, Long.MAX_VALUE, -1};
    private static final double[] NUMBERS = {0, -1, 1, 0.5, 2, 1e-6, 1e30, Double.NaN, Double.POSITIVE_INFINITY, 1e-300};

    @TempDir
    private Path directory;

    @Test
    void onlyCleanErrorsComeOfMutatedModels() {
        int refused = 0;
        try (Team team = new Team(1)) {
            List<Gguf> models = new ArrayList<>();
            for (String name : new String[] {"llama-F16", "qwen2-BF16", "qwen3-Q4_0", "qwen3moe-Q8_0"}) {
                Path file = Path.of("../shared/golden/" + name + ".gguf");
                assumeTrue(Files.exists(file), () -> file + " is not there");
                models.add(Gguf.open(file));
            }
            for (int seed = 0; seed < RUNS; seed++) {
                Gguf model = models.get(seed % models.size());
                ModelCopy copy = new ModelCopy(model);
                Mutation mutation = new Mutation(copy, model.string("general.architecture"), new Random(seed));
                for (int i = 0; i <= seed % 3; i++) {
                    mutation.run();
                }
                refused += isRefused(copy.write(directory.resolve(seed + ".gguf")), team, seed) ? 1 : 0;
            }
        }
        System.out.printf("%d of %d mutated models were refused%n", refused, RUNS);
        assertTrue(refused > RUNS / 3 && refused < RUNS, refused + " refused");
    }

    private static boolean isRefused(Path file, Team team, int seed) {
        try {
            Model model = Model.load(Gguf.open(file), team);
            KvCache cache = model.cache(16, KvCache.Type.F16, KvCache.Type.F32);
            int vocabulary = model.config().vocabulary();
            model.forward(new int[] {0, vocabulary - 1, vocabulary / 2}, 0, 3, cache, 2);
            model.forward(new int[12], 0, 12, cache, 12);
            return false;
        } catch (GgufException e) {
            assertTrue(e.getMessage().startsWith(file.toString()) && !e.getMessage().contains("\n"), e.getMessage());
            return true;
        } catch (RuntimeException | Error e) {
            throw new AssertionError("seed " + seed, e);
        }
    }

    /** Changes a model's copy. */
    private record Mutation(ModelCopy model, String architecture, Random random) {

        void run() {
            String key = pick(model.metadata.keySet().stream().filter(k -> k.startsWith(architecture)).toList());
            String name = pick(List.copyOf(model.tensors.keySet()));
            Entry tensor = model.tensors.get(name);
            switch (random.nextInt(10)) {
                case 0, 1, 2 -> model.metadata.put(key, model.metadata.get(key) instanceof Double ? NUMBERS[random.nextInt(NUMBERS.length)]
                        : COUNTS[random.nextInt(COUNTS.length)]);
                case 3 -> model.metadata.remove(key);
                case 4 -> model.metadata.put(key, random.nextBoolean() ? "a string" : Boolean.TRUE);
                case 5 -> addKey(architecture + ".");
                case 6 -> model.tensors.remove(name);
                case 7 -> model.tensors.put(name, new Entry(tensor.type(), tensor.data(), reversed(tensor.shape())));
                case 8 -> tensor.shape()[random.nextInt(tensor.shape().length)] = COUNTS[random.nextInt(COUNTS.length)];
                default -> model.tensors.put(name, new Entry(GgmlType.values()[random.nextInt(GgmlType.values().length)], tensor.data(), tensor.shape()));
            }
        }

        private void addKey(String prefix) {
            switch (random.nextInt(6)) {
                case 0 -> model.metadata.put("general.architecture", pick(List.of("llama", "qwen2", "qwen3", "qwen3moe", "bert", "")));
                case 1 -> model.metadata.put(prefix + "rope.scaling.type", pick(List.of("yarn", "linear", "none", "su")));
                case 2 -> model.metadata.put(prefix + "rope.scaling.factor", NUMBERS[random.nextInt(NUMBERS.length)]);
                case 3 -> model.metadata.put(prefix + "rope.dimension_count", COUNTS[random.nextInt(COUNTS.length)]);
                case 4 -> model.metadata.put(prefix + "expert_count", COUNTS[random.nextInt(COUNTS.length)]);
                default -> model.metadata.put(prefix + "rope.scaling.original_context_length", COUNTS[random.nextInt(COUNTS.length)]);
            }
        }

        private static long[] reversed(long[] shape) {
            long[] reversed = new long[shape.length];
            for (int i = 0; i < shape.length; i++) {
                reversed[i] = shape[shape.length - 1 - i];
            }
            return reversed;
        }

        private String pick(List<String> from) {
            return from.get(random.nextInt(from.size()));
        }
    }

    @Test
    void anUnchangedCopyIsNotRefused() {
        Path golden = Path.of("../shared/golden/qwen3moe-Q8_0.gguf");
        assumeTrue(Files.exists(golden), () -> golden + " is not there");
        Gguf copy = Gguf.open(new ModelCopy(Gguf.open(golden)).write(directory.resolve("copy.gguf")));
        try (Team team = new Team(1)) {
            assertEquals(8, Model.load(copy, team).config().experts());
        }
    }
}
