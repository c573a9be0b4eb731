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
 * Rows of Q5_0 and Q5_1 times the integers of {@link Ints32}, four blocks, 88 or 96 bytes, at a time: two loads cover them,
 * and gathers bring nibbles, fifth bits and scales into the lanes of their block.
 */
final class Rows5 {
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
    private final ShortVector scales, minima, bits, nibbles;

    /**
     * @param groups whole groups of four blocks in a row
     * @param minimum a half float that is added to every weight follows the scale
     */
    Rows5(MemorySegment data, int groups, boolean minimum) {
        int head = minimum ? 2 : 1, block = head + 2 + 8;
        this.data = data;
        this.groups = groups;
        this.groupBytes = 8L * block;
        this.minimum = minimum;
        this.scales = Ints32.gather(block, 0, 1);
        this.minima = Ints32.gather(block, 1, 1);
        this.bits = Ints32.gather(block, head, 2);
        this.nibbles = Ints32.gather(block, block - 8, 8);
    }

    /** As {@link Block32#multiply}; the rows begin at {@code p} and {@code q} and are {@code rowBytes} apart. */
    void multiply(int group, MemorySegment x, long s, long next, long p, long q, long rowBytes, int count, float[] sums) {
        if (group == 2) {
            two(x, s, next, p, q, rowBytes, count, sums);
        } else {
            one(x, s, p, q, rowBytes, count, sums);
        }
    }

    /**
     * Weights are centred as in Q5_0, so that their sums stay small; Q5_1 gets the difference back in {@code m + 16 d},
     * as {@link Q4_1} does. The loop's condition never changes and costs less than a cycle. Zen 4, one
     * thread: 12-13.5 GB/s; float lanes 4.8. With Q4_1 in the same method, under a second condition, it was 9.
     */
    private void one(MemorySegment x, long s, long p, long q, long rowBytes, int count, float[] sums) {
        MemorySegment data = this.data.asSlice(0);
        x = x.asSlice(0);
        ShortVector scales = this.scales, minima = this.minima, bits = this.bits, nibbles = this.nibbles;
        boolean minimum = this.minimum;
        long last = groupBytes - 64;
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
                    w = bits.selectFrom(u, v).reinterpretAsInts().lanewise(LSHR, SHIFTS).and(0x000F000F);
                    t = t.add(w.reinterpretAsShorts().mul(ShortVector.fromMemorySegment(S, x, at + 256, LITTLE_ENDIAN))
                            .add(w.lanewise(LSHR, 1).reinterpretAsShorts().mul(ShortVector.fromMemorySegment(S, x, at + 320, LITTLE_ENDIAN))))
                            .add(w.lanewise(LSHR, 2).reinterpretAsShorts().mul(ShortVector.fromMemorySegment(S, x, at + 384, LITTLE_ENDIAN))
                            .add(w.lanewise(LSHR, 3).reinterpretAsShorts().mul(ShortVector.fromMemorySegment(S, x, at + 448, LITTLE_ENDIAN))))
                            .add(eights.reinterpretAsShorts());
                    w = t.reinterpretAsInts();
                    w = w.add(w.lanewise(LSHL, 16)).add(eights).and(0xFFFF0000);
                    if (minimum) {
                        FloatVector m = minima.selectFrom(u, v).reinterpretAsInts().lanewise(ASHR, 3).and(0x8FFFE000).reinterpretAsFloats();
                        a = d.fma(FloatVector.broadcast(F, 16), m).fma(FloatVector.fromMemorySegment(F, x, at + 640, LITTLE_ENDIAN), a);
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
                    w = bits.selectFrom(u, v).reinterpretAsInts().lanewise(LSHR, SHIFTS).and(0x000F000F);
                    t = t.add(w.reinterpretAsShorts().mul(ShortVector.fromMemorySegment(S, x, at + 256, LITTLE_ENDIAN))
                            .add(w.lanewise(LSHR, 1).reinterpretAsShorts().mul(ShortVector.fromMemorySegment(S, x, at + 320, LITTLE_ENDIAN))))
                            .add(w.lanewise(LSHR, 2).reinterpretAsShorts().mul(ShortVector.fromMemorySegment(S, x, at + 384, LITTLE_ENDIAN))
                            .add(w.lanewise(LSHR, 3).reinterpretAsShorts().mul(ShortVector.fromMemorySegment(S, x, at + 448, LITTLE_ENDIAN))))
                            .add(eights.reinterpretAsShorts());
                    w = t.reinterpretAsInts();
                    w = w.add(w.lanewise(LSHL, 16)).add(eights).and(0xFFFF0000);
                    if (minimum) {
                        FloatVector m = minima.selectFrom(u, v).reinterpretAsInts().lanewise(ASHR, 3).and(0x8FFFE000).reinterpretAsFloats();
                        b = d.fma(FloatVector.broadcast(F, 16), m).fma(FloatVector.fromMemorySegment(F, x, at + 640, LITTLE_ENDIAN), b);
                    }
                    b = ((FloatVector) w.convert(I2F, 0)).fma(d.mul(dx), b);
                }
                at += 704;
                c += groupBytes;
                e += groupBytes;
            }
            a.intoArray(sums, 16 * i);
            b.intoArray(sums, 16 * (Block32.PAIRS + i));
        }
    }

    /**
     * Two tokens and a row at a time, rows of either half in turn: written out, this is what the first compiler just takes.
     * Zen 4: 1.85 times the time of one token. With the views in loops, and four tokens, vectors went through the heap (0.6B, two
     * threads, a batch of 4: Q5_0 31 tokens/s instead of 70 to 76, Q5_1 6 to 17 instead of 67).
     */
    private void two(MemorySegment x, long s, long next, long rowA, long rowB, long rowBytes, int count, float[] sums) {
        MemorySegment data = this.data.asSlice(0);
        x = x.asSlice(0);
        ShortVector scales = this.scales, minima = this.minima, bits = this.bits, nibbles = this.nibbles;
        boolean minimum = this.minimum;
        IntVector shifts = SHIFTS;
        long last = groupBytes - 64;
        for (int i = 0; i < 2 * count; i++) {
            int to = i / 2 + i % 2 * 4;
            long p = (i % 2 == 0 ? rowA : rowB) + i / 2 * rowBytes, end = p + groups * groupBytes;
            long s0 = s, s1 = s + next;
            FloatVector a0 = FloatVector.zero(F), a1 = FloatVector.zero(F);
            while (p != end) {
                ShortVector u = ShortVector.fromMemorySegment(S, data, p, LITTLE_ENDIAN);
                ShortVector z = ShortVector.fromMemorySegment(S, data, p + last, LITTLE_ENDIAN);
                IntVector v = nibbles.selectFrom(u, z).reinterpretAsInts();
                IntVector w = bits.selectFrom(u, z).reinterpretAsInts().lanewise(LSHR, shifts).and(0x000F000F);
                FloatVector d = scales.selectFrom(u, z).reinterpretAsInts().lanewise(ASHR, 3).and(0x8FFFE000).reinterpretAsFloats();
                if (minimum) {
                    FloatVector m = d.fma(FloatVector.broadcast(F, 16), minima.selectFrom(u, z)
                            .reinterpretAsInts().lanewise(ASHR, 3).and(0x8FFFE000).reinterpretAsFloats());
                    a0 = m.fma(FloatVector.fromMemorySegment(F, x, s0 + 640, LITTLE_ENDIAN), a0);
                    a1 = m.fma(FloatVector.fromMemorySegment(F, x, s1 + 640, LITTLE_ENDIAN), a1);
                }
                IntVector e = IntVector.fromMemorySegment(I, x, s0 + 512, LITTLE_ENDIAN), f = IntVector.fromMemorySegment(I, x, s1 + 512, LITTLE_ENDIAN);
                ShortVector t0 = e.reinterpretAsShorts(), t1 = f.reinterpretAsShorts();
                t0 = t0.add(v.reinterpretAsShorts().mul(ShortVector.fromMemorySegment(S, x, s0, LITTLE_ENDIAN)))
                        .add(w.reinterpretAsShorts().mul(ShortVector.fromMemorySegment(S, x, s0 + 256, LITTLE_ENDIAN)));
                t1 = t1.add(v.reinterpretAsShorts().mul(ShortVector.fromMemorySegment(S, x, s1, LITTLE_ENDIAN)))
                        .add(w.reinterpretAsShorts().mul(ShortVector.fromMemorySegment(S, x, s1 + 256, LITTLE_ENDIAN)));
                v = v.lanewise(LSHR, 4);
                w = w.lanewise(LSHR, 1);
                t0 = t0.add(v.reinterpretAsShorts().mul(ShortVector.fromMemorySegment(S, x, s0 + 64, LITTLE_ENDIAN)))
                        .add(w.reinterpretAsShorts().mul(ShortVector.fromMemorySegment(S, x, s0 + 320, LITTLE_ENDIAN)));
                t1 = t1.add(v.reinterpretAsShorts().mul(ShortVector.fromMemorySegment(S, x, s1 + 64, LITTLE_ENDIAN)))
                        .add(w.reinterpretAsShorts().mul(ShortVector.fromMemorySegment(S, x, s1 + 320, LITTLE_ENDIAN)));
                v = v.lanewise(LSHR, 4);
                w = w.lanewise(LSHR, 1);
                t0 = t0.add(v.reinterpretAsShorts().mul(ShortVector.fromMemorySegment(S, x, s0 + 128, LITTLE_ENDIAN)))
                        .add(w.reinterpretAsShorts().mul(ShortVector.fromMemorySegment(S, x, s0 + 384, LITTLE_ENDIAN)));
                t1 = t1.add(v.reinterpretAsShorts().mul(ShortVector.fromMemorySegment(S, x, s1 + 128, LITTLE_ENDIAN)))
                        .add(w.reinterpretAsShorts().mul(ShortVector.fromMemorySegment(S, x, s1 + 384, LITTLE_ENDIAN)));
                v = v.lanewise(LSHR, 4);
                w = w.lanewise(LSHR, 1);
                t0 = t0.add(v.reinterpretAsShorts().mul(ShortVector.fromMemorySegment(S, x, s0 + 192, LITTLE_ENDIAN)))
                        .add(w.reinterpretAsShorts().mul(ShortVector.fromMemorySegment(S, x, s0 + 448, LITTLE_ENDIAN)));
                t1 = t1.add(v.reinterpretAsShorts().mul(ShortVector.fromMemorySegment(S, x, s1 + 192, LITTLE_ENDIAN)))
                        .add(w.reinterpretAsShorts().mul(ShortVector.fromMemorySegment(S, x, s1 + 448, LITTLE_ENDIAN)));
                v = t0.reinterpretAsInts();
                v = v.add(v.lanewise(LSHL, 16)).add(e).and(0xFFFF0000);
                a0 = ((FloatVector) v.convert(I2F, 0)).fma(d.mul(FloatVector.fromMemorySegment(F, x, s0 + 576, LITTLE_ENDIAN)), a0);
                s0 += 704;
                v = t1.reinterpretAsInts();
                v = v.add(v.lanewise(LSHL, 16)).add(f).and(0xFFFF0000);
                a1 = ((FloatVector) v.convert(I2F, 0)).fma(d.mul(FloatVector.fromMemorySegment(F, x, s1 + 576, LITTLE_ENDIAN)), a1);
                s1 += 704;
                p += groupBytes;
            }
            a0.intoArray(sums, 16 * to);
            a1.intoArray(sums, 16 * (8 + to));
        }
    }
}
