package glimp.tensor;

import static java.nio.ByteOrder.LITTLE_ENDIAN;
import static jdk.incubator.vector.VectorOperators.I2F;
import static jdk.incubator.vector.VectorOperators.LSHL;
import static jdk.incubator.vector.VectorOperators.LSHR;

import glimp.gguf.GgmlType;
import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.ByteVector;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.ShortVector;
import jdk.incubator.vector.VectorSpecies;

/**
 * Blocks of 32 in the Open Compute Project's microscaling format: an exponent e and 32 nibbles, each a sign and a
 * magnitude of 0, 0.5, 1, 1.5, 2, 3, 4 or 6, values 2^(e - 127) times those.
 */
final class MXFP4 extends CodeBook32 {
    /** Twice the values, so that they are whole numbers. */
    private static final byte[] CODES = {0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12};
    private static final VectorSpecies<Byte> B = ByteVector.SPECIES_512;
    private static final VectorSpecies<Short> S = ShortVector.SPECIES_512;
    private static final VectorSpecies<Integer> I = IntVector.SPECIES_512;
    private static final VectorSpecies<Float> F = FloatVector.SPECIES_512;
    /** From 128 bytes of eight blocks of 17: of each, half of its nibbles, and its exponent in all four bytes of its lanes. */
    private static final ByteVector NIBBLES = Codes.bytes(i -> i / 8 * 17 + 1 + i % 8), SCALES = Codes.bytes(i -> i / 8 * 17);
    /** The codes plus 12, four times: what stands above a nibble in its byte does not matter. */
    private static final ByteVector TABLE = Codes.bytes(i -> CODES[i % 16] + 12);

    MXFP4(MemorySegment data, int rows, int cols) {
        super(data, rows, cols, GgmlType.MXFP4, CODES, true);
    }

    @Override
    Ints32.Layout layout() {
        return Codes.USABLE ? Ints32.Layout.CODES : null;
    }

    @Override
    void multiply(int group, MemorySegment x, long s, long next, int rowA, int rowB, int count, float[] sums) {
        if (group == 4) {
            four(x, s, next, rowA, rowB, count, sums);
        } else {
            one(x, s, rowA, rowB, count, sums);
        }
    }

    /**
     * Eight blocks an iteration, as {@link Q4_0} does it, with bytes that are looked up in the place of nibbles: 64 codes in
     * one operation, each with 12 added so that it has no sign, and two views of them instead of four of nibbles. An
     * exponent in a float's place is twice the scale; the least of them, 2^-128, is no normal float, and 255, which the
     * format keeps for no number, becomes infinite. 42 operations on whole vectors for 136 bytes. Zen 4, one thread: 12-17 GB/s;
     * as floats 7. No slices here (see {@link Matrix}): the compiler asked nothing without them, and with them a block took 50 to 53
     * cycles, not 41 to 48.
     */
    private void one(MemorySegment x, long start, int rowA, int rowB, int count, float[] sums) {
        MemorySegment data = this.data;
        for (int i = 0; i < count; i++) {
            long s = start, p = (rowA + i) * rowBytes, q = (rowB + i) * rowBytes;
            FloatVector a = FloatVector.zero(F), b = a;
            long end = p + cols / 256 * 136L;
            while (p != end) {
                ShortVector x0 = ShortVector.fromMemorySegment(S, x, s, LITTLE_ENDIAN);
                ShortVector x1 = ShortVector.fromMemorySegment(S, x, s + 64, LITTLE_ENDIAN);
                ShortVector x2 = ShortVector.fromMemorySegment(S, x, s + 128, LITTLE_ENDIAN);
                ShortVector x3 = ShortVector.fromMemorySegment(S, x, s + 192, LITTLE_ENDIAN);
                ShortVector x4 = ShortVector.fromMemorySegment(S, x, s + 256, LITTLE_ENDIAN);
                ShortVector x5 = ShortVector.fromMemorySegment(S, x, s + 320, LITTLE_ENDIAN);
                ShortVector x6 = ShortVector.fromMemorySegment(S, x, s + 384, LITTLE_ENDIAN);
                ShortVector x7 = ShortVector.fromMemorySegment(S, x, s + 448, LITTLE_ENDIAN);
                IntVector twelves = IntVector.fromMemorySegment(I, x, s + 512, LITTLE_ENDIAN);
                FloatVector dx = FloatVector.fromMemorySegment(F, x, s + 576, LITTLE_ENDIAN);
                {
                    ByteVector u = ByteVector.fromMemorySegment(B, data, p, LITTLE_ENDIAN);
                    ByteVector v = ByteVector.fromMemorySegment(B, data, p + 64, LITTLE_ENDIAN);
                    FloatVector d = SCALES.selectFrom(u, v).reinterpretAsInts().lanewise(LSHR, 1).and(0x7F800000).max(0x00400000).reinterpretAsFloats();
                    ByteVector n = NIBBLES.selectFrom(u, v);
                    IntVector w = n.selectFrom(TABLE).reinterpretAsInts();
                    ShortVector t = w.reinterpretAsShorts().mul(x0).add(w.lanewise(LSHR, 8).reinterpretAsShorts().mul(x1));
                    w = n.reinterpretAsInts().lanewise(LSHR, 4).reinterpretAsBytes().selectFrom(TABLE).reinterpretAsInts();
                    t = t.add(w.reinterpretAsShorts().mul(x2).add(w.lanewise(LSHR, 8).reinterpretAsShorts().mul(x3)));
                    n = NIBBLES.selectFrom(ByteVector.fromMemorySegment(B, data, p + 8, LITTLE_ENDIAN),
                            ByteVector.fromMemorySegment(B, data, p + 72, LITTLE_ENDIAN));
                    w = n.selectFrom(TABLE).reinterpretAsInts();
                    t = t.add(w.reinterpretAsShorts().mul(x4).add(w.lanewise(LSHR, 8).reinterpretAsShorts().mul(x5)));
                    w = n.reinterpretAsInts().lanewise(LSHR, 4).reinterpretAsBytes().selectFrom(TABLE).reinterpretAsInts();
                    t = t.add(w.reinterpretAsShorts().mul(x6).add(w.lanewise(LSHR, 8).reinterpretAsShorts().mul(x7)));
                    w = t.reinterpretAsInts();
                    w = w.add(w.lanewise(LSHL, 16)).add(twelves).and(0xFFFF0000);
                    a = ((FloatVector) w.convert(I2F, 0)).fma(d.mul(dx), a);
                }
                {
                    ByteVector u = ByteVector.fromMemorySegment(B, data, q, LITTLE_ENDIAN);
                    ByteVector v = ByteVector.fromMemorySegment(B, data, q + 64, LITTLE_ENDIAN);
                    FloatVector d = SCALES.selectFrom(u, v).reinterpretAsInts().lanewise(LSHR, 1).and(0x7F800000).max(0x00400000).reinterpretAsFloats();
                    ByteVector n = NIBBLES.selectFrom(u, v);
                    IntVector w = n.selectFrom(TABLE).reinterpretAsInts();
                    ShortVector t = w.reinterpretAsShorts().mul(x0).add(w.lanewise(LSHR, 8).reinterpretAsShorts().mul(x1));
                    w = n.reinterpretAsInts().lanewise(LSHR, 4).reinterpretAsBytes().selectFrom(TABLE).reinterpretAsInts();
                    t = t.add(w.reinterpretAsShorts().mul(x2).add(w.lanewise(LSHR, 8).reinterpretAsShorts().mul(x3)));
                    n = NIBBLES.selectFrom(ByteVector.fromMemorySegment(B, data, q + 8, LITTLE_ENDIAN),
                            ByteVector.fromMemorySegment(B, data, q + 72, LITTLE_ENDIAN));
                    w = n.selectFrom(TABLE).reinterpretAsInts();
                    t = t.add(w.reinterpretAsShorts().mul(x4).add(w.lanewise(LSHR, 8).reinterpretAsShorts().mul(x5)));
                    w = n.reinterpretAsInts().lanewise(LSHR, 4).reinterpretAsBytes().selectFrom(TABLE).reinterpretAsInts();
                    t = t.add(w.reinterpretAsShorts().mul(x6).add(w.lanewise(LSHR, 8).reinterpretAsShorts().mul(x7)));
                    w = t.reinterpretAsInts();
                    w = w.add(w.lanewise(LSHL, 16)).add(twelves).and(0xFFFF0000);
                    b = ((FloatVector) w.convert(I2F, 0)).fma(d.mul(dx), b);
                }
                s += 640;
                p += 136;
                q += 136;
            }
            a.intoArray(sums, 16 * i);
            b.intoArray(sums, 16 * (PAIRS + i));
        }
    }

    /**
     * Four tokens, see {@link Q4_0}.
     */
    private void four(MemorySegment x, long s, long next, int rowA, int rowB, int count, float[] sums) {
        MemorySegment data = this.data;
        ByteVector nibbles = NIBBLES, scales = SCALES, codes = TABLE;
        for (int i = 0; i < count; i++) {
            long p = (rowA + i) * rowBytes, q = (rowB + i) * rowBytes, end = p + cols / 256 * 136L;
            long s0 = s, s1 = s0 + next, s2 = s1 + next, s3 = s2 + next;
            FloatVector a0 = FloatVector.zero(F), b0 = FloatVector.zero(F);
            FloatVector a1 = FloatVector.zero(F), b1 = FloatVector.zero(F);
            FloatVector a2 = FloatVector.zero(F), b2 = FloatVector.zero(F);
            FloatVector a3 = FloatVector.zero(F), b3 = FloatVector.zero(F);
            while (p != end) {
                ShortVector t0 = ShortVector.zero(S), u0 = ShortVector.zero(S);
                ShortVector t1 = ShortVector.zero(S), u1 = ShortVector.zero(S);
                ShortVector t2 = ShortVector.zero(S), u2 = ShortVector.zero(S);
                ShortVector t3 = ShortVector.zero(S), u3 = ShortVector.zero(S);
                for (long h = 0; h != 16; h += 8) {
                    ByteVector n = nibbles.selectFrom(ByteVector.fromMemorySegment(B, data, p + h, LITTLE_ENDIAN),
                            ByteVector.fromMemorySegment(B, data, p + 64 + h, LITTLE_ENDIAN));
                    ByteVector m = nibbles.selectFrom(ByteVector.fromMemorySegment(B, data, q + h, LITTLE_ENDIAN),
                            ByteVector.fromMemorySegment(B, data, q + 64 + h, LITTLE_ENDIAN));
                    long k = 32 * h;
                    for (int high = 0; high < 8; high += 4, k += 128) {
                        IntVector v = n.reinterpretAsInts().lanewise(LSHR, high).reinterpretAsBytes().selectFrom(codes).reinterpretAsInts();
                        IntVector w = m.reinterpretAsInts().lanewise(LSHR, high).reinterpretAsBytes().selectFrom(codes).reinterpretAsInts();
                        ShortVector y = ShortVector.fromMemorySegment(S, x, s0 + k, LITTLE_ENDIAN);
                        t0 = v.reinterpretAsShorts().mul(y).add(t0);
                        u0 = w.reinterpretAsShorts().mul(y).add(u0);
                        y = ShortVector.fromMemorySegment(S, x, s1 + k, LITTLE_ENDIAN);
                        t1 = v.reinterpretAsShorts().mul(y).add(t1);
                        u1 = w.reinterpretAsShorts().mul(y).add(u1);
                        y = ShortVector.fromMemorySegment(S, x, s2 + k, LITTLE_ENDIAN);
                        t2 = v.reinterpretAsShorts().mul(y).add(t2);
                        u2 = w.reinterpretAsShorts().mul(y).add(u2);
                        y = ShortVector.fromMemorySegment(S, x, s3 + k, LITTLE_ENDIAN);
                        t3 = v.reinterpretAsShorts().mul(y).add(t3);
                        u3 = w.reinterpretAsShorts().mul(y).add(u3);
                        v = v.lanewise(LSHR, 8);
                        w = w.lanewise(LSHR, 8);
                        y = ShortVector.fromMemorySegment(S, x, s0 + k + 64, LITTLE_ENDIAN);
                        t0 = v.reinterpretAsShorts().mul(y).add(t0);
                        u0 = w.reinterpretAsShorts().mul(y).add(u0);
                        y = ShortVector.fromMemorySegment(S, x, s1 + k + 64, LITTLE_ENDIAN);
                        t1 = v.reinterpretAsShorts().mul(y).add(t1);
                        u1 = w.reinterpretAsShorts().mul(y).add(u1);
                        y = ShortVector.fromMemorySegment(S, x, s2 + k + 64, LITTLE_ENDIAN);
                        t2 = v.reinterpretAsShorts().mul(y).add(t2);
                        u2 = w.reinterpretAsShorts().mul(y).add(u2);
                        y = ShortVector.fromMemorySegment(S, x, s3 + k + 64, LITTLE_ENDIAN);
                        t3 = v.reinterpretAsShorts().mul(y).add(t3);
                        u3 = w.reinterpretAsShorts().mul(y).add(u3);
                    }
                }
                FloatVector d = scales.selectFrom(ByteVector.fromMemorySegment(B, data, p, LITTLE_ENDIAN),
                        ByteVector.fromMemorySegment(B, data, p + 64, LITTLE_ENDIAN))
                        .reinterpretAsInts().lanewise(LSHR, 1).and(0x7F800000).max(0x00400000).reinterpretAsFloats();
                FloatVector f = scales.selectFrom(ByteVector.fromMemorySegment(B, data, q, LITTLE_ENDIAN),
                        ByteVector.fromMemorySegment(B, data, q + 64, LITTLE_ENDIAN))
                        .reinterpretAsInts().lanewise(LSHR, 1).and(0x7F800000).max(0x00400000).reinterpretAsFloats();
                ShortVector e = ShortVector.fromMemorySegment(S, x, s0 + 512, LITTLE_ENDIAN);
                FloatVector dx = FloatVector.fromMemorySegment(F, x, s0 + 576, LITTLE_ENDIAN);
                IntVector r = e.add(t0).reinterpretAsInts();
                r = r.add(r.lanewise(LSHL, 16)).and(0xFFFF0000);
                a0 = ((FloatVector) r.convert(I2F, 0)).fma(d.mul(dx), a0);
                r = e.add(u0).reinterpretAsInts();
                r = r.add(r.lanewise(LSHL, 16)).and(0xFFFF0000);
                b0 = ((FloatVector) r.convert(I2F, 0)).fma(f.mul(dx), b0);
                s0 += 640;
                e = ShortVector.fromMemorySegment(S, x, s1 + 512, LITTLE_ENDIAN);
                dx = FloatVector.fromMemorySegment(F, x, s1 + 576, LITTLE_ENDIAN);
                r = e.add(t1).reinterpretAsInts();
                r = r.add(r.lanewise(LSHL, 16)).and(0xFFFF0000);
                a1 = ((FloatVector) r.convert(I2F, 0)).fma(d.mul(dx), a1);
                r = e.add(u1).reinterpretAsInts();
                r = r.add(r.lanewise(LSHL, 16)).and(0xFFFF0000);
                b1 = ((FloatVector) r.convert(I2F, 0)).fma(f.mul(dx), b1);
                s1 += 640;
                e = ShortVector.fromMemorySegment(S, x, s2 + 512, LITTLE_ENDIAN);
                dx = FloatVector.fromMemorySegment(F, x, s2 + 576, LITTLE_ENDIAN);
                r = e.add(t2).reinterpretAsInts();
                r = r.add(r.lanewise(LSHL, 16)).and(0xFFFF0000);
                a2 = ((FloatVector) r.convert(I2F, 0)).fma(d.mul(dx), a2);
                r = e.add(u2).reinterpretAsInts();
                r = r.add(r.lanewise(LSHL, 16)).and(0xFFFF0000);
                b2 = ((FloatVector) r.convert(I2F, 0)).fma(f.mul(dx), b2);
                s2 += 640;
                e = ShortVector.fromMemorySegment(S, x, s3 + 512, LITTLE_ENDIAN);
                dx = FloatVector.fromMemorySegment(F, x, s3 + 576, LITTLE_ENDIAN);
                r = e.add(t3).reinterpretAsInts();
                r = r.add(r.lanewise(LSHL, 16)).and(0xFFFF0000);
                a3 = ((FloatVector) r.convert(I2F, 0)).fma(d.mul(dx), a3);
                r = e.add(u3).reinterpretAsInts();
                r = r.add(r.lanewise(LSHL, 16)).and(0xFFFF0000);
                b3 = ((FloatVector) r.convert(I2F, 0)).fma(f.mul(dx), b3);
                s3 += 640;
                p += 136;
                q += 136;
            }
            a0.intoArray(sums, 16 * i);
            b0.intoArray(sums, 16 * (2 + i));
            a1.intoArray(sums, 16 * (4 + i));
            b1.intoArray(sums, 16 * (6 + i));
            a2.intoArray(sums, 16 * (8 + i));
            b2.intoArray(sums, 16 * (10 + i));
            a3.intoArray(sums, 16 * (12 + i));
            b3.intoArray(sums, 16 * (14 + i));
        }
    }
}
