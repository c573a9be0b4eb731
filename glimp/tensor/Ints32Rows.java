package glimp.tensor;

import static java.nio.ByteOrder.LITTLE_ENDIAN;
import static jdk.incubator.vector.VectorOperators.ASHR;
import static jdk.incubator.vector.VectorOperators.I2F;
import static jdk.incubator.vector.VectorOperators.LSHL;
import static jdk.incubator.vector.VectorOperators.LSHR;

import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.ShortVector;
import jdk.incubator.vector.VectorSpecies;

/**
 * Rows of Q4_1, Q5_0 and Q5_1 times the integers of {@link Ints32}, four blocks at a time: two loads cover them whatever
 * their size, 80 to 96 bytes, and gathers bring nibbles, fifth bits and scales into the lanes of their block.
 */
final class Ints32Rows {
    private static final VectorSpecies<Short> S = ShortVector.SPECIES_512;
    private static final VectorSpecies<Integer> I = IntVector.SPECIES_512;
    private static final VectorSpecies<Float> F = FloatVector.SPECIES_512;
    /** A lane has 8 of its block's 32 fifth bits: the low nibbles' from bit 4 i, the high ones' from bit 16 + 4 i. */
    private static final IntVector SHIFTS =
            IntVector.fromArray(I, new int[] {0, 4, 8, 12, 0, 4, 8, 12, 0, 4, 8, 12, 0, 4, 8, 12}, 0);

    private final MemorySegment data;
    private final int groups;
    private final long groupBytes;
    private final boolean minimum;
    private final boolean five;
    private final ShortVector scales, minima, bits, nibbles;

    /**
     * @param groups whole groups of four blocks in a row
     * @param minimum a half float that is added to every weight follows the scale
     * @param five 32 bits follow, one for each weight
     */
    Ints32Rows(MemorySegment data, int groups, boolean minimum, boolean five) {
        int head = minimum ? 2 : 1, block = head + (five ? 2 : 0) + 8;
        this.data = data;
        this.groups = groups;
        this.groupBytes = 8L * block;
        this.minimum = minimum;
        this.five = five;
        this.scales = gather(block, 0, 1);
        this.minima = gather(block, 1, 1);
        this.bits = gather(block, head, 2);
        this.nibbles = gather(block, block - 8, 8);
    }

    /** From the first 64 bytes of four blocks and the last 64: the {@code count} shorts from {@code first} of each, repeated. */
    private static ShortVector gather(int block, int first, int count) {
        short[] from = new short[32];
        for (int i = 0; i < 32; i++) {
            int at = i / 8 * block + first + i % count;
            from[i] = (short) (at < 32 ? at : at - (4 * block - 32) + 32);
        }
        return ShortVector.fromArray(S, from, 0);
    }

    /**
     * {@code count} pairs of rows, from {@code p} and {@code q} on and {@code rowBytes} apart, times a token from {@code s}
     * of x; vectors of sums into {@code float[count][2][16]}.
     *
     * <p>Nibbles and bits are centred as in Q4_0 and Q5_0, so that their sums stay small; a format that counts from its
     * minimum instead gets the difference back in {@code m + 8 d} or {@code m + 16 d}, times the sum of the same integers:
     * with exact activations there, their rounding would no longer cancel. The loop's conditions never change and cost less
     * than a cycle.
     */
    void multiply(MemorySegment x, long s, long p, long q, long rowBytes, int count, float[] sums) {
        MemorySegment data = this.data;
        ShortVector scales = this.scales, minima = this.minima, bits = this.bits, nibbles = this.nibbles;
        boolean minimum = this.minimum, five = this.five;
        long last = groupBytes - 64;
        float offset = five ? 16 : 8;
        for (int i = 0; i < count; i++) {
            FloatVector a = FloatVector.zero(F), b = a;
            long at = s, c = p + i * rowBytes, e = q + i * rowBytes;
            long end = c + groups * groupBytes;
            while (c != end) {
                ShortVector x0 = ShortVector.fromMemorySegment(S, x, at, LITTLE_ENDIAN);
                ShortVector x1 = ShortVector.fromMemorySegment(S, x, at + 64, LITTLE_ENDIAN);
                ShortVector x2 = ShortVector.fromMemorySegment(S, x, at + 128, LITTLE_ENDIAN);
                ShortVector x3 = ShortVector.fromMemorySegment(S, x, at + 192, LITTLE_ENDIAN);
                IntVector eights = IntVector.fromMemorySegment(I, x, at + 512, LITTLE_ENDIAN);
                FloatVector dx = FloatVector.fromMemorySegment(F, x, at + 576, LITTLE_ENDIAN);
                {
                    ShortVector u = ShortVector.fromMemorySegment(S, data, c, LITTLE_ENDIAN);
                    ShortVector v = ShortVector.fromMemorySegment(S, data, c + last, LITTLE_ENDIAN);
                    ShortVector n = nibbles.selectFrom(u, v);
                    IntVector w = n.reinterpretAsInts();
                    ShortVector t = n.mul(x0).add(w.lanewise(LSHR, 4).reinterpretAsShorts().mul(x1))
                            .add(w.lanewise(LSHR, 8).reinterpretAsShorts().mul(x2).add(w.lanewise(LSHR, 12).reinterpretAsShorts().mul(x3)));
                    FloatVector d = scales.selectFrom(u, v).reinterpretAsInts().lanewise(ASHR, 3).and(0x8FFFE000).reinterpretAsFloats();
                    if (five) {
                        w = bits.selectFrom(u, v).reinterpretAsInts().lanewise(LSHR, SHIFTS).and(0x000F000F);
                        t = t.add(w.reinterpretAsShorts().mul(ShortVector.fromMemorySegment(S, x, at + 256, LITTLE_ENDIAN))
                                .add(w.lanewise(LSHR, 1).reinterpretAsShorts().mul(ShortVector.fromMemorySegment(S, x, at + 320, LITTLE_ENDIAN))))
                                .add(w.lanewise(LSHR, 2).reinterpretAsShorts().mul(ShortVector.fromMemorySegment(S, x, at + 384, LITTLE_ENDIAN))
                                .add(w.lanewise(LSHR, 3).reinterpretAsShorts().mul(ShortVector.fromMemorySegment(S, x, at + 448, LITTLE_ENDIAN))))
                                .add(eights.reinterpretAsShorts());
                    }
                    w = t.reinterpretAsInts();
                    w = w.add(w.lanewise(LSHL, 16)).add(eights).and(0xFFFF0000);
                    if (minimum) {
                        FloatVector m = minima.selectFrom(u, v).reinterpretAsInts().lanewise(ASHR, 3).and(0x8FFFE000).reinterpretAsFloats();
                        a = d.fma(FloatVector.broadcast(F, offset), m).fma(FloatVector.fromMemorySegment(F, x, at + 640, LITTLE_ENDIAN), a);
                    }
                    a = ((FloatVector) w.convert(I2F, 0)).fma(d.mul(dx), a);
                }
                {
                    ShortVector u = ShortVector.fromMemorySegment(S, data, e, LITTLE_ENDIAN);
                    ShortVector v = ShortVector.fromMemorySegment(S, data, e + last, LITTLE_ENDIAN);
                    ShortVector n = nibbles.selectFrom(u, v);
                    IntVector w = n.reinterpretAsInts();
                    ShortVector t = n.mul(x0).add(w.lanewise(LSHR, 4).reinterpretAsShorts().mul(x1))
                            .add(w.lanewise(LSHR, 8).reinterpretAsShorts().mul(x2).add(w.lanewise(LSHR, 12).reinterpretAsShorts().mul(x3)));
                    FloatVector d = scales.selectFrom(u, v).reinterpretAsInts().lanewise(ASHR, 3).and(0x8FFFE000).reinterpretAsFloats();
                    if (five) {
                        w = bits.selectFrom(u, v).reinterpretAsInts().lanewise(LSHR, SHIFTS).and(0x000F000F);
                        t = t.add(w.reinterpretAsShorts().mul(ShortVector.fromMemorySegment(S, x, at + 256, LITTLE_ENDIAN))
                                .add(w.lanewise(LSHR, 1).reinterpretAsShorts().mul(ShortVector.fromMemorySegment(S, x, at + 320, LITTLE_ENDIAN))))
                                .add(w.lanewise(LSHR, 2).reinterpretAsShorts().mul(ShortVector.fromMemorySegment(S, x, at + 384, LITTLE_ENDIAN))
                                .add(w.lanewise(LSHR, 3).reinterpretAsShorts().mul(ShortVector.fromMemorySegment(S, x, at + 448, LITTLE_ENDIAN))))
                                .add(eights.reinterpretAsShorts());
                    }
                    w = t.reinterpretAsInts();
                    w = w.add(w.lanewise(LSHL, 16)).add(eights).and(0xFFFF0000);
                    if (minimum) {
                        FloatVector m = minima.selectFrom(u, v).reinterpretAsInts().lanewise(ASHR, 3).and(0x8FFFE000).reinterpretAsFloats();
                        b = d.fma(FloatVector.broadcast(F, offset), m).fma(FloatVector.fromMemorySegment(F, x, at + 640, LITTLE_ENDIAN), b);
                    }
                    b = ((FloatVector) w.convert(I2F, 0)).fma(d.mul(dx), b);
                }
                at += 704;
                c += groupBytes;
                e += groupBytes;
            }
            a.intoArray(sums, 32 * i);
            b.intoArray(sums, 32 * i + 16);
        }
    }
}
