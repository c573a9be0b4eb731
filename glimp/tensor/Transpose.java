package glimp.tensor;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorShuffle;
import jdk.incubator.vector.VectorSpecies;

/**
 * Rows to columns, between the order of the activations, {@code [token][feature]}, and that of {@link Gemm}.
 *
 * <p>In squares of 4 x 4, on vectors of 128 bits, which every machine has: two steps exchange neighbours and pairs. One number at
 * a time takes three cycles each (Zen 4: 64 tokens times 256 x 256 take 103 us, 93 with this).
 */
final class Transpose {
    private static final VectorSpecies<Float> F = FloatVector.SPECIES_128;
    private static final VectorShuffle<Float> NEIGHBOURS = VectorShuffle.fromValues(F, 1, 0, 3, 2);
    private static final VectorShuffle<Float> PAIRS = VectorShuffle.fromValues(F, 2, 3, 0, 1);
    private static final VectorMask<Float> ODD = VectorMask.fromLong(F, 0b1010), UPPER = VectorMask.fromLong(F, 0b1100);

    private Transpose() {}

    /**
     * {@code out[outAt + j * outRow + i] (+)= in[at + i * row + j]} for i below {@code rows} and j below {@code cols}: four rows of
     * {@code out} are written from end to end.
     */
    static void run(float[] in, int at, int row, int rows, int cols, float[] out, int outAt, int outRow, boolean add) {
        int j = 0;
        for (; j + 4 <= cols; j += 4) {
            int i = 0;
            for (; i + 4 <= rows; i += 4) {
                square(in, at + i * row + j, row, out, outAt + j * outRow + i, outRow, add);
            }
            single(in, at + j, row, i, rows, 4, out, outAt + j * outRow, outRow, add);
        }
        single(in, at + j, row, 0, rows, cols - j, out, outAt + j * outRow, outRow, add);
    }

    private static void square(float[] in, int at, int row, float[] out, int outAt, int outRow, boolean add) {
        FloatVector a = FloatVector.fromArray(F, in, at), b = FloatVector.fromArray(F, in, at + row);
        FloatVector c = FloatVector.fromArray(F, in, at + 2 * row), d = FloatVector.fromArray(F, in, at + 3 * row);
        FloatVector ab = a.blend(b.rearrange(NEIGHBOURS), ODD), ba = a.rearrange(NEIGHBOURS).blend(b, ODD);
        FloatVector cd = c.blend(d.rearrange(NEIGHBOURS), ODD), dc = c.rearrange(NEIGHBOURS).blend(d, ODD);
        a = ab.blend(cd.rearrange(PAIRS), UPPER);
        b = ba.blend(dc.rearrange(PAIRS), UPPER);
        c = ab.rearrange(PAIRS).blend(cd, UPPER);
        d = ba.rearrange(PAIRS).blend(dc, UPPER);
        if (add) {
            a = a.add(FloatVector.fromArray(F, out, outAt));
            b = b.add(FloatVector.fromArray(F, out, outAt + outRow));
            c = c.add(FloatVector.fromArray(F, out, outAt + 2 * outRow));
            d = d.add(FloatVector.fromArray(F, out, outAt + 3 * outRow));
        }
        a.intoArray(out, outAt);
        b.intoArray(out, outAt + outRow);
        c.intoArray(out, outAt + 2 * outRow);
        d.intoArray(out, outAt + 3 * outRow);
    }

    private static void single(float[] in, int at, int row, int from, int to, int cols, float[] out, int outAt, int outRow, boolean add) {
        for (int i = from; i < to; i++) {
            for (int j = 0; j < cols; j++) {
                int o = outAt + j * outRow + i;
                out[o] = add ? out[o] + in[at + i * row + j] : in[at + i * row + j];
            }
        }
    }
}
