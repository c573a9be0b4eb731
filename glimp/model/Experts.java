package glimp.model;

import glimp.model.Weights.Mixture;
import glimp.tensor.Activations;
import glimp.tensor.Matrix;
import glimp.tensor.Ops;
import glimp.tensor.Products;
import glimp.tensor.Products.Product;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * The feed-forward of a mixture of experts: a router scores all experts for a token, the best few are run, and their
 * results are added with the softmax of their scores as weights. (A softmax over all, cut to the chosen and brought to
 * sum 1 again, is the softmax over the chosen.)
 *
 * <p>The tokens that chose an expert are gathered and go through it together. Experts with few tokens all run in one
 * region, since each is too small to share; those with many run one after the other.
 */
final class Experts {
    private final Config config;
    private final Products products;
    private final Parallel parallel;
    /** {@code float[tokens][experts]}. */
    private float[] scores = {};
    /** The tokens of all experts, expert by expert: {@code int[tokens * used]}; {@code weights} go with them. */
    private int[] tokens = {};
    private float[] weights = {};
    /** Where an expert's tokens begin: {@code int[experts + 1]}. */
    private final int[] begin;
    private final List<Unit> small = new ArrayList<>();
    private Unit large;

    Experts(Config config, Products products, Parallel parallel) {
        this.config = config;
        this.products = products;
        this.parallel = parallel;
        this.begin = new int[config.experts() + 1];
    }

    /** Adds to {@code out: float[tokens][width]} what the experts make of {@code x}. */
    void run(Mixture mixture, Activations x, float[] out) {
        route(mixture.router(), x);
        List<Unit> busy = new ArrayList<>();
        for (int e = 0; e < config.experts(); e++) {
            int count = begin[e + 1] - begin[e];
            if (count > 0 && count <= Products.SMALL) {
                if (busy.size() == small.size()) {
                    small.add(new Unit(Products.SMALL));
                }
                busy.add(small.get(busy.size()).gather(e, x));
            } else if (count > 0) {
                if (large == null || large.in.capacity < count) {
                    large = new Unit(Math.max(count, x.capacity));
                }
                run(mixture, List.of(large.gather(e, x)), out);
            }
        }
        if (!busy.isEmpty()) {
            run(mixture, busy, out);
        }
    }

    /** Chooses each token's experts, and sorts the tokens by expert. */
    private void route(Matrix router, Activations x) {
        int experts = config.experts(), used = config.expertsUsed(), all = x.tokens * used;
        if (tokens.length < all) {
            scores = new float[x.tokens * experts];
            tokens = new int[all];
            weights = new float[all];
        }
        products.run(new Product(router, x, scores, false));
        int[] chosen = new int[all];
        float[] share = new float[all];
        Arrays.fill(begin, 0);
        for (int t = 0; t < x.tokens; t++) {
            choose(t * experts, chosen, share, t * used);
            for (int i = t * used; i < (t + 1) * used; i++) {
                begin[chosen[i] + 1]++;
            }
        }
        for (int e = 0; e < experts; e++) {
            begin[e + 1] += begin[e];
        }
        int[] next = begin.clone();
        for (int i = 0; i < all; i++) {
            int at = next[chosen[i]]++;
            tokens[at] = i / used;
            weights[at] = share[i];
        }
    }

    /** The best experts of the token whose scores begin at {@code from}, and their weights; the scores are used up. */
    private void choose(int from, int[] chosen, float[] share, int at) {
        for (int i = 0; i < config.expertsUsed(); i++) {
            int best = 0;
            for (int e = 1; e < config.experts(); e++) {
                if (scores[from + e] > scores[from + best]) {
                    best = e;
                }
            }
            chosen[at + i] = best;
            share[at + i] = scores[from + best];
            scores[from + best] = Float.NEGATIVE_INFINITY;
        }
        Ops.softmax(share, at, config.expertsUsed());
    }

    /** Runs some units at once; every unit's tokens are of one size class. */
    private void run(Mixture mixture, List<Unit> units, float[] out) {
        Product[] gateUp = new Product[2 * units.size()];
        Product[] down = new Product[units.size()];
        for (int i = 0; i < down.length; i++) {
            Unit unit = units.get(i);
            gateUp[2 * i] = new Product(mixture.gates()[unit.expert], unit.in, unit.gate.values, false);
            gateUp[2 * i + 1] = new Product(mixture.ups()[unit.expert], unit.in, unit.up, false);
            down[i] = new Product(mixture.downs()[unit.expert], unit.gate, unit.out, false);
        }
        products.run(gateUp);
        int hidden = config.hidden();
        for (Unit unit : units) {
            parallel.rows(unit.in.tokens, t -> Ops.swiGlu(unit.gate.values, t * hidden, unit.up, t * hidden, hidden));
        }
        products.run(down);
        for (Unit unit : units) {
            unit.scatter(out);
        }
    }

    /** The buffers of one expert at work. */
    private final class Unit {
        private final Activations in;
        private final Activations gate;
        private final float[] up;
        private final float[] out;
        private int expert;

        Unit(int capacity) {
            in = new Activations(capacity, config.width());
            gate = new Activations(capacity, config.hidden());
            up = new float[capacity * config.hidden()];
            out = new float[capacity * config.width()];
        }

        Unit gather(int expert, Activations x) {
            this.expert = expert;
            int width = config.width(), first = begin[expert];
            in.tokens = begin[expert + 1] - first;
            gate.tokens = in.tokens;
            parallel.rows(in.tokens, i -> System.arraycopy(x.values, tokens[first + i] * width, in.values, i * width, width));
            return this;
        }

        void scatter(float[] sum) {
            int width = config.width(), first = begin[expert];
            parallel.rows(in.tokens, i -> Ops.addScaled(sum, tokens[first + i] * width, weights[first + i], out, i * width, width));
        }
    }
}
