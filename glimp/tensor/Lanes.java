package glimp.tensor;

import static jdk.incubator.vector.VectorOperators.LSHL;
import static jdk.incubator.vector.VectorOperators.LT;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorShuffle;
import jdk.incubator.vector.VectorSpecies;

/**
 * What the Vector API offers but leaves open how: the sum of a vector's lanes and the exponential. Its own forms give other
 * bits once the calling code is compiled than before, so the same question could get another answer by the compiler's
 * timing; these give the same bits always.
 */
public final class Lanes {
    private static final VectorSpecies<Float> F = FloatVector.SPECIES_PREFERRED;
    private static final int L = F.length();
    private static final VectorShuffle<Float> BY_8 = by(8), BY_4 = by(4), BY_2 = by(2), BY_1 = by(1);

    private static final float LOG2_E = (float) (1 / Math.log(2));
    /** ln 2 in two parts: the first has so few bits that its products with whole numbers below 256 are exact. */
    private static final float LN2_HIGH = 0x1.62ep-1f;
    private static final float LN2_LOW = (float) (Math.log(2) - LN2_HIGH);
    /** Added to a small float, leaves the nearest whole number in the lowest bits of the sum. */
    private static final float ROUND = 0x1.8p23f;
    private static final float LOWEST = -87.3f, HIGHEST = 88.72f;

    private Lanes() {}

    /** The sum of all lanes: halves are added until one lane is left. */
    public static float sum(FloatVector v) {
        if (L > 8) {
            v = v.add(v.rearrange(BY_8));
        }
        if (L > 4) {
            v = v.add(v.rearrange(BY_4));
        }
        v = v.add(v.rearrange(BY_2));
        return v.add(v.rearrange(BY_1)).lane(0);
    }

    /**
     * e^x, off by at most 2e-7 of it: x = k ln 2 + r, and e^r by its series. 0 where it would be no normal number, and
     * the largest float, nearly, where it would be more.
     */
    public static FloatVector exp(FloatVector x) {
        FloatVector t = x.max(LOWEST).min(HIGHEST);
        FloatVector shifted = t.mul(LOG2_E).add(ROUND);
        FloatVector k = shifted.sub(ROUND);
        FloatVector r = k.fma(FloatVector.broadcast(F, -LN2_LOW), k.fma(FloatVector.broadcast(F, -LN2_HIGH), t));
        FloatVector p = r.fma(FloatVector.broadcast(F, 1 / 5040f), FloatVector.broadcast(F, 1 / 720f));
        p = p.fma(r, FloatVector.broadcast(F, 1 / 120f));
        p = p.fma(r, FloatVector.broadcast(F, 1 / 24f));
        p = p.fma(r, FloatVector.broadcast(F, 1 / 6f));
        p = p.fma(r, FloatVector.broadcast(F, 0.5f));
        p = p.fma(r, FloatVector.broadcast(F, 1));
        p = p.fma(r, FloatVector.broadcast(F, 1));
        FloatVector e = p.reinterpretAsInts().add(shifted.reinterpretAsInts().lanewise(LSHL, 23)).reinterpretAsFloats();
        return e.blend(0, x.compare(LT, LOWEST));
    }

    private static VectorShuffle<Float> by(int distance) {
        return VectorShuffle.fromOp(F, i -> i ^ Math.min(distance, L / 2));
    }
}
