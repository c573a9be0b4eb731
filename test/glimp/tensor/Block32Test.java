package glimp.tensor;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import glimp.gguf.GgmlType;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** What only the formats with blocks of 32 and the integers made for them must hold. */
class Block32Test {
    /** Closer than any integers: 1e-6 of the sum of the terms' sizes. */
    @ParameterizedTest
    @EnumSource(names = {"Q4_0", "Q4_1", "Q5_0", "Q5_1", "IQ4_NL", "MXFP4"})
    void multipliesFloatsWhenAsked(GgmlType type) {
        int rows = 37, cols = 928;
        Matrix m = Blocks.ORDINARY.matrix(type, rows, cols, 4);
        float[] w = new float[cols];
        try (Team team = new Team(2)) {
            for (int tokens : new int[] {1, 3, 8}) {
                Activations x = Blocks.activations(tokens, cols, 5);
                float[] y = new float[tokens * rows];
                new Products(team, true).run(new Products.Product(m, x, y, false));
                for (int i = 0; i < y.length; i++) {
                    m.decode(i % rows, 0, cols, w, 0);
                    double sum = 0, size = 0;
                    for (int k = 0; k < cols; k++) {
                        double term = (double) w[k] * x.values[i / rows * cols + k];
                        sum += term;
                        size += Math.abs(term);
                    }
                    assertEquals(sum, y[i], 1e-6 * size, type + ", " + tokens + " tokens, result " + i);
                }
            }
        }
    }

    /**
     * The largest sums that 16 bits must hold: every weight as far from zero as its format allows, every activation the
     * largest, signs alike or not. The activations are then exact, and so is the expected sum.
     */
    @ParameterizedTest
    @EnumSource(names = {"Q4_0", "Q4_1", "Q5_0", "Q5_1"})
    void sumsOfTheLargestWeightsAndActivationsDoNotOverflow(GgmlType type) {
        int cols = 512;
        for (int nibbles : new int[] {0, 0xFF}) {
            MemorySegment data = Arena.ofAuto().allocate(type.bytesFor(cols), 64);
            data.fill((byte) nibbles);
            for (long at = 0; at < data.byteSize(); at += type.bytes) {
                data.set(ValueLayout.JAVA_SHORT_UNALIGNED, at, Float.floatToFloat16(1));
                if (type == GgmlType.Q4_1 || type == GgmlType.Q5_1) {
                    data.set(ValueLayout.JAVA_SHORT_UNALIGNED, at + 2, Float.floatToFloat16(-3));
                }
            }
            Matrix m = Formats.matrix(type, data, 1, cols);
            float[] w = new float[cols];
            m.decode(0, 0, cols, w, 0);
            for (int change : new int[] {1, 2, 16, cols}) {
                Activations x = new Activations(1, cols);
                x.tokens = 1;
                double expected = 0;
                for (int i = 0; i < cols; i++) {
                    x.values[i] = i / change % 2 == 0 ? 255 : -255;
                    expected += w[i] * x.values[i];
                }
                float[] y = new float[1];
                try (Team team = new Team(1)) {
                    new Products(team).run(new Products.Product(m, x, y, false));
                }
                assertTrue(Math.abs(expected - y[0]) <= 1e-6 * 512 * 31 * 255, type + ", nibbles " + nibbles + ": " + y[0] + ", not " + expected);
            }
        }
    }

    /** The same for weights that are looked up: nibbles of the largest codes of either sign, and of both. */
    @ParameterizedTest
    @EnumSource(names = {"IQ4_NL", "IQ4_XS", "MXFP4"})
    void sumsOfTheLargestCodesAndActivationsDoNotOverflow(GgmlType type) {
        int cols = 512;
        for (int nibbles : new int[] {0x00, 0xFF, 0x77, 0x7F, 0xF7, 0x0F, 0xF0}) {
            MemorySegment data = Arena.ofAuto().allocate(type.bytesFor(cols), 64);
            data.fill((byte) nibbles);
            for (long at = 0; at < data.byteSize(); at += type.bytes) {
                if (type == GgmlType.MXFP4) {
                    data.set(ValueLayout.JAVA_BYTE, at, (byte) 128);
                } else {
                    data.set(ValueLayout.JAVA_SHORT_UNALIGNED, at, Float.floatToFloat16(1));
                }
            }
            Matrix m = Formats.matrix(type, data, 1, cols);
            float[] w = new float[cols];
            m.decode(0, 0, cols, w, 0);
            for (int change : new int[] {1, 2, 16, cols}) {
                Activations x = new Activations(1, cols);
                x.tokens = 1;
                double expected = 0, size = 0;
                for (int i = 0; i < cols; i++) {
                    x.values[i] = i / change % 2 == 0 ? 170 : -170;
                    expected += w[i] * x.values[i];
                    size += Math.abs(w[i] * x.values[i]);
                }
                float[] y = new float[1];
                try (Team team = new Team(1)) {
                    new Products(team).run(new Products.Product(m, x, y, false));
                }
                assertEquals(expected, y[0], 1e-6 * size, type + ", nibbles " + nibbles + ", signs change after " + change);
            }
        }
    }

    /** MXFP4's scales are exponents, the largest of which is 254; what is smaller than 1e-30 may be nothing. */
    @Test
    void multipliesWithEveryExponentOfMXFP4() {
        int cols = 256;
        for (int e = 0; e < 255; e++) {
            MemorySegment data = Arena.ofAuto().allocate(GgmlType.MXFP4.bytesFor(cols), 64);
            data.fill((byte) 0x21);
            for (long at = 0; at < data.byteSize(); at += GgmlType.MXFP4.bytes) {
                data.set(ValueLayout.JAVA_BYTE, at, (byte) e);
            }
            Activations x = new Activations(1, cols);
            x.tokens = 1;
            Arrays.fill(x.values, 0x1p-20f);
            float[] y = new float[1];
            try (Team team = new Team(1)) {
                new Products(team).run(new Products.Product(Formats.matrix(GgmlType.MXFP4, data, 1, cols), x, y, false));
            }
            double expected = Math.scalb(128 * (0.5 + 1) * 0x1p-20, e - 127);
            assertEquals(expected, y[0], 1e-5 * expected + 1e-30, "exponent " + e);
        }
    }
}
