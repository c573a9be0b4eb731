package glimp.tensor;

import static java.nio.ByteOrder.LITTLE_ENDIAN;
import static jdk.incubator.vector.VectorOperators.I2F;

import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorSpecies;

/**
 * Two unpacked rows times one or two tokens, in integers: for the formats with blocks of 256 in vectors of 128 bits, where
 * there is no kernel that takes rows as they are, see {@link Blocks256}.
 *
 * <p><b>Two products in one.</b> A lane of 32 bits holds two weights as {@code u + 2^16 v} and two activations as
 * {@code 2^16 x + y}. Modulo 2^32 their product is {@code u y + 2^16 (u x + v y)}: its upper half is a sum of two products,
 * for one multiplication and with no addition across lanes. The lower half, worth less than a quarter of a step, stays
 * where it is when the lane becomes a float: taking it away would cost more than it disturbs.
 *
 * <p><b>No overflow.</b> A lane sums two such products: four of weights up to 31 with activations up to 256, or up to 63
 * with 128 ({@link Ints256.Order}). {@code 4 x 31 x 256 = 31744}, {@code 4 x 63 x 128 = 32256}, and with a quarter for the
 * lower half both are less than 2^15. This holds for any bytes, since every weight is masked to its bits.
 *
 * <p><b>The sums.</b> Within a block, vectors 0 and 2, and 1 and 3, are added up by themselves in the order of the columns,
 * then multiplied with the block's scale of activations, and the lanes are summed at the end. A format with a kernel of its
 * own for one token must do the same, so that the token gets the same bits alone and in a batch.
 */
final class Dot256 {
    static final VectorSpecies<Integer> I = IntVector.SPECIES_PREFERRED;
    static final VectorSpecies<Float> F = FloatVector.SPECIES_PREFERRED;
    static final int L = I.length();

    /*
     * An unpacked row, from its first float on: for each block float[4][16] scales, a lane each; then for each block
     * float[16] offsets, which go with the sums of the activations; then for each block int[4][even, odd][16] pairs of
     * weights, as the bits of floats, in the order of the format.
     */

    private Dot256() {}

    static int offsets(int cols) {
        return cols / 4;
    }

    static int pairs(int cols) {
        return cols / 4 + cols / 16;
    }

    static int rowSpace(int cols) {
        return pairs(cols) + cols / 2;
    }

    /** The rows at a and b of w times the token at s of x: vectors of sums to {@code w[0 ..)} and {@code w[L ..)}. */
    static void one(float[] w, int a, int b, int cols, MemorySegment x, long s) {
        FloatVector a0 = FloatVector.zero(F), b0 = a0, c = a0, d = a0;
        int p = a + pairs(cols), q = b + pairs(cols), o = a + offsets(cols), r = b + offsets(cols);
        for (int block = 0; block < cols / 256; block++) {
            for (int j = 0; j < 16; j += L) {
                FloatVector sums = FloatVector.fromMemorySegment(F, x, s + Ints256.SUMS + 4 * j, LITTLE_ENDIAN);
                c = FloatVector.fromArray(F, w, o + j).fma(sums, c);
                d = FloatVector.fromArray(F, w, r + j).fma(sums, d);
            }
            FloatVector s0 = FloatVector.zero(F), s1 = s0, t0 = s0, t1 = s0;
            for (int i = 0; i < 64; i += 32) {
                for (int j = i; j < i + 16; j += L) {
                    int k = j + i;
                    IntVector xe = IntVector.fromMemorySegment(I, x, s + 4 * k, LITTLE_ENDIAN);
                    IntVector xo = IntVector.fromMemorySegment(I, x, s + 4 * k + 64, LITTLE_ENDIAN);
                    IntVector v = FloatVector.fromArray(F, w, p + k).reinterpretAsInts().mul(xe)
                            .add(FloatVector.fromArray(F, w, p + k + 16).reinterpretAsInts().mul(xo));
                    s0 = ((FloatVector) v.convertShape(I2F, F, 0)).fma(FloatVector.fromArray(F, w, a + j), s0);
                    v = FloatVector.fromArray(F, w, q + k).reinterpretAsInts().mul(xe)
                            .add(FloatVector.fromArray(F, w, q + k + 16).reinterpretAsInts().mul(xo));
                    t0 = ((FloatVector) v.convertShape(I2F, F, 0)).fma(FloatVector.fromArray(F, w, b + j), t0);
                    xe = IntVector.fromMemorySegment(I, x, s + 4 * k + 128, LITTLE_ENDIAN);
                    xo = IntVector.fromMemorySegment(I, x, s + 4 * k + 192, LITTLE_ENDIAN);
                    v = FloatVector.fromArray(F, w, p + k + 32).reinterpretAsInts().mul(xe)
                            .add(FloatVector.fromArray(F, w, p + k + 48).reinterpretAsInts().mul(xo));
                    s1 = ((FloatVector) v.convertShape(I2F, F, 0)).fma(FloatVector.fromArray(F, w, a + j + 16), s1);
                    v = FloatVector.fromArray(F, w, q + k + 32).reinterpretAsInts().mul(xe)
                            .add(FloatVector.fromArray(F, w, q + k + 48).reinterpretAsInts().mul(xo));
                    t1 = ((FloatVector) v.convertShape(I2F, F, 0)).fma(FloatVector.fromArray(F, w, b + j + 16), t1);
                }
            }
            FloatVector dx = FloatVector.fromMemorySegment(F, x, s + Ints256.SCALE, LITTLE_ENDIAN);
            a0 = s0.add(s1).fma(dx, a0);
            b0 = t0.add(t1).fma(dx, b0);
            s += Ints256.BLOCK; p += 128; q += 128; a += 64; b += 64; o += 16; r += 16;
        }
        a0.add(c).intoArray(w, 0);
        b0.add(d).intoArray(w, L);
    }

    /** The same with two tokens at s and at z: rows a and b of the first, then of the second. */
    static void two(float[] w, int a, int b, int cols, MemorySegment x, long s, long z) {
        FloatVector a0 = FloatVector.zero(F), b0 = a0, a1 = a0, b1 = a0, c = a0, d = a0, e = a0, f = a0;
        int p = a + pairs(cols), q = b + pairs(cols), o = a + offsets(cols), r = b + offsets(cols);
        for (int block = 0; block < cols / 256; block++) {
            for (int j = 0; j < 16; j += L) {
                FloatVector m = FloatVector.fromArray(F, w, o + j), n = FloatVector.fromArray(F, w, r + j);
                FloatVector sums = FloatVector.fromMemorySegment(F, x, s + Ints256.SUMS + 4 * j, LITTLE_ENDIAN);
                c = m.fma(sums, c);
                d = n.fma(sums, d);
                sums = FloatVector.fromMemorySegment(F, x, z + Ints256.SUMS + 4 * j, LITTLE_ENDIAN);
                e = m.fma(sums, e);
                f = n.fma(sums, f);
            }
            FloatVector s0 = FloatVector.zero(F), s1 = s0, t0 = s0, t1 = s0, u0 = s0, u1 = s0, v0 = s0, v1 = s0;
            for (int i = 0; i < 64; i += 32) {
                for (int j = i; j < i + 16; j += L) {
                    int k = j + i;
                    FloatVector sa = FloatVector.fromArray(F, w, a + j), sb = FloatVector.fromArray(F, w, b + j);
                    IntVector pe = FloatVector.fromArray(F, w, p + k).reinterpretAsInts();
                    IntVector po = FloatVector.fromArray(F, w, p + k + 16).reinterpretAsInts();
                    IntVector qe = FloatVector.fromArray(F, w, q + k).reinterpretAsInts();
                    IntVector qo = FloatVector.fromArray(F, w, q + k + 16).reinterpretAsInts();
                    IntVector xe = IntVector.fromMemorySegment(I, x, s + 4 * k, LITTLE_ENDIAN);
                    IntVector xo = IntVector.fromMemorySegment(I, x, s + 4 * k + 64, LITTLE_ENDIAN);
                    s0 = ((FloatVector) pe.mul(xe).add(po.mul(xo)).convertShape(I2F, F, 0)).fma(sa, s0);
                    t0 = ((FloatVector) qe.mul(xe).add(qo.mul(xo)).convertShape(I2F, F, 0)).fma(sb, t0);
                    xe = IntVector.fromMemorySegment(I, x, z + 4 * k, LITTLE_ENDIAN);
                    xo = IntVector.fromMemorySegment(I, x, z + 4 * k + 64, LITTLE_ENDIAN);
                    u0 = ((FloatVector) pe.mul(xe).add(po.mul(xo)).convertShape(I2F, F, 0)).fma(sa, u0);
                    v0 = ((FloatVector) qe.mul(xe).add(qo.mul(xo)).convertShape(I2F, F, 0)).fma(sb, v0);
                    sa = FloatVector.fromArray(F, w, a + j + 16);
                    sb = FloatVector.fromArray(F, w, b + j + 16);
                    pe = FloatVector.fromArray(F, w, p + k + 32).reinterpretAsInts();
                    po = FloatVector.fromArray(F, w, p + k + 48).reinterpretAsInts();
                    qe = FloatVector.fromArray(F, w, q + k + 32).reinterpretAsInts();
                    qo = FloatVector.fromArray(F, w, q + k + 48).reinterpretAsInts();
                    xe = IntVector.fromMemorySegment(I, x, s + 4 * k + 128, LITTLE_ENDIAN);
                    xo = IntVector.fromMemorySegment(I, x, s + 4 * k + 192, LITTLE_ENDIAN);
                    s1 = ((FloatVector) pe.mul(xe).add(po.mul(xo)).convertShape(I2F, F, 0)).fma(sa, s1);
                    t1 = ((FloatVector) qe.mul(xe).add(qo.mul(xo)).convertShape(I2F, F, 0)).fma(sb, t1);
                    xe = IntVector.fromMemorySegment(I, x, z + 4 * k + 128, LITTLE_ENDIAN);
                    xo = IntVector.fromMemorySegment(I, x, z + 4 * k + 192, LITTLE_ENDIAN);
                    u1 = ((FloatVector) pe.mul(xe).add(po.mul(xo)).convertShape(I2F, F, 0)).fma(sa, u1);
                    v1 = ((FloatVector) qe.mul(xe).add(qo.mul(xo)).convertShape(I2F, F, 0)).fma(sb, v1);
                }
            }
            FloatVector dx = FloatVector.fromMemorySegment(F, x, s + Ints256.SCALE, LITTLE_ENDIAN);
            FloatVector dz = FloatVector.fromMemorySegment(F, x, z + Ints256.SCALE, LITTLE_ENDIAN);
            a0 = s0.add(s1).fma(dx, a0);
            b0 = t0.add(t1).fma(dx, b0);
            a1 = u0.add(u1).fma(dz, a1);
            b1 = v0.add(v1).fma(dz, b1);
            s += Ints256.BLOCK; z += Ints256.BLOCK; p += 128; q += 128; a += 64; b += 64; o += 16; r += 16;
        }
        a0.add(c).intoArray(w, 0);
        b0.add(d).intoArray(w, L);
        a1.add(e).intoArray(w, 2 * L);
        b1.add(f).intoArray(w, 3 * L);
    }
}
