package glimp.tensor;

import static java.nio.ByteOrder.LITTLE_ENDIAN;
import static jdk.incubator.vector.VectorOperators.LSHR;
import static jdk.incubator.vector.VectorOperators.ZERO_EXTEND_B2I;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import jdk.incubator.vector.ByteVector;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorShape;
import jdk.incubator.vector.VectorSpecies;

/**
 * What the formats with blocks of 256 share. Such a block has one or two half floats and, for every 16 or 32 of its values,
 * a small integer that scales them: two levels of scales for the price of half a bit a value.
 */
final class Blocks256 {
    static final VectorSpecies<Integer> I = IntVector.SPECIES_PREFERRED;
    static final VectorSpecies<Float> F = FloatVector.SPECIES_PREFERRED;
    static final int L = I.length();

    /** As many bytes as a vector has ints; there is no vector of 4 bytes, so that 128 bits need another way. */
    private static final VectorSpecies<Byte> BYTES = VectorSpecies.of(byte.class, VectorShape.forBitSize(Math.max(64, 8 * L)));
    private static final IntVector BYTE_SHIFTS = IntVector.fromArray(I, new int[] {0, 8, 16, 24, 0, 8, 16, 24, 0, 8, 16, 24, 0, 8, 16, 24}, 0);

    private Blocks256() {}

    /** The bytes from {@code at} as unsigned numbers, one a lane. */
    static IntVector bytes(MemorySegment data, long at) {
        if (L == 4) {
            return IntVector.broadcast(I, data.get(ValueLayout.JAVA_INT_UNALIGNED, at)).lanewise(LSHR, BYTE_SHIFTS).and(0xFF);
        }
        return ByteVector.fromMemorySegment(BYTES, data, at, LITTLE_ENDIAN).convertShape(ZERO_EXTEND_B2I, I, 0).reinterpretAsInts();
    }

    /** The half float at {@code at}. */
    static float half(MemorySegment data, long at) {
        return Float.float16ToFloat(data.get(ValueLayout.JAVA_SHORT_UNALIGNED, at));
    }

    /**
     * The eight scales of Q4_K and Q5_K, 6 bits each: the 12 bytes from {@code at} hold in turn 4 scales, 4 minima, and 4
     * pairs of lower halves whose upper 2 bits sit on top of the first eight.
     *
     * @return a byte each, the first one lowest
     */
    static long scales(MemorySegment data, long at) {
        int low = data.get(ValueLayout.JAVA_INT_UNALIGNED, at);
        int pairs = data.get(ValueLayout.JAVA_INT_UNALIGNED, at + 8);
        return low & 0x3F3F3F3F | (long) (pairs & 0x0F0F0F0F | low >>> 2 & 0x30303030) << 32;
    }

    /** The eight minima that go with {@link #scales}. */
    static long minima(MemorySegment data, long at) {
        int low = data.get(ValueLayout.JAVA_INT_UNALIGNED, at + 4);
        int pairs = data.get(ValueLayout.JAVA_INT_UNALIGNED, at + 8);
        return low & 0x3F3F3F3F | (long) (pairs >>> 4 & 0x0F0F0F0F | low >>> 2 & 0x30303030) << 32;
    }
}
