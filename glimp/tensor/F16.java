package glimp.tensor;

import static jdk.incubator.vector.VectorOperators.LSHL;
import static jdk.incubator.vector.VectorOperators.S2I;

import glimp.gguf.GgmlType;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.ShortVector;
import jdk.incubator.vector.VectorShape;
import jdk.incubator.vector.VectorSpecies;

/** Half floats. */
final class F16 extends Matrix {
    private static final VectorSpecies<Integer> I = IntVector.SPECIES_PREFERRED;
    private static final VectorSpecies<Short> S = VectorSpecies.of(short.class, VectorShape.forBitSize(I.vectorBitSize() / 2));
    /** What the bits of a half stand for when they are shifted into a float's place: 2^-112 of the value, subnormals included. */
    private static final float UNSHIFT = 0x1p112f;

    F16(MemorySegment data, int rows, int cols) {
        super(data, rows, cols, GgmlType.F16);
    }

    @Override
    public void decode(int row, int from, int to, float[] out, int at) {
        long p = row * rowBytes + 2L * from;
        int n = to - from, i = 0;
        for (; i + I.length() <= n; i += I.length()) {
            FloatVector small = ShortVector.fromMemorySegment(S, data, p + 2L * i, ByteOrder.LITTLE_ENDIAN).convertShape(S2I, I, 0)
                    .reinterpretAsInts().lanewise(LSHL, 13).and(0x8FFFE000).reinterpretAsFloats();
            small.mul(UNSHIFT).intoArray(out, at + i);
        }
        for (; i < n; i++) {
            out[at + i] = Float.float16ToFloat(data.get(ValueLayout.JAVA_SHORT_UNALIGNED, p + 2L * i));
        }
    }
}
