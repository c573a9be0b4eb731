package glimp.tensor;

import java.util.Arrays;

/**
 * The vectors that a product multiplies by: {@code values: float[tokens][width]}, and the forms that kernels want them in.
 *
 * <p>The owner writes {@link #values} and sets {@link #tokens}; {@link Products} then makes what the matrices ask for:
 * nothing (some kernels read the values), floats on {@linkplain Lines cache lines}, integers (kernels with integer lanes), or panels
 * (the large batch), of floats or of {@linkplain ShortPanels integers}.
 */
public final class Activations {
    /** {@code float[capacity][width]}, row-major: token t begins at {@code t * width}. */
    public final float[] values;
    public final int width;
    public final int capacity;
    /** How many of the rows count, 1 .. capacity. */
    public int tokens;

    private final Lines lines = new Lines(this, 1), halfwayLines = new Lines(this, HalfFloats.HALFWAY);
    private final Panels panels = new Panels();
    private final ShortPanels shorts = new ShortPanels(this);
    private final Ints32[] ints32 = new Ints32[Ints32.Layout.values().length];
    private final CodeInts[] codes = new CodeInts[CodeInts.Order.values().length];
    private final Pairs64[] pairs64 = {new Pairs64(this, 4), new Pairs64(this, 5)};
    private final Ints256[] ints256 = new Ints256[Ints256.Order.values().length];

    /** @param capacity most tokens of a batch @param width features of a token */
    public Activations(int capacity, int width) {
        this.values = new float[Math.multiplyExact(capacity, width)];
        this.width = width;
        this.capacity = capacity;
        for (Ints256.Order order : Ints256.Order.values()) {
            ints256[order.ordinal()] = new Ints256(this, order);
        }
    }

    /** The values have changed: forms made of them before are void. */
    void changed() {
        lines.ready = false;
        halfwayLines.ready = false;
        panels.ready = false;
        shorts.ready = false;
        for (Ints32 ints : ints32) {
            if (ints != null) {
                ints.ready = false;
            }
        }
        for (CodeInts ints : codes) {
            if (ints != null) {
                ints.changed();
            }
        }
        for (Pairs64 pairs : pairs64) {
            pairs.ready = false;
        }
        for (Ints256 ints : ints256) {
            ints.ready = false;
        }
    }

    /** The values on cache lines. */
    Lines lines() {
        return lines;
    }

    /** Likewise, times {@link HalfFloats#HALFWAY}. */
    Lines halfwayLines() {
        return halfwayLines;
    }

    Panels panels() {
        return panels;
    }

    ShortPanels shorts() {
        return shorts;
    }

    Ints32 ints32(Ints32.Layout layout) {
        int i = layout.ordinal();
        if (ints32[i] == null) {
            ints32[i] = new Ints32(this, layout);
        }
        return ints32[i];
    }

    CodeInts codes(CodeInts.Order order) {
        int i = order.ordinal();
        if (codes[i] == null) {
            codes[i] = new CodeInts(this, order);
        }
        return codes[i];
    }

    /** @param bits of a weight, 4 or 5 */
    Pairs64 pairs64(int bits) {
        return pairs64[bits - 4];
    }

    Ints256 ints256(Ints256.Order order) {
        return ints256[order.ordinal()];
    }

    /**
     * The batch as the large product wants it: lanes are tokens. A panel holds {@link Gemm#PANEL} tokens as
     * {@code float[width][PANEL]}, the last one padded with zeros to whole vectors, so that a weight is broadcast to all
     * of them and no sum ever crosses lanes.
     */
    final class Panels {
        float[] packed = new float[0];
        boolean ready;

        int count() {
            return (tokens + Gemm.PANEL - 1) / Gemm.PANEL;
        }

        /** Lanes of a panel: whole vectors that cover its tokens. */
        int lanes(int panel) {
            int rest = Math.min(Gemm.PANEL, tokens - panel * Gemm.PANEL);
            return (rest + Gemm.LANES - 1) / Gemm.LANES * Gemm.LANES;
        }

        /** Where a panel begins in {@link #packed}. */
        int start(int panel) {
            return panel * Gemm.PANEL * width;
        }

        /** Makes the panels, shared among the team by panels and features. */
        void pack(Team team) {
            if (ready) {
                return;
            }
            int size = start(count() - 1) + lanes(count() - 1) * width;
            if (packed.length < size) {
                packed = new float[size];
            }
            int share = (width + team.size() - 1) / team.size();
            team.run(worker -> {
                int from = Math.min(width, worker * share);
                int to = Math.min(width, from + share);
                for (int p = 0; p < count(); p++) {
                    pack(p, from, to);
                }
            });
            ready = true;
        }

        /** In pieces of 16 features of four tokens, so that reads and writes both stay within a few cache lines. */
        private void pack(int panel, int from, int to) {
            int lanes = lanes(panel), first = panel * Gemm.PANEL, there = Math.min(lanes, tokens - first);
            for (int k = from; k < to; k += 16) {
                int features = Math.min(16, to - k), out = start(panel) + k * lanes;
                for (int t = 0; t < there; t += 4) {
                    int in = (first + t) * width + k;
                    Transpose.run(values, in, width, Math.min(4, there - t), features, packed, out + t, lanes, false);
                }
                for (int i = 0; there < lanes && i < features; i++) {
                    Arrays.fill(packed, out + i * lanes + there, out + (i + 1) * lanes, 0);
                }
            }
        }
    }
}
