package glimp.tensor;

import static jdk.incubator.vector.VectorOperators.LSHL;
import static jdk.incubator.vector.VectorOperators.S2I;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.ShortVector;
import jdk.incubator.vector.VectorShape;
import jdk.incubator.vector.VectorSpecies;

/** Half floats in arrays, as a cache keeps them: IEEE 754 binary16, a number a short. */
public final class Halves {
    private static final VectorSpecies<Integer> I = IntVector.SPECIES_PREFERRED;
    private static final VectorSpecies<Short> S = VectorSpecies.of(short.class, VectorShape.forBitSize(I.vectorBitSize() / 2));
    /** What the bits of a half stand for when they are shifted into a float's place: 2^-112 of the value, subnormals included. */
    private static final float UNSHIFT = 0x1p112f;

    private Halves() {}

    /**
     * Decodes rows of n halves that lie one behind the other: {@code out[outAt + r * outRow + i] = in[at + r * n + i]}.
     * Exact for finite numbers.
     */
    public static void decode(short[] in, int at, int rows, int n, float[] out, int outAt, int outRow) {
        for (int r = 0; r < rows; r++, at += n, outAt += outRow) {
            int i = 0;
            for (; i + I.length() <= n; i += I.length()) {
                FloatVector small = ShortVector.fromArray(S, in, at + i).convertShape(S2I, I, 0).reinterpretAsInts().lanewise(LSHL, 13)
                        .and(0x8FFFE000).reinterpretAsFloats();
                small.mul(UNSHIFT).intoArray(out, outAt + i);
            }
            for (; i < n; i++) {
                out[outAt + i] = Float.float16ToFloat(in[at + i]);
            }
        }
    }
}
