package glimp.tensor;

import static glimp.tensor.Blocks256.F;
import static glimp.tensor.Blocks256.L;
import static java.nio.ByteOrder.LITTLE_ENDIAN;
import static jdk.incubator.vector.VectorOperators.LSHR;

import glimp.gguf.GgmlType;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import jdk.incubator.vector.ByteVector;
import jdk.incubator.vector.FloatVector;

/**
 * Blocks of 256: a half float d, a scale s of 6 bits for every 32 values (2 bytes of upper bits, 4 bytes of lower nibbles),
 * then 128 bytes of nibbles, 16 bytes for each 32 values (lower nibbles first), that index the code book c of
 * {@link IQ4_NL}: values {@code d (s - 32) c[q]}.
 */
final class IQ4_XS extends Matrix {
    private static final int BLOCK_BYTES = GgmlType.IQ4_XS.bytes;
    private static final int UPPER = 2, LOWER = 4, NIBBLES = 8;

    IQ4_XS(MemorySegment data, int rows, int cols) {
        super(data, rows, cols, GgmlType.IQ4_XS);
    }

    @Override
    public void decode(int row, int from, int to, float[] out, int at) {
        ByteVector codes = ByteVector.fromArray(ByteVector.SPECIES_128, IQ4_NL.CODES, 0);
        long p = row * rowBytes + from / 256L * BLOCK_BYTES;
        for (int i = from; i < to; i += 256, p += BLOCK_BYTES) {
            float d = Blocks256.half(data, p);
            int upper = data.get(ValueLayout.JAVA_SHORT_UNALIGNED, p + UPPER), lower = data.get(ValueLayout.JAVA_INT_UNALIGNED, p + LOWER);
            for (int k = 0; k < 8; k++, at += 32, upper >>>= 2, lower >>>= 4) {
                float scale = d * ((lower & 15 | (upper & 3) << 4) - 32);
                ByteVector q = ByteVector.fromMemorySegment(ByteVector.SPECIES_128, data, p + NIBBLES + 16 * k, LITTLE_ENDIAN);
                ByteVector c0 = q.and((byte) 15).selectFrom(codes), c1 = q.lanewise(LSHR, 4).selectFrom(codes);
                for (int part = 0; part < 16 / L; part++) {
                    ((FloatVector) c0.castShape(F, part)).mul(scale).intoArray(out, at + part * L);
                    ((FloatVector) c1.castShape(F, part)).mul(scale).intoArray(out, at + 16 + part * L);
                }
            }
        }
    }
}
