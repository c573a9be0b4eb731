package glimp.tensor;

import static java.nio.ByteOrder.LITTLE_ENDIAN;
import static jdk.incubator.vector.VectorOperators.LSHL;
import static jdk.incubator.vector.VectorOperators.LSHR;
import static jdk.incubator.vector.VectorOperators.LT;
import static jdk.incubator.vector.VectorOperators.ZERO_EXTEND_B2I;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import jdk.incubator.vector.ByteVector;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorShape;
import jdk.incubator.vector.VectorShuffle;
import jdk.incubator.vector.VectorSpecies;

/**
 * What the Vector API offers but leaves open how: the sum of a vector's lanes and the exponential. Its own forms give other
 * bits once the calling code is compiled than before, so the same question could get another answer by the compiler's
 * timing; these give the same bits always.
 */
public final class Lanes {
    private static final VectorSpecies<Float> F = FloatVector.SPECIES_PREFERRED;
    private static final VectorSpecies<Integer> I = IntVector.SPECIES_PREFERRED;
    private static final int L = F.length();
    private static final VectorShuffle<Float> BY_8 = by(8), BY_4 = by(4), BY_2 = by(2), BY_1 = by(1);

    /** The lanes whose number has the bit 8, 4, 2 or 1. */
    private static final VectorMask<Float> WITH_8 = with(8), WITH_4 = with(4), WITH_2 = with(2), WITH_1 = with(1);

    /** As many bytes as a vector has ints; there is no vector of 4 bytes, so that 128 bits need another way. */
    private static final VectorSpecies<Byte> AS_MANY = VectorSpecies.of(byte.class, VectorShape.forBitSize(Math.max(64, 8 * L)));
    private static final IntVector BYTE_SHIFTS = IntVector.fromArray(I, new int[] {0, 8, 16, 24, 0, 8, 16, 24, 0, 8, 16, 24, 0, 8, 16, 24}, 0);

    private static final float LOG2_E = (float) (1 / Math.log(2));
    /** ln 2 in two parts: the first has so few bits that its products with whole numbers below 256 are exact. */
    private static final float LN2_HIGH = 0x1.62ep-1f;
    private static final float LN2_LOW = (float) (Math.log(2) - LN2_HIGH);
    /** Added to a small float, leaves the nearest whole number in the lowest bits of the sum. */
    private static final float ROUND = 0x1.8p23f;
    private static final float LOWEST = -87.3f, HIGHEST = 88.72f;

    private Lanes() {}

    /** The sum of all lanes: halves are added until one lane is left. */
    public static float sum(FloatVector v) {
        if (L > 8) {
            v = v.add(v.rearrange(BY_8));
        }
        if (L > 4) {
            v = v.add(v.rearrange(BY_4));
        }
        v = v.add(v.rearrange(BY_2));
        return v.add(v.rearrange(BY_1)).lane(0);
    }

    /**
     * The sums of as many vectors as one has lanes: {@code out[outAt + i]} is the {@link #sum} of the vector at
     * {@code v[at + i * lanes]}, bit for bit.
     *
     * <p>Two vectors are halved into one, again and again: each step keeps one half of the lanes in place and brings the other
     * to it, so that 15 exchanges of lanes make 16 sums, not 64.
     */
    static void sums(float[] v, int at, float[] out, int outAt) {
        FloatVector a = quarter(v, at), b = quarter(v, at + L), c = quarter(v, at + 2 * L), d = quarter(v, at + 3 * L);
        a = a.blend(c, WITH_2).add(c.blend(a, WITH_2).rearrange(BY_2));
        b = b.blend(d, WITH_2).add(d.blend(b, WITH_2).rearrange(BY_2));
        a.blend(b, WITH_1).add(b.blend(a, WITH_1).rearrange(BY_1)).intoArray(out, outAt);
    }

    /** From the vectors at {@code at} and every fourth behind it, one whose groups of four lanes are to be summed. */
    private static FloatVector quarter(float[] v, int at) {
        FloatVector a = FloatVector.fromArray(F, v, at);
        if (L == 4) {
            return a;
        }
        FloatVector b = FloatVector.fromArray(F, v, at + 4 * L);
        if (L == 16) {
            FloatVector c = FloatVector.fromArray(F, v, at + 8 * L), d = FloatVector.fromArray(F, v, at + 12 * L);
            a = a.blend(c, WITH_8).add(c.blend(a, WITH_8).rearrange(BY_8));
            b = b.blend(d, WITH_8).add(d.blend(b, WITH_8).rearrange(BY_8));
        }
        return a.blend(b, WITH_4).add(b.blend(a, WITH_4).rearrange(BY_4));
    }

    /**
     * e^x, off by at most 2e-7 of it: x = k ln 2 + r, and e^r by its series. 0 where it would be no normal number, and
     * the largest float, nearly, where it would be more.
     */
    public static FloatVector exp(FloatVector x) {
        FloatVector t = x.max(LOWEST).min(HIGHEST);
        FloatVector shifted = t.mul(LOG2_E).add(ROUND);
        FloatVector k = shifted.sub(ROUND);
        FloatVector r = k.fma(FloatVector.broadcast(F, -LN2_LOW), k.fma(FloatVector.broadcast(F, -LN2_HIGH), t));
        FloatVector p = r.fma(FloatVector.broadcast(F, 1 / 5040f), FloatVector.broadcast(F, 1 / 720f));
        p = p.fma(r, FloatVector.broadcast(F, 1 / 120f));
        p = p.fma(r, FloatVector.broadcast(F, 1 / 24f));
        p = p.fma(r, FloatVector.broadcast(F, 1 / 6f));
        p = p.fma(r, FloatVector.broadcast(F, 0.5f));
        p = p.fma(r, FloatVector.broadcast(F, 1));
        p = p.fma(r, FloatVector.broadcast(F, 1));
        FloatVector e = p.reinterpretAsInts().add(shifted.reinterpretAsInts().lanewise(LSHL, 23)).reinterpretAsFloats();
        return e.blend(0, x.compare(LT, LOWEST));
    }

    private static VectorShuffle<Float> by(int distance) {
        return VectorShuffle.fromOp(F, i -> i ^ Math.min(distance, L / 2));
    }

    private static VectorMask<Float> with(int bit) {
        boolean[] lanes = new boolean[L];
        for (int i = 0; i < L; i++) {
            lanes[i] = (i & bit) != 0;
        }
        return VectorMask.fromArray(F, lanes, 0);
    }

    /** The bytes from {@code at} as unsigned numbers, one a lane. */
    static IntVector bytes(MemorySegment data, long at) {
        if (L == 4) {
            return IntVector.broadcast(I, data.get(ValueLayout.JAVA_INT_UNALIGNED, at)).lanewise(LSHR, BYTE_SHIFTS).and(0xFF);
        }
        return ByteVector.fromMemorySegment(AS_MANY, data, at, LITTLE_ENDIAN).convertShape(ZERO_EXTEND_B2I, I, 0).reinterpretAsInts();
    }

    /** As many bytes as a vector has ints, those from {@code p} in the lower halves of its lanes, those from {@code q} in the upper. */
    static IntVector pair(MemorySegment data, long p, long q) {
        return bytes(data, p).or(bytes(data, q).lanewise(LSHL, 16));
    }

    /** The sums of both halves of every lane. */
    static IntVector plus(IntVector v, IntVector w) {
        return v.reinterpretAsShorts().add(w.reinterpretAsShorts()).reinterpretAsInts();
    }

    /** Both halves of every lane less n. */
    static IntVector less(IntVector v, int n) {
        return v.reinterpretAsShorts().sub((short) n).reinterpretAsInts();
    }
}
