package glimp.tensor;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Random;
import org.junit.jupiter.api.Test;

/** The kernels of attention against plain loops. */
class FewRowsTest {
    private static final int BLOCK = FewRows.BLOCK;
    private final Random random = new Random(11);

    @Test
    void multipliesAnyNumberOfRowsAndAnyDepth() {
        double worst = 0;
        for (int rows = 1; rows <= 9; rows++) {
            for (int depth : new int[] {1, 2, 3, 4, 5, 7, 8, 20, 63, 64, 128}) {
                for (int blocks = 1; blocks <= 3; blocks++) {
                    worst = Math.max(worst, difference(rows, depth, blocks, false));
                    worst = Math.max(worst, difference(rows, depth, blocks, true));
                }
            }
        }
        System.out.printf("few rows off by at most %.2g%n", worst);
        assertTrue(worst < 5e-5, "off by " + worst);
    }

    /** Between what counts there is what must not: gaps after rows and blocks, and a margin in front. */
    private double difference(int rows, int depth, int blocks, boolean halves) {
        int at = 3, wRow = depth + 2, xBlock = depth * BLOCK + 8, cRow = blocks * BLOCK + 5;
        float[] w = randoms(at + rows * wRow), x = randoms(at + blocks * xBlock), c = randoms(at + rows * cRow), before = c.clone();
        if (halves) {
            short[] shorts = new short[x.length];
            for (int i = 0; i < x.length; i++) {
                shorts[i] = Float.floatToFloat16(x[i]);
                x[i] = Float.float16ToFloat(shorts[i]);
            }
            float[] scaled = w.clone();
            Ops.scale(scaled, 0, FewRowsF16.SCALE, scaled.length);
            FewRowsF16.multiply(rows, scaled, at, wRow, shorts, at, xBlock, depth, blocks, c, at, cRow);
        } else {
            FewRows.multiply(rows, w, at, wRow, x, at, xBlock, depth, blocks, c, at, cRow);
        }
        double worst = 0;
        for (int i = 0; i < c.length; i++) {
            int r = (i - at) / cRow, lane = (i - at) % cRow;
            double expected = before[i];
            for (int k = 0; k < depth && i >= at && lane < blocks * BLOCK; k++) {
                expected += (double) w[at + r * wRow + k] * x[at + lane / BLOCK * xBlock + k * BLOCK + lane % BLOCK];
            }
            worst = Math.max(worst, Math.abs(expected - c[i]));
        }
        return worst;
    }

    @Test
    void decodesEveryHalf() {
        short[] all = new short[1 << 16];
        for (int i = 0; i < all.length; i++) {
            all[i] = (short) i;
        }
        for (int n : new int[] {16, 5, 64}) {
            int rows = all.length / n, row = n + 3;
            float[] out = new float[rows * row];
            Halves.decode(all, 0, rows, n, out, 0, row);
            for (int i = 0; i < rows * n; i++) {
                float exact = Float.float16ToFloat(all[i]);
                if (Float.isFinite(exact)) {
                    assertEquals(exact, out[i / n * row + i % n], () -> "half " + exact);
                }
            }
        }
    }

    private float[] randoms(int n) {
        float[] x = new float[n];
        for (int i = 0; i < n; i++) {
            x[i] = (float) random.nextGaussian();
        }
        return x;
    }
}
