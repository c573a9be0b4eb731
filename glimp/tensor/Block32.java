package glimp.tensor;

import static jdk.incubator.vector.VectorOperators.LSHR;

import glimp.gguf.GgmlType;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import jdk.incubator.vector.ByteVector;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorSpecies;

/**
 * What the formats with blocks of 32 weights in four bits and a little share: Q4_0, Q4_1, Q5_0, Q5_1, IQ4_NL, MXFP4.
 *
 * <p>A block has its scale first and its 16 bytes of nibbles last: weight i of the first half is the low nibble of byte i,
 * weight 16 + i its high nibble.
 */
abstract class Block32 extends Matrix {
    static final VectorSpecies<Float> F = FloatVector.SPECIES_PREFERRED;
    private static final int L = F.length();
    private static final VectorSpecies<Byte> B = ByteVector.SPECIES_128;

    final int blockBytes;

    Block32(MemorySegment data, int rows, int cols, GgmlType type) {
        super(data, rows, cols, type);
        this.blockBytes = type.bytes;
    }

    final long block(int row, int col) {
        return row * rowBytes + col / 32L * blockBytes;
    }

    final float half(long at) {
        return Float.float16ToFloat(data.get(ValueLayout.JAVA_SHORT_UNALIGNED, at));
    }

    final ByteVector load(long at) {
        return ByteVector.fromMemorySegment(B, data, at, ByteOrder.LITTLE_ENDIAN);
    }

    static ByteVector low(ByteVector nibbles) {
        return nibbles.and((byte) 15);
    }

    static ByteVector high(ByteVector nibbles) {
        return low(nibbles.reinterpretAsInts().lanewise(LSHR, 4).reinterpretAsBytes());
    }

    /** The lanes whose bit is set, of the lower 16. */
    static VectorMask<Byte> with(int bits) {
        return VectorMask.fromLong(B, bits & 0xFFFF);
    }

    /** The lanes whose bit is not set. */
    static VectorMask<Byte> without(int bits) {
        return with(~bits);
    }

    /** {@code out[at + i] = d * q[i]} for half a block. */
    static void store(ByteVector q, float d, float[] out, int at) {
        for (int part = 0; part < 16 / L; part++) {
            ((FloatVector) q.castShape(F, part)).mul(d).intoArray(out, at + part * L);
        }
    }

    /** {@code out[at + i] = d * q[i] + m} for half a block; the product is exact, so that there is one rounding. */
    static void store(ByteVector q, float d, float m, float[] out, int at) {
        for (int part = 0; part < 16 / L; part++) {
            ((FloatVector) q.castShape(F, part)).mul(d).add(m).intoArray(out, at + part * L);
        }
    }

    /** Adds to the sums of token t what the columns beyond the last whole group of {@link Ints32} are worth, by way of floats. */
    final void rest(Activations x, int t, int rowA, int rowB, float[] sums) {
        int done = cols / Ints32.COLUMNS * Ints32.COLUMNS, n = cols - done;
        if (n > 0) {
            decode(rowA, done, cols, sums, RowPair.SUMS);
            sums[0] += Ops.dot(sums, RowPair.SUMS, x.values, t * cols + done, n);
            decode(rowB, done, cols, sums, RowPair.SUMS);
            sums[1] += Ops.dot(sums, RowPair.SUMS, x.values, t * cols + done, n);
        }
    }
}
