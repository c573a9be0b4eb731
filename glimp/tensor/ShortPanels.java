package glimp.tensor;

import static jdk.incubator.vector.VectorOperators.LSHL;

import java.util.Arrays;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorSpecies;

/**
 * A batch as {@link ShortGemm} wants it: whole numbers of 8 bits with a scale for every 32 features of a token, the rounding of
 * llama.cpp. Lanes are tokens, whose numbers stand in both halves of their lanes; a panel holds {@link ShortGemm#PANEL} of them,
 * and the last one is padded with zeros to whole vectors.
 *
 * <p>A block of 32 features has {@link ShortGemm#STEPS} rows of lanes: -8 times the sum of its numbers, then those. (Zen 4, one thread:
 * 300 us for 512 tokens of 1024 features, the time of 48 rows of weights.)
 */
final class ShortPanels {
    private static final VectorSpecies<Float> F = FloatVector.SPECIES_PREFERRED;
    private static final int L = F.length();
    private static final int BLOCK = ShortGemm.BLOCK, PANEL = ShortGemm.PANEL, STEPS = ShortGemm.STEPS;
    private static final float LARGEST = 127;
    /** A block of nothing but smaller numbers than this is nearly zero: the inverse of its scale must be a float. */
    private static final float LEAST = 1e-30f;
    /** Added to a small float, leaves the nearest whole number in the lowest 16 bits of the sum. */
    private static final float ROUND = 0x1.8p23f;

    private final Activations x;
    /** {@code int[panels][blocks][STEPS][lanes]}. */
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
        return scale(panel, block) * STEPS;
    }

    /** Makes the panels, shared among the team by blocks. */
    void pack(Team team) {
        if (ready) {
            return;
        }
        int blocks = x.width / BLOCK, size = scale(count() - 1, blocks);
        if (scales.length < size) {
            packed = new int[Math.multiplyExact(size, STEPS)];
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
        FloatVector most = FloatVector.broadcast(F, LEAST);
        for (int i = 0; i < BLOCK * L; i += L) {
            most = FloatVector.fromArray(F, columns, i).abs().max(most);
        }
        FloatVector scale = FloatVector.broadcast(F, LARGEST).div(most), sum = FloatVector.zero(F);
        for (int i = 0, to = at + lanes; i < BLOCK * L; i += L, to += lanes) {
            FloatVector rounded = FloatVector.fromArray(F, columns, i).mul(scale).add(ROUND);
            sum = rounded.sub(ROUND).add(sum);
            twice(rounded).intoArray(packed, to);
        }
        twice(sum.mul(-8).add(ROUND)).intoArray(packed, at);
        FloatVector unit = most.mul(1 / LARGEST);
        unit.mul(0x1p-16f).intoArray(scales, scaleAt);
        sum.mul(unit).intoArray(sums, scaleAt);
    }

    /** The lowest 16 bits, again as the upper ones. */
    private static IntVector twice(FloatVector v) {
        return v.reinterpretAsInts().and(0xFFFF).or(v.reinterpretAsInts().lanewise(LSHL, 16));
    }
}
