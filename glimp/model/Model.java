package glimp.model;

import glimp.gguf.Gguf;
import glimp.gguf.GgufException;
import glimp.model.Profile.Stage;
import glimp.model.Weights.Layer;
import glimp.model.Weights.Mixture;
import glimp.model.Workspace.LayerProducts;
import glimp.tensor.Activations;
import glimp.tensor.Ops;
import glimp.tensor.Products;
import glimp.tensor.Products.Product;
import glimp.tensor.Team;

/**
 * A language model: token ids, and what came before them, in; the next token's logits out.
 *
 * <p>One forward pass serves everything, a token or a batch. Read {@link #forward} first: it is the whole transformer.
 * One thread at a time may use a model; its buffers are its own, its threads are the team's. {@link #on} gives a second thread
 * its own.
 */
public final class Model {
    /** Most tokens of a batch. */
    public static final int BATCH = 512;

    private final Config config;
    private final Weights weights;
    private final Rope rope;
    private final Parallel parallel;
    private final boolean floatActivations;
    private final Products products;
    private final Attention attention;
    private final Experts experts;
    private Workspace w;
    private Activations last;
    private float[] logits = {};
    private boolean hasRun;
    /** Null: nobody asked. */
    private Profile profile;

    private Model(Config config, Weights weights, Team team, boolean floatActivations) {
        this.config = config;
        this.weights = weights;
        this.rope = new Rope(config.rope(), weights.ropeFactors());
        this.parallel = new Parallel(team);
        this.floatActivations = floatActivations;
        this.products = new Products(team, floatActivations);
        this.attention = new Attention(config, team);
        this.experts = config.experts() == 0 ? null : new Experts(config, products, parallel);
        this.w = new Workspace(config, weights, Products.SMALL);
        this.last = new Activations(Products.SMALL, config.width());
    }

    /**
     * The model in the file; its matrices stay where they are.
     *
     * @throws GgufException if the architecture is not known, or a tensor is missing or has another shape than expected
     */
    public static Model load(Gguf file, Team team) {
        return load(file, team, false);
    }

    /** Likewise. @param floatActivations multiply floats even where integers are faster: the numbers of a reference */
    public static Model load(Gguf file, Team team, boolean floatActivations) {
        Config config = Config.of(file);
        return new Model(config, Weights.of(file, config), team, floatActivations);
    }

    /** The same weights with buffers of their own and another team: for another thread, while this one is at work. */
    public Model on(Team team) {
        return new Model(config, weights, team, floatActivations);
    }

    /** Another model, of which this one's formats and arithmetic are known. */
    Model like(Config config, Weights weights, Team team) {
        return new Model(config, weights, team, floatActivations);
    }

    public Config config() {
        return config;
    }

    Weights weights() {
        return weights;
    }

    /** Whether the model has run nothing yet, and is so large that its kernels are worth a {@link Warmup}. */
    public boolean cold() {
        return !hasRun && Warmup.pays(config);
    }

    /** Takes the time of each stage of every pass from now on, until the profile is closed. */
    public Profile profile() {
        profile = new Profile(parallel.team(), products, () -> profile = null);
        return profile;
    }

    /** Bytes of the weights that one token reads. */
    public long bytes() {
        return weights.bytesPerToken(config);
    }

    /**
     * An empty cache for this model.
     *
     * @throws CacheMemoryException if the capacity needs more memory than there is
     */
    public KvCache cache(int capacity, KvCache.Type keys, KvCache.Type values) {
        return new KvCache(config, capacity, keys, values);
    }

    /**
     * Runs a batch of tokens that follow what is in the cache, and appends their keys and values to it.
     *
     * @param tokens ids, of which {@code [from, from + count)} are run; 1 to {@link #BATCH} of them
     * @param wanted how many positions at the end of the batch give logits, 0 .. count
     * @return {@code float[wanted][vocabulary]}, the model's own buffer, valid until its next call
     */
    public float[] forward(int[] tokens, int from, int count, KvCache cache, int wanted) {
        check(tokens, from, count, cache, wanted);
        hasRun = true;
        int position = cache.length();
        begin(position, count);
        cache.reserve(position + count);
        rope.prepare(position, position + count);
        embed(tokens, from);
        for (int i = 0; i < config.layers(); i++) {
            Layer layer = weights.layers().get(i);
            LayerProducts product = w.layers.get(i);
            norm(layer.attentionNorm(), w.normed);
            multiply(product.qkv(), Stage.QKV);
            appendToCache(layer, i, cache);
            if (i == config.layers() - 1) {
                w.keepLast(wanted);
            }
            if (w.tokens > 0) {
                attend(cache, i);
                multiply(product.attentionOut(), Stage.ATTENTION_OUT);
                addBias(layer.outBias(), w.x);
                norm(layer.ffnNorm(), w.normed);
                feedForward(layer, product);
            }
        }
        cache.appended(position + count);
        return logits();
    }

    private void check(int[] tokens, int from, int count, KvCache cache, int wanted) {
        if (count < 1 || count > BATCH || wanted < 0 || wanted > count || !cache.fits(config)) {
            throw new IllegalArgumentException("a batch of " + count + " tokens, " + wanted + " logits wanted");
        }
        if (cache.length() + count > cache.capacity()) {
            throw new IllegalArgumentException("a cache of " + cache.capacity() + " tokens has no room for " + count + " behind "
                    + cache.length());
        }
        for (int i = from; i < from + count; i++) {
            if (tokens[i] < 0 || tokens[i] >= config.vocabulary()) {
                throw new IllegalArgumentException("token " + tokens[i] + " is not in a vocabulary of " + config.vocabulary());
            }
        }
    }

    /** Buffers grow with the largest batch so far. */
    private void begin(int position, int count) {
        if (profile != null) {
            profile.passBegins();
        }
        if (count > w.capacity) {
            w = new Workspace(config, weights, Math.min(BATCH, Integer.highestOneBit(count - 1) * 2));
        }
        w.begin(position, count);
    }

    private void embed(int[] tokens, int from) {
        int width = config.width();
        parallel.rows(w.tokens, t -> weights.embedding().decode(tokens[from + t], 0, width, w.x, t * width));
        ended(Stage.REST);
    }

    private void norm(float[] weight, Activations out) {
        int width = config.width();
        parallel.rows(w.tokens, t -> Ops.rmsNorm(w.x, t * width, weight, config.epsilon(), out.values, t * width));
        ended(Stage.NORMS);
    }

    private void multiply(Product[] product, Stage stage) {
        products.run(product);
        ended(stage);
    }

    private void attend(KvCache cache, int layer) {
        attention.run(cache, layer, w.position, w.tokens, w.q, w.attended.values);
        ended(Stage.ATTENTION);
    }

    /** Finishes queries, keys and values, and writes keys and values to the cache. */
    private void appendToCache(Layer layer, int index, KvCache cache) {
        addBias(layer.qBias(), w.q);
        addBias(layer.kBias(), w.k);
        addBias(layer.vBias(), w.v);
        int head = config.headWidth();
        parallel.rows(w.tokens, t -> {
            turn(w.q, t, config.heads(), layer.qNorm());
            turn(w.k, t, config.kvHeads(), layer.kNorm());
            for (int h = 0; h < config.kvHeads(); h++) {
                cache.put(index, h, w.position + t, w.k, w.v, (t * config.kvHeads() + h) * head);
            }
        });
        ended(Stage.NORMS);
    }

    /** Norms, if there is a norm, and rotates the heads of a token. */
    private void turn(float[] x, int token, int heads, float[] norm) {
        int width = config.headWidth();
        for (int at = token * heads * width, end = at + heads * width; at < end; at += width) {
            if (norm != null) {
                Ops.rmsNorm(x, at, norm, config.epsilon(), x, at);
            }
            rope.rotate(x, at, w.position + token);
        }
    }

    /** Adds a bias to every token's row; null adds nothing. */
    private void addBias(float[] bias, float[] x) {
        if (bias != null) {
            parallel.rows(w.tokens, t -> Ops.add(x, t * bias.length, bias, 0, bias.length));
        }
    }

    private void feedForward(Layer layer, LayerProducts product) {
        if (layer.feedForward() instanceof Mixture mixture) {
            experts.run(mixture, w.normed, w.x);
            ended(Stage.EXPERTS);
            return;
        }
        multiply(product.gateUp(), Stage.GATE_UP);
        int hidden = config.hidden();
        parallel.rows(w.tokens, t -> Ops.swiGlu(w.gate.values, t * hidden, w.up, t * hidden, hidden));
        ended(Stage.REST);
        multiply(product.down(), Stage.DOWN);
    }

    private float[] logits() {
        int wanted = w.tokens;
        if (wanted == 0) {
            return logits;
        }
        if (last.capacity < wanted) {
            last = new Activations(wanted, config.width());
        }
        int size = Math.multiplyExact(wanted, config.vocabulary());
        if (logits.length < size) {
            logits = new float[size];
        }
        last.tokens = wanted;
        norm(weights.outputNorm(), last);
        multiply(new Product[] {new Product(weights.output(), last, logits, false)}, Stage.OUTPUT);
        return logits;
    }

    /** The time since the stage before went here. */
    private void ended(Stage stage) {
        if (profile != null) {
            profile.ended(stage);
        }
    }
}
