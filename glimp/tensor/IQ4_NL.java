package glimp.tensor;

import static java.nio.ByteOrder.LITTLE_ENDIAN;
import static jdk.incubator.vector.VectorOperators.ASHR;
import static jdk.incubator.vector.VectorOperators.I2F;
import static jdk.incubator.vector.VectorOperators.LSHR;

import glimp.gguf.GgmlType;
import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.ByteVector;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.ShortVector;
import jdk.incubator.vector.VectorSpecies;

/** Blocks of 32: a half float d and 32 nibbles, each the place of a value in a code book, values d CODES[nibble]. */
final class IQ4_NL extends CodeBook32 {
    /** Denser near zero, as weights are. */
    static final byte[] CODES = {-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113};
    private static final VectorSpecies<Short> S = ShortVector.SPECIES_512;
    private static final VectorSpecies<Integer> I = IntVector.SPECIES_512;
    private static final VectorSpecies<Float> F = FloatVector.SPECIES_512;
    private static final ShortVector NIBBLES = Q4_0.gather(1, 1), SCALES = Q4_0.gather(0, 0);
    /** The codes plus 127, four times: what stands above a nibble in its byte does not matter. */
    static final ByteVector TABLE = Codes.bytes(i -> CODES[i % 16] + CodeInts.ZERO);

    IQ4_NL(MemorySegment data, int rows, int cols) {
        super(data, rows, cols, GgmlType.IQ4_NL, CODES, false);
    }

    @Override
    Ints ints(Activations x) {
        return Codes.USABLE ? x.codes(CodeInts.Order.BLOCKS_OF_32) : null;
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
     * Eight blocks an iteration, gathered as in {@link Q4_0}, then 64 codes looked up in one operation, and two products in one
     * multiplication ({@link CodeInts}): 45 operations on whole vectors for 144 bytes. Zen 4, one thread: 33 cycles for 256 weights in rows of
     * 1024 in the L2 cache, 34.5 with the halves in a loop, and 44 with a multiplication for every 16 weights; as floats 7 GB/s.
     */
    private void one(MemorySegment x, long start, int rowA, int rowB, int count, float[] sums) {
        MemorySegment data = this.data.asSlice(0);
        x = x.asSlice(0);
        ShortVector nibbles = NIBBLES, scales = SCALES, eights = ShortVector.broadcast(S, 8);
        ByteVector codes = TABLE;
        for (int i = 0; i < count; i++) {
            long s = start, p = (rowA + i) * rowBytes, q = (rowB + i) * rowBytes, end = p + cols / 256 * 144L;
            FloatVector a = FloatVector.zero(F), b = FloatVector.zero(F);
            while (p != end) {
                IntVector n, m, x0, x1, x2, t, u;
                ByteVector c, e;
                n = nibbles.selectFrom(ShortVector.fromMemorySegment(S, data, p, LITTLE_ENDIAN),
                        ShortVector.fromMemorySegment(S, data, p + 72, LITTLE_ENDIAN)).reinterpretAsInts();
                m = nibbles.selectFrom(ShortVector.fromMemorySegment(S, data, q, LITTLE_ENDIAN),
                        ShortVector.fromMemorySegment(S, data, q + 72, LITTLE_ENDIAN)).reinterpretAsInts();
                c = n.reinterpretAsBytes().selectFrom(codes);
                e = m.reinterpretAsBytes().selectFrom(codes);
                x0 = IntVector.fromMemorySegment(I, x, s, LITTLE_ENDIAN);
                x1 = IntVector.fromMemorySegment(I, x, s + 64, LITTLE_ENDIAN);
                x2 = IntVector.fromMemorySegment(I, x, s + 128, LITTLE_ENDIAN);
                t = c.reinterpretAsInts().mul(x0)
                        .add(c.reinterpretAsShorts().lanewise(LSHR, eights).reinterpretAsInts().mul(x1)).add(x2).lanewise(ASHR, 16);
                u = e.reinterpretAsInts().mul(x0)
                        .add(e.reinterpretAsShorts().lanewise(LSHR, eights).reinterpretAsInts().mul(x1)).add(x2).lanewise(ASHR, 16);
                c = n.lanewise(LSHR, 4).reinterpretAsBytes().selectFrom(codes);
                e = m.lanewise(LSHR, 4).reinterpretAsBytes().selectFrom(codes);
                x0 = IntVector.fromMemorySegment(I, x, s + 192, LITTLE_ENDIAN);
                x1 = IntVector.fromMemorySegment(I, x, s + 256, LITTLE_ENDIAN);
                x2 = IntVector.fromMemorySegment(I, x, s + 320, LITTLE_ENDIAN);
                t = c.reinterpretAsInts().mul(x0)
                        .add(c.reinterpretAsShorts().lanewise(LSHR, eights).reinterpretAsInts().mul(x1)).add(x2).lanewise(ASHR, 16).add(t);
                u = e.reinterpretAsInts().mul(x0)
                        .add(e.reinterpretAsShorts().lanewise(LSHR, eights).reinterpretAsInts().mul(x1)).add(x2).lanewise(ASHR, 16).add(u);
                n = nibbles.selectFrom(ShortVector.fromMemorySegment(S, data, p + 8, LITTLE_ENDIAN),
                        ShortVector.fromMemorySegment(S, data, p + 80, LITTLE_ENDIAN)).reinterpretAsInts();
                m = nibbles.selectFrom(ShortVector.fromMemorySegment(S, data, q + 8, LITTLE_ENDIAN),
                        ShortVector.fromMemorySegment(S, data, q + 80, LITTLE_ENDIAN)).reinterpretAsInts();
                c = n.reinterpretAsBytes().selectFrom(codes);
                e = m.reinterpretAsBytes().selectFrom(codes);
                x0 = IntVector.fromMemorySegment(I, x, s + 384, LITTLE_ENDIAN);
                x1 = IntVector.fromMemorySegment(I, x, s + 448, LITTLE_ENDIAN);
                x2 = IntVector.fromMemorySegment(I, x, s + 512, LITTLE_ENDIAN);
                t = c.reinterpretAsInts().mul(x0)
                        .add(c.reinterpretAsShorts().lanewise(LSHR, eights).reinterpretAsInts().mul(x1)).add(x2).lanewise(ASHR, 16).add(t);
                u = e.reinterpretAsInts().mul(x0)
                        .add(e.reinterpretAsShorts().lanewise(LSHR, eights).reinterpretAsInts().mul(x1)).add(x2).lanewise(ASHR, 16).add(u);
                c = n.lanewise(LSHR, 4).reinterpretAsBytes().selectFrom(codes);
                e = m.lanewise(LSHR, 4).reinterpretAsBytes().selectFrom(codes);
                x0 = IntVector.fromMemorySegment(I, x, s + 576, LITTLE_ENDIAN);
                x1 = IntVector.fromMemorySegment(I, x, s + 640, LITTLE_ENDIAN);
                x2 = IntVector.fromMemorySegment(I, x, s + 704, LITTLE_ENDIAN);
                t = c.reinterpretAsInts().mul(x0)
                        .add(c.reinterpretAsShorts().lanewise(LSHR, eights).reinterpretAsInts().mul(x1)).add(x2).lanewise(ASHR, 16).add(t);
                u = e.reinterpretAsInts().mul(x0)
                        .add(e.reinterpretAsShorts().lanewise(LSHR, eights).reinterpretAsInts().mul(x1)).add(x2).lanewise(ASHR, 16).add(u);
                FloatVector dx = FloatVector.fromMemorySegment(F, x, s + CodeInts.SCALES, LITTLE_ENDIAN);
                FloatVector d = scales.selectFrom(ShortVector.fromMemorySegment(S, data, p, LITTLE_ENDIAN),
                        ShortVector.fromMemorySegment(S, data, p + 72, LITTLE_ENDIAN))
                                .reinterpretAsInts().lanewise(ASHR, 3).and(0x8FFFE000).reinterpretAsFloats();
                FloatVector f = scales.selectFrom(ShortVector.fromMemorySegment(S, data, q, LITTLE_ENDIAN),
                        ShortVector.fromMemorySegment(S, data, q + 72, LITTLE_ENDIAN))
                                .reinterpretAsInts().lanewise(ASHR, 3).and(0x8FFFE000).reinterpretAsFloats();
                a = ((FloatVector) t.convert(I2F, 0)).fma(d.mul(dx), a);
                b = ((FloatVector) u.convert(I2F, 0)).fma(f.mul(dx), b);
                s += CodeInts.BYTES;
                p += 144;
                q += 144;
            }
            a.intoArray(sums, 16 * i);
            b.intoArray(sums, 16 * (PAIRS + i));
        }
    }

    /** Four tokens: as in {@link Q4_0}, what is looked up is multiplied with the factors of all four before the next. 31 cycles a token. */
    private void four(MemorySegment x, long s, long next, int rowA, int rowB, int count, float[] sums) {
        MemorySegment data = this.data.asSlice(0);
        x = x.asSlice(0);
        ShortVector nibbles = NIBBLES, scales = SCALES, eights = ShortVector.broadcast(S, 8);
        ByteVector codes = TABLE;
        for (int i = 0; i < count; i++) {
            long p = (rowA + i) * rowBytes, q = (rowB + i) * rowBytes, end = p + cols / 256 * 144L;
            long s0 = s, s1 = s0 + next, s2 = s1 + next, s3 = s2 + next;
            FloatVector a0 = FloatVector.zero(F), b0 = FloatVector.zero(F);
            FloatVector a1 = FloatVector.zero(F), b1 = FloatVector.zero(F);
            FloatVector a2 = FloatVector.zero(F), b2 = FloatVector.zero(F);
            FloatVector a3 = FloatVector.zero(F), b3 = FloatVector.zero(F);
            while (p != end) {
                IntVector t0 = IntVector.zero(I), u0 = IntVector.zero(I);
                IntVector t1 = IntVector.zero(I), u1 = IntVector.zero(I);
                IntVector t2 = IntVector.zero(I), u2 = IntVector.zero(I);
                IntVector t3 = IntVector.zero(I), u3 = IntVector.zero(I);
                long k = 0;
                for (long h = 0; h != 16; h += 8) {
                    IntVector n = nibbles.selectFrom(ShortVector.fromMemorySegment(S, data, p + h, LITTLE_ENDIAN),
                            ShortVector.fromMemorySegment(S, data, p + 72 + h, LITTLE_ENDIAN)).reinterpretAsInts();
                    IntVector m = nibbles.selectFrom(ShortVector.fromMemorySegment(S, data, q + h, LITTLE_ENDIAN),
                            ShortVector.fromMemorySegment(S, data, q + 72 + h, LITTLE_ENDIAN)).reinterpretAsInts();
                    for (int high = 0; high < 8; high += 4, k += CodeInts.SUM) {
                        IntVector c = n.lanewise(LSHR, high).reinterpretAsBytes().selectFrom(codes).reinterpretAsInts();
                        IntVector e = m.lanewise(LSHR, high).reinterpretAsBytes().selectFrom(codes).reinterpretAsInts();
                        IntVector v = c.reinterpretAsShorts().lanewise(LSHR, eights).reinterpretAsInts();
                        IntVector w = e.reinterpretAsShorts().lanewise(LSHR, eights).reinterpretAsInts();
                        IntVector x0, x1, x2;
                        x0 = IntVector.fromMemorySegment(I, x, s0 + k, LITTLE_ENDIAN);
                        x1 = IntVector.fromMemorySegment(I, x, s0 + k + 64, LITTLE_ENDIAN);
                        x2 = IntVector.fromMemorySegment(I, x, s0 + k + 128, LITTLE_ENDIAN);
                        t0 = c.mul(x0).add(v.mul(x1)).add(x2).lanewise(ASHR, 16).add(t0);
                        u0 = e.mul(x0).add(w.mul(x1)).add(x2).lanewise(ASHR, 16).add(u0);
                        x0 = IntVector.fromMemorySegment(I, x, s1 + k, LITTLE_ENDIAN);
                        x1 = IntVector.fromMemorySegment(I, x, s1 + k + 64, LITTLE_ENDIAN);
                        x2 = IntVector.fromMemorySegment(I, x, s1 + k + 128, LITTLE_ENDIAN);
                        t1 = c.mul(x0).add(v.mul(x1)).add(x2).lanewise(ASHR, 16).add(t1);
                        u1 = e.mul(x0).add(w.mul(x1)).add(x2).lanewise(ASHR, 16).add(u1);
                        x0 = IntVector.fromMemorySegment(I, x, s2 + k, LITTLE_ENDIAN);
                        x1 = IntVector.fromMemorySegment(I, x, s2 + k + 64, LITTLE_ENDIAN);
                        x2 = IntVector.fromMemorySegment(I, x, s2 + k + 128, LITTLE_ENDIAN);
                        t2 = c.mul(x0).add(v.mul(x1)).add(x2).lanewise(ASHR, 16).add(t2);
                        u2 = e.mul(x0).add(w.mul(x1)).add(x2).lanewise(ASHR, 16).add(u2);
                        x0 = IntVector.fromMemorySegment(I, x, s3 + k, LITTLE_ENDIAN);
                        x1 = IntVector.fromMemorySegment(I, x, s3 + k + 64, LITTLE_ENDIAN);
                        x2 = IntVector.fromMemorySegment(I, x, s3 + k + 128, LITTLE_ENDIAN);
                        t3 = c.mul(x0).add(v.mul(x1)).add(x2).lanewise(ASHR, 16).add(t3);
                        u3 = e.mul(x0).add(w.mul(x1)).add(x2).lanewise(ASHR, 16).add(u3);
                    }
                }
                FloatVector d = scales.selectFrom(ShortVector.fromMemorySegment(S, data, p, LITTLE_ENDIAN),
                        ShortVector.fromMemorySegment(S, data, p + 72, LITTLE_ENDIAN))
                                .reinterpretAsInts().lanewise(ASHR, 3).and(0x8FFFE000).reinterpretAsFloats();
                FloatVector f = scales.selectFrom(ShortVector.fromMemorySegment(S, data, q, LITTLE_ENDIAN),
                        ShortVector.fromMemorySegment(S, data, q + 72, LITTLE_ENDIAN))
                                .reinterpretAsInts().lanewise(ASHR, 3).and(0x8FFFE000).reinterpretAsFloats();
                FloatVector dx = FloatVector.fromMemorySegment(F, x, s0 + CodeInts.SCALES, LITTLE_ENDIAN);
                a0 = ((FloatVector) t0.convert(I2F, 0)).fma(d.mul(dx), a0);
                b0 = ((FloatVector) u0.convert(I2F, 0)).fma(f.mul(dx), b0);
                s0 += CodeInts.BYTES;
                dx = FloatVector.fromMemorySegment(F, x, s1 + CodeInts.SCALES, LITTLE_ENDIAN);
                a1 = ((FloatVector) t1.convert(I2F, 0)).fma(d.mul(dx), a1);
                b1 = ((FloatVector) u1.convert(I2F, 0)).fma(f.mul(dx), b1);
                s1 += CodeInts.BYTES;
                dx = FloatVector.fromMemorySegment(F, x, s2 + CodeInts.SCALES, LITTLE_ENDIAN);
                a2 = ((FloatVector) t2.convert(I2F, 0)).fma(d.mul(dx), a2);
                b2 = ((FloatVector) u2.convert(I2F, 0)).fma(f.mul(dx), b2);
                s2 += CodeInts.BYTES;
                dx = FloatVector.fromMemorySegment(F, x, s3 + CodeInts.SCALES, LITTLE_ENDIAN);
                a3 = ((FloatVector) t3.convert(I2F, 0)).fma(d.mul(dx), a3);
                b3 = ((FloatVector) u3.convert(I2F, 0)).fma(f.mul(dx), b3);
                s3 += CodeInts.BYTES;
                p += 144;
                q += 144;
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
