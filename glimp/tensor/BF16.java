package glimp.tensor;

import static jdk.incubator.vector.VectorOperators.LSHL;
import static jdk.incubator.vector.VectorOperators.ZERO_EXTEND_S2I;

import glimp.gguf.GgmlType;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.ShortVector;
import jdk.incubator.vector.VectorShape;
import jdk.incubator.vector.VectorSpecies;

/** bfloat16: the upper half of a float. */
final class BF16 extends Matrix {
    private static final VectorSpecies<Integer> I = IntVector.SPECIES_PREFERRED;
    private static final VectorSpecies<Short> S = VectorSpecies.of(short.class, VectorShape.forBitSize(I.vectorBitSize() / 2));

    BF16(MemorySegment data, int rows, int cols) {
        super(data, rows, cols, GgmlType.BF16);
    }

    @Override
    public void decode(int row, int from, int to, float[] out, int at) {
        long p = row * rowBytes + 2L * from;
        int n = to - from, i = 0;
        for (; i + I.length() <= n; i += I.length()) {
            ShortVector.fromMemorySegment(S, data, p + 2L * i, ByteOrder.LITTLE_ENDIAN).convertShape(ZERO_EXTEND_S2I, I, 0)
                    .reinterpretAsInts().lanewise(LSHL, 16).reinterpretAsFloats().intoArray(out, at + i);
        }
        for (; i < n; i++) {
            out[at + i] = Float.intBitsToFloat(data.get(ValueLayout.JAVA_SHORT_UNALIGNED, p + 2L * i) << 16);
        }
    }
}
