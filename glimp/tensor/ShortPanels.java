package glimp.tensor;

import static jdk.incubator.vector.VectorOperators.LSHL;

import java.util.Arrays;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorSpecies;

/**
 * A batch as {@link ShortGemm} wants it: whole numbers of 8 bits with a scale for every 32 features of a token. Lanes are tokens,
 * whose numbers stand in both halves of their lanes; a panel holds {@link ShortGemm#PANEL} of them, and the last one is padded with
 * zeros to whole vectors.
 *
 * <p>The largest number is 127, as in llama.cpp, but where values are so alike that the sizes of 16 would be more than 1023 together,
 * the scale is larger: whatever the weights, sums of products fit in 16 bits then. The step is never more than a 63rd of
 * their mean size by that, which is finer than 127 steps of the largest value when that is more than twice the mean, as it mostly
 * is. (Zen 4, one thread: 300 us for 512 tokens of 1024 features, the time of 48 rows of weights.)
 */
final class ShortPanels {
    private static final VectorSpecies<Float> F = FloatVector.SPECIES_PREFERRED;
    private static final int L = F.length();
    private static final int BLOCK = ShortGemm.BLOCK, PANEL = ShortGemm.PANEL;
    private static final float LARGEST = 127;
    /** Sizes of the numbers of half a block, together; rounded, each may be half a one more, and all 1023. */
    private static final float TOGETHER = 1023 - 8;
    /** The least scale: its inverse must be a float. */
    private static final float LEAST = 1e-32f;
    /** Added to a small float, leaves the nearest whole number in the lowest 16 bits of the sum. */
    private static final float ROUND = 0x1.8p23f;

    private final Activations x;
    /** {@code int[panels][blocks][32][lanes]}. */
    int[] packed = new int[0];
    /** Scales, with the 2^-16 that takes a sum out of the upper half of its lane: {@code float[panels][blocks][lanes]}. */
    float[] scales = new float[0];
    /** The sums of the blocks' values: {@code float[panels][blocks][lanes]}. */
    float[] sums = new float[0];
    boolean ready;

    ShortPanels(Activations x) {
        this.x = x;
    }

    int count() {
        return Math.ceilDiv(x.tokens, PANEL);
    }

    /** Lanes of a panel: whole vectors that cover its tokens. */
    int lanes(int panel) {
        return Math.min(PANEL, Math.ceilDiv(x.tokens - panel * PANEL, L) * L);
    }

    /** Where a block's scales and sums begin. */
    int scale(int panel, int block) {
        return panel * PANEL * (x.width / BLOCK) + block * lanes(panel);
    }

    /** Where a block begins in {@link #packed}. */
    int start(int panel, int block) {
        return scale(panel, block) * BLOCK;
    }

    /** Makes the panels, shared among the team by blocks. */
    void pack(Team team) {
        if (ready) {
            return;
        }
        int blocks = x.width / BLOCK, size = scale(count() - 1, blocks);
        if (scales.length < size) {
            packed = new int[Math.multiplyExact(size, BLOCK)];
            scales = new float[size];
            sums = new float[size];
        }
        team.run(worker -> {
            float[] columns = new float[BLOCK * L];
            for (int b = blocks * worker / team.size(); b < blocks * (worker + 1) / team.size(); b++) {
                for (int p = 0; p < count(); p++) {
                    for (int lane = 0; lane < lanes(p); lane += L) {
                        columns(p * PANEL + lane, b, columns);
                        block(columns, start(p, b) + lane, lanes(p), scale(p, b) + lane);
                    }
                }
            }
        });
        ready = true;
    }

    /** A block of a vector of tokens as {@code float[32][L]}; four at a time, since rows of more may share their sets of the L1 cache. */
    private void columns(int token, int block, float[] out) {
        int there = Math.min(L, x.tokens - token);
        if (there < L) {
            Arrays.fill(out, 0);
        }
        for (int t = 0; t < there; t += 4) {
            int from = (token + t) * x.width + block * BLOCK;
            Transpose.run(x.values, from, x.width, Math.min(4, there - t), BLOCK, out, t, L, false);
        }
    }

    private void block(float[] columns, int at, int lanes, int scaleAt) {
        FloatVector step = FloatVector.broadcast(F, LEAST);
        for (int half = 0; half < BLOCK * L; half += BLOCK / 2 * L) {
            FloatVector most = FloatVector.zero(F), all = most;
            for (int i = half; i < half + BLOCK / 2 * L; i += L) {
                FloatVector size = FloatVector.fromArray(F, columns, i).abs();
                most = size.max(most);
                all = size.add(all);
            }
            step = most.mul(1 / LARGEST).max(all.mul(1 / TOGETHER)).max(step);
        }
        FloatVector scale = FloatVector.broadcast(F, 1).div(step), sum = FloatVector.zero(F);
        for (int i = 0, to = at; i < BLOCK * L; i += L, to += lanes) {
            FloatVector rounded = FloatVector.fromArray(F, columns, i).mul(scale).add(ROUND);
            sum = rounded.sub(ROUND).add(sum);
            twice(rounded).intoArray(packed, to);
        }
        step.mul(0x1p-16f).intoArray(scales, scaleAt);
        sum.mul(step).intoArray(sums, scaleAt);
    }

    /** The lowest 16 bits, again as the upper ones. */
    private static IntVector twice(FloatVector v) {
        return v.reinterpretAsInts().and(0xFFFF).or(v.reinterpretAsInts().lanewise(LSHL, 16));
    }
}
