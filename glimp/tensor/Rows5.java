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
        if (group == 4) {
            four(x, s, next, p, q, rowBytes, count, sums);
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
        MemorySegment data = this.data;
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
     * Four tokens and a row at a time, as in {@link Q4_1}.
     */
    private void four(MemorySegment x, long s, long next, long rowA, long rowB, long rowBytes, int count, float[] sums) {
        MemorySegment data = this.data;
        ShortVector scales = this.scales, minima = this.minima, bits = this.bits, nibbles = this.nibbles;
        boolean minimum = this.minimum;
        IntVector shifts = SHIFTS;
        long last = groupBytes - 64;
        for (int i = 0; i < 2 * count; i++) {
            int to = i < count ? i : i - count + 2;
            long p = (i < count ? rowA + i * rowBytes : rowB + (i - count) * rowBytes), end = p + groups * groupBytes;
            long s0 = s, s1 = s0 + next, s2 = s1 + next, s3 = s2 + next;
            FloatVector a0 = FloatVector.zero(F);
            FloatVector a1 = FloatVector.zero(F);
            FloatVector a2 = FloatVector.zero(F);
            FloatVector a3 = FloatVector.zero(F);
            while (p != end) {
                ShortVector t0 = ShortVector.zero(S);
                ShortVector t1 = ShortVector.zero(S);
                ShortVector t2 = ShortVector.zero(S);
                ShortVector t3 = ShortVector.zero(S);
                IntVector v = nibbles.selectFrom(ShortVector.fromMemorySegment(S, data, p, LITTLE_ENDIAN),
                        ShortVector.fromMemorySegment(S, data, p + last, LITTLE_ENDIAN)).reinterpretAsInts();
                for (long k = 0; k != 256; k += 64) {
                    ShortVector y = ShortVector.fromMemorySegment(S, x, s0 + k, LITTLE_ENDIAN);
                    t0 = t0.add(v.reinterpretAsShorts().mul(y));
                    y = ShortVector.fromMemorySegment(S, x, s1 + k, LITTLE_ENDIAN);
                    t1 = t1.add(v.reinterpretAsShorts().mul(y));
                    y = ShortVector.fromMemorySegment(S, x, s2 + k, LITTLE_ENDIAN);
                    t2 = t2.add(v.reinterpretAsShorts().mul(y));
                    y = ShortVector.fromMemorySegment(S, x, s3 + k, LITTLE_ENDIAN);
                    t3 = t3.add(v.reinterpretAsShorts().mul(y));
                    v = v.lanewise(LSHR, 4);
                }
                v = bits.selectFrom(ShortVector.fromMemorySegment(S, data, p, LITTLE_ENDIAN),
                        ShortVector.fromMemorySegment(S, data, p + last, LITTLE_ENDIAN)).reinterpretAsInts().lanewise(LSHR, shifts).and(0x000F000F);
                for (long k = 256; k != 512; k += 64) {
                    ShortVector y = ShortVector.fromMemorySegment(S, x, s0 + k, LITTLE_ENDIAN);
                    t0 = t0.add(v.reinterpretAsShorts().mul(y));
                    y = ShortVector.fromMemorySegment(S, x, s1 + k, LITTLE_ENDIAN);
                    t1 = t1.add(v.reinterpretAsShorts().mul(y));
                    y = ShortVector.fromMemorySegment(S, x, s2 + k, LITTLE_ENDIAN);
                    t2 = t2.add(v.reinterpretAsShorts().mul(y));
                    y = ShortVector.fromMemorySegment(S, x, s3 + k, LITTLE_ENDIAN);
                    t3 = t3.add(v.reinterpretAsShorts().mul(y));
                    v = v.lanewise(LSHR, 1);
                }
                FloatVector d = scales.selectFrom(ShortVector.fromMemorySegment(S, data, p, LITTLE_ENDIAN),
                        ShortVector.fromMemorySegment(S, data, p + last, LITTLE_ENDIAN)).reinterpretAsInts().lanewise(ASHR, 3).and(0x8FFFE000).reinterpretAsFloats();
                if (minimum) {
                    FloatVector m = d.fma(FloatVector.broadcast(F, 16), minima.selectFrom(ShortVector.fromMemorySegment(S, data, p, LITTLE_ENDIAN),
                            ShortVector.fromMemorySegment(S, data, p + last, LITTLE_ENDIAN)).reinterpretAsInts().lanewise(ASHR, 3).and(0x8FFFE000).reinterpretAsFloats());
                    FloatVector sum = FloatVector.fromMemorySegment(F, x, s0 + 640, LITTLE_ENDIAN);
                    a0 = m.fma(sum, a0);
                    sum = FloatVector.fromMemorySegment(F, x, s1 + 640, LITTLE_ENDIAN);
                    a1 = m.fma(sum, a1);
                    sum = FloatVector.fromMemorySegment(F, x, s2 + 640, LITTLE_ENDIAN);
                    a2 = m.fma(sum, a2);
                    sum = FloatVector.fromMemorySegment(F, x, s3 + 640, LITTLE_ENDIAN);
                    a3 = m.fma(sum, a3);
                }
                IntVector e = IntVector.fromMemorySegment(I, x, s0 + 512, LITTLE_ENDIAN);
                FloatVector dx = FloatVector.fromMemorySegment(F, x, s0 + 576, LITTLE_ENDIAN);
                IntVector r = t0.add(e.reinterpretAsShorts()).reinterpretAsInts();
                r = r.add(r.lanewise(LSHL, 16)).add(e).and(0xFFFF0000);
                a0 = ((FloatVector) r.convert(I2F, 0)).fma(d.mul(dx), a0);
                s0 += 704;
                e = IntVector.fromMemorySegment(I, x, s1 + 512, LITTLE_ENDIAN);
                dx = FloatVector.fromMemorySegment(F, x, s1 + 576, LITTLE_ENDIAN);
                r = t1.add(e.reinterpretAsShorts()).reinterpretAsInts();
                r = r.add(r.lanewise(LSHL, 16)).add(e).and(0xFFFF0000);
                a1 = ((FloatVector) r.convert(I2F, 0)).fma(d.mul(dx), a1);
                s1 += 704;
                e = IntVector.fromMemorySegment(I, x, s2 + 512, LITTLE_ENDIAN);
                dx = FloatVector.fromMemorySegment(F, x, s2 + 576, LITTLE_ENDIAN);
                r = t2.add(e.reinterpretAsShorts()).reinterpretAsInts();
                r = r.add(r.lanewise(LSHL, 16)).add(e).and(0xFFFF0000);
                a2 = ((FloatVector) r.convert(I2F, 0)).fma(d.mul(dx), a2);
                s2 += 704;
                e = IntVector.fromMemorySegment(I, x, s3 + 512, LITTLE_ENDIAN);
                dx = FloatVector.fromMemorySegment(F, x, s3 + 576, LITTLE_ENDIAN);
                r = t3.add(e.reinterpretAsShorts()).reinterpretAsInts();
                r = r.add(r.lanewise(LSHL, 16)).add(e).and(0xFFFF0000);
                a3 = ((FloatVector) r.convert(I2F, 0)).fma(d.mul(dx), a3);
                s3 += 704;
                p += groupBytes;
            }
            a0.intoArray(sums, 16 * to);
            a1.intoArray(sums, 16 * (4 + to));
            a2.intoArray(sums, 16 * (8 + to));
            a3.intoArray(sums, 16 * (12 + to));
        }
    }
}
