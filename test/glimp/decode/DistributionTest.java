package glimp.decode;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import glimp.decode.Distribution.Likely;
import java.util.Random;
import org.junit.jupiter.api.Test;

class DistributionTest {

    @Test
    void theEntropyOfAUniformDistributionIsTheLogarithmOfItsSize() {
        for (int n : new int[] {1, 2, 7, 16, 33, 1000}) {
            float[] logits = new float[n];
            java.util.Arrays.fill(logits, 12.5f);
            assertEquals(Math.log(n), Distribution.entropy(logits), 1e-5);
        }
    }

    @Test
    void aCertainTokenHasNoEntropy() {
        assertEquals(0, Distribution.entropy(new float[] {-100, 80, -100, -90}), 1e-6);
    }

    @Test
    void theEntropyAgreesWithItsDefinitionInDoubles() {
        Random random = new Random(3);
        for (int n : new int[] {2, 5, 17, 736, 20_011}) {
            float[] logits = new float[n];
            double z = 0;
            for (int i = 0; i < n; i++) {
                logits[i] = (float) (random.nextGaussian() * 4 - 20);
                z += Math.exp(logits[i]);
            }
            double h = 0;
            for (float l : logits) {
                h -= Math.exp(l) / z * Math.log(Math.exp(l) / z);
            }
            assertEquals(h, Distribution.entropy(logits), 2e-4);
        }
    }

    @Test
    void overTheTopKItIsRenormalised() {
        Likely[] top = {new Likely(3, 0.3), new Likely(1, 0.3)};
        assertEquals(Math.log(2), Distribution.entropy(top), 1e-12);
        assertEquals(0, Distribution.entropy(new Likely[] {new Likely(0, 0.2)}), 1e-12);
    }

    @Test
    void theTopTokensComeInOrderWithTheirProbabilities() {
        float[] logits = {(float) Math.log(0.1), (float) Math.log(0.5), (float) Math.log(0.15), (float) Math.log(0.25)};
        Likely[] top = Distribution.top(logits, 3);
        assertEquals(3, top.length);
        assertEquals(1, top[0].token());
        assertEquals(3, top[1].token());
        assertEquals(2, top[2].token());
        assertEquals(0.5, top[0].probability(), 1e-6);
        assertEquals(0.25, top[1].probability(), 1e-6);
        assertEquals(4, Distribution.top(logits, 10).length);
    }

    @Test
    void theFirstOfEqualsIsTheLargest() {
        assertEquals(1, Distribution.argmax(new float[] {0, 5, 5, 5}, 0, 4));
        assertEquals(0, Distribution.argmax(new float[] {9, 5, 7, 7}, 2, 2));
    }

    @Test
    void logitsThatAreNoNumbersAreSaidToBeDamaged() {
        assertThrows(ArithmeticException.class, () -> Distribution.argmax(new float[] {Float.NaN, Float.NaN}, 0, 2));
    }
}
