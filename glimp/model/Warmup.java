package glimp.model;

import glimp.model.Weights.Dense;
import glimp.model.Weights.FeedForward;
import glimp.model.Weights.Layer;
import glimp.model.Weights.Mixture;
import glimp.tensor.Matrix;
import glimp.tensor.Products;
import glimp.tensor.Team;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Has a model's kernels compiled while other things are loaded: a small copy of it, with layers of each kind that it has, is run
 * on a thread of its own until its passes no longer ask for the compiler. The model's first pass would do the same with fifty
 * times the weights, and in the interpreter an operation on vectors takes a thousand times as long.
 *
 * <p>What the copy computes means nothing: its matrices are the first bytes of the model's, taken for rows of another length.
 * (Zen 4, two cores, 0.6B, to the first token with it and without, ms: Q8_0 1316 and 1375, Q4_K_M 1984 and 2044, and a sixth less of
 * the processors' time; without the flags in {@code .java-flags}, together with small batches for the first prompt, 1784 and 2416, 2875
 * and 4610.)
 */
public final class Warmup {
    /**
     * The copy's width and hidden width; as long as the loops of its kernels must be for the compiler to see loops in them. A model
     * that is no wider needs no copy.
     */
    private static final int WIDTH = 512;
    private static final int VOCABULARY = 64;
    /** Blocks of all formats are divisors. */
    private static final int BLOCK = 256;
    private static final int PASSES = 20;

    /** Null: there is nothing to wait for. */
    private final Thread thread;

    private Warmup(Thread thread) {
        this.thread = thread;
    }

    /** Begins. @param keys of the caches that the model will have @param values likewise */
    public static Warmup begin(Model model, KvCache.Type keys, KvCache.Type values) {
        if (!pays(model.config())) {
            return new Warmup(null);
        }
        Thread thread = new Thread(() -> run(model, keys, values), "glimp-warmup");
        thread.setDaemon(true);
        thread.setUncaughtExceptionHandler((t, e) -> { });   // what is wrong with the model its first pass tells, where it can be said
        thread.start();
        return new Warmup(thread);
    }

    /** Whether a model is so large that its first pass is worth a smaller one before. */
    static boolean pays(Config config) {
        return config.width() > WIDTH;
    }

    /** Returns when the kernels are compiled. */
    public void await() {
        try {
            if (thread != null) {
                thread.join();
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    static void run(Model model, KvCache.Type keys, KvCache.Type values) {
        try (Team alone = new Team(1)) {
            Model small = small(model, alone);
            KvCache cache = small.cache(PASSES * (Products.SMALL + 1), keys, values);
            int[] tokens = new int[Products.SMALL];
            for (int pass = 0; pass < PASSES; pass++) {
                small.forward(tokens, 0, tokens.length, cache, 1);
                small.forward(tokens, 0, 1, cache, 1);
            }
        }
    }

    /** One layer of each kind, with one key head, or as many as make whole blocks. */
    static Model small(Model model, Team team) {
        Config c = model.config();
        int kvHeads = 1;
        while (kvHeads < c.kvHeads() && kvHeads * c.group() * c.headWidth() % BLOCK != 0) {
            kvHeads++;
        }
        Config shape = new Config(c.architecture(), 0, Math.min(WIDTH, c.width()), Math.min(WIDTH, c.hidden()), kvHeads * c.group(), kvHeads, c.headWidth(),
                Math.min(VOCABULARY, c.vocabulary()), c.contextLength(), c.epsilon(), c.expertsUsed(), c.expertsUsed(), c.rope());
        Weights w = model.weights();
        Map<String, Layer> kinds = new LinkedHashMap<>();
        for (Layer layer : w.layers()) {
            kinds.computeIfAbsent(kind(layer), k -> small(layer, shape));
        }
        Weights weights = new Weights(w.embedding().reshaped(shape.vocabulary(), shape.width()), List.copyOf(kinds.values()),
                Arrays.copyOf(w.outputNorm(), shape.width()), w.output().reshaped(shape.vocabulary(), shape.width()), w.ropeFactors());
        return model.like(shape.withLayers(kinds.size()), weights, team);
    }

    /** The formats of its matrices. */
    private static String kind(Layer layer) {
        String feedForward = switch (layer.feedForward()) {
            case Dense d -> d.gate().format() + " " + d.up().format() + " " + d.down().format();
            case Mixture m -> m.gates()[0].format() + " " + m.ups()[0].format() + " " + m.downs()[0].format();
        };
        return layer.q().format() + " " + layer.k().format() + " " + layer.v().format() + " " + layer.out().format() + " " + feedForward;
    }

    private static Layer small(Layer layer, Config to) {
        int width = to.width(), q = to.queryWidth(), kv = to.kvWidth();
        return new Layer(first(layer.attentionNorm(), width), layer.q().reshaped(q, width), layer.k().reshaped(kv, width), layer.v().reshaped(kv, width),
                first(layer.qBias(), q), first(layer.kBias(), kv), first(layer.vBias(), kv), layer.qNorm(), layer.kNorm(), layer.out().reshaped(width, q),
                first(layer.outBias(), width), first(layer.ffnNorm(), width), small(layer.feedForward(), to));
    }

    private static FeedForward small(FeedForward of, Config to) {
        int width = to.width(), hidden = to.hidden();
        return switch (of) {
            case Dense d -> new Dense(d.gate().reshaped(hidden, width), d.up().reshaped(hidden, width), d.down().reshaped(width, hidden));
            case Mixture m -> new Mixture(m.router().reshaped(to.experts(), width), first(m.gates(), to.experts(), hidden, width),
                    first(m.ups(), to.experts(), hidden, width), first(m.downs(), to.experts(), width, hidden));
        };
    }

    private static Matrix[] first(Matrix[] all, int count, int rows, int cols) {
        return Arrays.stream(all, 0, count).map(matrix -> matrix.reshaped(rows, cols)).toArray(Matrix[]::new);
    }

    private static float[] first(float[] all, int count) {
        return all == null ? null : Arrays.copyOf(all, count);
    }
}
