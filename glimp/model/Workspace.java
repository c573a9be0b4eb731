package glimp.model;

import glimp.model.Weights.Dense;
import glimp.model.Weights.Layer;
import glimp.tensor.Activations;
import glimp.tensor.Products.Product;
import java.util.List;

/** The buffers of a forward pass over up to {@code capacity} tokens, and the products between them, made once. */
final class Workspace {
    /** The products of a layer that can run together; {@code feedForward} and {@code down} are null where there are experts. */
    record LayerProducts(Product[] qkv, Product[] attentionOut, Product[] gateUp, Product[] down) {}

    final int capacity;
    /** The residual stream, {@code float[tokens][width]}: what the layers add to. */
    final float[] x;
    /** The stream, normed for the next product. */
    final Activations normed;
    /** {@code float[tokens][heads][headWidth]}. */
    final float[] q;
    /** {@code float[tokens][kvHeads][headWidth]}, as is {@code v}. */
    final float[] k;
    final float[] v;
    /** What the heads saw, {@code float[tokens][heads][headWidth]}. */
    final Activations attended;
    /** {@code float[tokens][hidden]}, as is {@code up}. */
    final Activations gate;
    final float[] up;
    final List<LayerProducts> layers;
    /** Tokens at work. */
    int tokens;
    /** Position of the first of them. */
    int position;

    Workspace(Config config, Weights weights, int capacity) {
        boolean dense = config.experts() == 0;
        this.capacity = capacity;
        this.x = new float[capacity * config.width()];
        this.normed = new Activations(capacity, config.width());
        this.q = new float[capacity * config.queryWidth()];
        this.k = new float[capacity * config.kvWidth()];
        this.v = new float[capacity * config.kvWidth()];
        this.attended = new Activations(capacity, config.queryWidth());
        this.gate = dense ? new Activations(capacity, config.hidden()) : null;
        this.up = dense ? new float[capacity * config.hidden()] : null;
        this.layers = weights.layers().stream().map(this::products).toList();
    }

    private LayerProducts products(Layer layer) {
        Product[] qkv = {new Product(layer.q(), normed, q, false), new Product(layer.k(), normed, k, false),
            new Product(layer.v(), normed, v, false)};
        Product[] attentionOut = {new Product(layer.out(), attended, x, true)};
        if (!(layer.feedForward() instanceof Dense dense)) {
            return new LayerProducts(qkv, attentionOut, null, null);
        }
        Product[] gateUp = {new Product(dense.gate(), normed, gate.values, false), new Product(dense.up(), normed, up, false)};
        Product[] down = {new Product(dense.down(), gate, x, true)};
        return new LayerProducts(qkv, attentionOut, gateUp, down);
    }

    /** Begins a batch. */
    void begin(int position, int tokens) {
        this.position = position;
        resize(tokens);
    }

    /** Goes on with the last tokens of the batch only. */
    void keepLast(int count) {
        int gone = tokens - count;
        if (gone > 0) {
            moveToFront(x, gone);
            moveToFront(q, gone);
            position += gone;
            resize(count);
        }
    }

    private void moveToFront(float[] rows, int gone) {
        int width = rows.length / capacity;
        System.arraycopy(rows, gone * width, rows, 0, (tokens - gone) * width);
    }

    private void resize(int tokens) {
        this.tokens = tokens;
        normed.tokens = tokens;
        attended.tokens = tokens;
        if (gate != null) {
            gate.tokens = tokens;
        }
    }
}
