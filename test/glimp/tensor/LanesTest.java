package glimp.tensor;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Random;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorSpecies;
import org.junit.jupiter.api.Test;

class LanesTest {
    private static final VectorSpecies<Float> F = FloatVector.SPECIES_PREFERRED;

    @Test
    void sumsEachLaneOnce() {
        float[] powers = new float[F.length()];
        for (int i = 0; i < powers.length; i++) {
            powers[i] = 1 << i;
        }
        assertEquals((1 << F.length()) - 1, Lanes.sum(FloatVector.fromArray(F, powers, 0)));
    }

    @Test
    void sumsOfSeveralVectorsHaveTheBitsOfTheSumOfEach() {
        int n = F.length();
        Random random = new Random(1);
        float[] v = new float[3 + n * n], out = new float[n + 5];
        for (int i = 0; i < v.length; i++) {
            v[i] = (float) random.nextGaussian();
        }
        Lanes.sums(v, 3, out, 5);
        for (int i = 0; i < n; i++) {
            assertEquals(Lanes.sum(FloatVector.fromArray(F, v, 3 + i * n)), out[5 + i], "vector " + i);
        }
    }

    @Test
    void expIsWithinTwoUnitsInTheLastPlace() {
        double worst = 0;
        for (float x = -87.2f; x < 88.7f; x += 0.00037f) {
            double exact = Math.exp(x);
            worst = Math.max(worst, Math.abs(exp(x) - exact) / exact);
        }
        System.out.printf("largest relative error of exp: %.2g%n", worst);
        assertTrue(worst < 2e-7, "largest relative error " + worst);
    }

    @Test
    void expOfWhatIsOutOfRangeIsZeroOrHuge() {
        assertEquals(0, exp(-88));
        assertEquals(0, exp(Float.NEGATIVE_INFINITY));
        assertEquals(1, exp(0));
        assertTrue(exp(89) > 3e38 && exp(Float.POSITIVE_INFINITY) > 3e38);
    }

    /** The compiler must not change a result: the same loop, cold and hot. */
    @Test
    void givesTheSameBitsBeforeAndAfterCompilation() {
        int cold = bits(0);
        for (int i = 0; i < 20_000; i++) {
            assertEquals(cold, bits(0), "call " + i);
        }
    }

    private static int bits(int at) {
        float[] x = new float[4 * F.length()];
        for (int i = 0; i < x.length; i++) {
            x[i] = (float) Math.sin(i + at);
        }
        return Float.floatToRawIntBits(Ops.dot(x, 0, x, 0, x.length) + Lanes.sum(Lanes.exp(FloatVector.fromArray(F, x, 0))));
    }

    private static float exp(float x) {
        return Lanes.exp(FloatVector.broadcast(F, x)).lane(F.length() - 1);
    }
}
