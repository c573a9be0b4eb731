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
    /** The codes plus 128, four times: what stands above a nibble in its byte does not matter. */
    private static final ByteVector TABLE = Codes.bytes(i -> CODES[i % 16] + 128);

    IQ4_NL(MemorySegment data, int rows, int cols) {
        super(data, rows, cols, GgmlType.IQ4_NL, CODES, false);
    }

    @Override
    Ints32.Layout layout() {
        return Codes.USABLE ? Ints32.Layout.WIDE_CODES : null;
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
     * Eight blocks an iteration, gathered as in {@link Q4_0}, then 64 codes looked up in one operation, each with 128 added so
     * that it has no sign. Products of codes of 8 bits leave no room in 16, so that whole lanes are multiplied: four views
     * of four bytes, twice as many multiplications, but sums without a second half to add, and activations that are nearly
     * exact. 62 operations on whole vectors for 144 bytes. Zen 4, one thread: 11.5-13 GB/s; as floats 7.
     */
    private void one(MemorySegment x, long start, int rowA, int rowB, int count, float[] sums) {
        MemorySegment data = this.data.asSlice(0);
        x = x.asSlice(0);
        ShortVector nibbles = NIBBLES, scales = SCALES;
        ByteVector codes = TABLE;
        for (int i = 0; i < count; i++) {
            long s = start, p = (rowA + i) * rowBytes, q = (rowB + i) * rowBytes;
            FloatVector a = FloatVector.zero(F), b = a;
            long end = p + cols / 256 * 144L;
            while (p != end) {
                IntVector ta = IntVector.zero(I), tb = ta;
                for (long h = 0; h != 16; h += 8) {
                    ByteVector n = nibbles.selectFrom(ShortVector.fromMemorySegment(S, data, p + h, LITTLE_ENDIAN),
                            ShortVector.fromMemorySegment(S, data, p + 72 + h, LITTLE_ENDIAN)).reinterpretAsBytes();
                    ByteVector m = nibbles.selectFrom(ShortVector.fromMemorySegment(S, data, q + h, LITTLE_ENDIAN),
                            ShortVector.fromMemorySegment(S, data, q + 72 + h, LITTLE_ENDIAN)).reinterpretAsBytes();
                    long z = s + 64 * h;
                    IntVector x0 = IntVector.fromMemorySegment(I, x, z, LITTLE_ENDIAN);
                    IntVector x1 = IntVector.fromMemorySegment(I, x, z + 64, LITTLE_ENDIAN);
                    IntVector x2 = IntVector.fromMemorySegment(I, x, z + 128, LITTLE_ENDIAN);
                    IntVector x3 = IntVector.fromMemorySegment(I, x, z + 192, LITTLE_ENDIAN);
                    IntVector v = n.selectFrom(codes).reinterpretAsInts(), w = m.selectFrom(codes).reinterpretAsInts();
                    ta = v.mul(x0).add(v.lanewise(LSHR, 8).mul(x1)).add(v.lanewise(LSHR, 16).mul(x2).add(v.lanewise(LSHR, 24).mul(x3))).add(ta);
                    tb = w.mul(x0).add(w.lanewise(LSHR, 8).mul(x1)).add(w.lanewise(LSHR, 16).mul(x2).add(w.lanewise(LSHR, 24).mul(x3))).add(tb);
                    x0 = IntVector.fromMemorySegment(I, x, z + 256, LITTLE_ENDIAN);
                    x1 = IntVector.fromMemorySegment(I, x, z + 320, LITTLE_ENDIAN);
                    x2 = IntVector.fromMemorySegment(I, x, z + 384, LITTLE_ENDIAN);
                    x3 = IntVector.fromMemorySegment(I, x, z + 448, LITTLE_ENDIAN);
                    v = n.reinterpretAsInts().lanewise(LSHR, 4).reinterpretAsBytes().selectFrom(codes).reinterpretAsInts();
                    w = m.reinterpretAsInts().lanewise(LSHR, 4).reinterpretAsBytes().selectFrom(codes).reinterpretAsInts();
                    ta = v.mul(x0).add(v.lanewise(LSHR, 8).mul(x1)).add(v.lanewise(LSHR, 16).mul(x2).add(v.lanewise(LSHR, 24).mul(x3))).add(ta);
                    tb = w.mul(x0).add(w.lanewise(LSHR, 8).mul(x1)).add(w.lanewise(LSHR, 16).mul(x2).add(w.lanewise(LSHR, 24).mul(x3))).add(tb);
                }
                IntVector centre = IntVector.fromMemorySegment(I, x, s + 1024, LITTLE_ENDIAN);
                FloatVector dx = FloatVector.fromMemorySegment(F, x, s + 1088, LITTLE_ENDIAN);
                FloatVector d = scales.selectFrom(ShortVector.fromMemorySegment(S, data, p, LITTLE_ENDIAN),
                        ShortVector.fromMemorySegment(S, data, p + 72, LITTLE_ENDIAN)).reinterpretAsInts().lanewise(ASHR, 3).and(0x8FFFE000).reinterpretAsFloats();
                FloatVector e = scales.selectFrom(ShortVector.fromMemorySegment(S, data, q, LITTLE_ENDIAN),
                        ShortVector.fromMemorySegment(S, data, q + 72, LITTLE_ENDIAN)).reinterpretAsInts().lanewise(ASHR, 3).and(0x8FFFE000).reinterpretAsFloats();
                a = ((FloatVector) centre.add(ta).convert(I2F, 0)).fma(d.mul(dx), a);
                b = ((FloatVector) centre.add(tb).convert(I2F, 0)).fma(e.mul(dx), b);
                s += 1152;
                p += 144;
                q += 144;
            }
            a.intoArray(sums, 16 * i);
            b.intoArray(sums, 16 * (PAIRS + i));
        }
    }

    /**
     * Four tokens, see {@link Q4_0}.
     */
    private void four(MemorySegment x, long s, long next, int rowA, int rowB, int count, float[] sums) {
        MemorySegment data = this.data.asSlice(0);
        x = x.asSlice(0);
        ShortVector nibbles = NIBBLES, scales = SCALES;
        ByteVector codes = TABLE;
        for (int i = 0; i < count; i++) {
            long p = (rowA + i) * rowBytes, q = (rowB + i) * rowBytes, end = p + cols / 256 * 144L;
            long s0 = s, s1 = s0 + next, s2 = s1 + next, s3 = s2 + next;
            FloatVector a0 = FloatVector.zero(F), b0 = FloatVector.zero(F);
            FloatVector a1 = FloatVector.zero(F), b1 = FloatVector.zero(F);
            FloatVector a2 = FloatVector.zero(F), b2 = FloatVector.zero(F);
            FloatVector a3 = FloatVector.zero(F), b3 = FloatVector.zero(F);
            while (p != end) {
                IntVector t0 = IntVector.zero(I), u0 = t0;
                IntVector t1 = IntVector.zero(I), u1 = t1;
                IntVector t2 = IntVector.zero(I), u2 = t2;
                IntVector t3 = IntVector.zero(I), u3 = t3;
                for (long h = 0; h != 16; h += 8) {
                    ByteVector n = nibbles.selectFrom(ShortVector.fromMemorySegment(S, data, p + h, LITTLE_ENDIAN),
                            ShortVector.fromMemorySegment(S, data, p + 72 + h, LITTLE_ENDIAN)).reinterpretAsBytes();
                    ByteVector m = nibbles.selectFrom(ShortVector.fromMemorySegment(S, data, q + h, LITTLE_ENDIAN),
                            ShortVector.fromMemorySegment(S, data, q + 72 + h, LITTLE_ENDIAN)).reinterpretAsBytes();
                    long k = 64 * h;
                    for (int high = 0; high < 8; high += 4) {
                        IntVector c = n.reinterpretAsInts().lanewise(LSHR, high).reinterpretAsBytes().selectFrom(codes).reinterpretAsInts();
                        IntVector e = m.reinterpretAsInts().lanewise(LSHR, high).reinterpretAsBytes().selectFrom(codes).reinterpretAsInts();
                        for (int shift = 0; shift < 32; shift += 8, k += 64) {
                            IntVector v = c.lanewise(LSHR, shift), w = e.lanewise(LSHR, shift);
                            IntVector y = IntVector.fromMemorySegment(I, x, s0 + k, LITTLE_ENDIAN);
                            t0 = v.mul(y).add(t0);
                            u0 = w.mul(y).add(u0);
                            y = IntVector.fromMemorySegment(I, x, s1 + k, LITTLE_ENDIAN);
                            t1 = v.mul(y).add(t1);
                            u1 = w.mul(y).add(u1);
                            y = IntVector.fromMemorySegment(I, x, s2 + k, LITTLE_ENDIAN);
                            t2 = v.mul(y).add(t2);
                            u2 = w.mul(y).add(u2);
                            y = IntVector.fromMemorySegment(I, x, s3 + k, LITTLE_ENDIAN);
                            t3 = v.mul(y).add(t3);
                            u3 = w.mul(y).add(u3);
                        }
                    }
                }
                FloatVector d = scales.selectFrom(ShortVector.fromMemorySegment(S, data, p, LITTLE_ENDIAN),
                        ShortVector.fromMemorySegment(S, data, p + 72, LITTLE_ENDIAN)).reinterpretAsInts().lanewise(ASHR, 3).and(0x8FFFE000).reinterpretAsFloats();
                FloatVector f = scales.selectFrom(ShortVector.fromMemorySegment(S, data, q, LITTLE_ENDIAN),
                        ShortVector.fromMemorySegment(S, data, q + 72, LITTLE_ENDIAN)).reinterpretAsInts().lanewise(ASHR, 3).and(0x8FFFE000).reinterpretAsFloats();
                IntVector centre = IntVector.fromMemorySegment(I, x, s0 + 1024, LITTLE_ENDIAN);
                FloatVector dx = FloatVector.fromMemorySegment(F, x, s0 + 1088, LITTLE_ENDIAN);
                a0 = ((FloatVector) centre.add(t0).convert(I2F, 0)).fma(d.mul(dx), a0);
                b0 = ((FloatVector) centre.add(u0).convert(I2F, 0)).fma(f.mul(dx), b0);
                s0 += 1152;
                centre = IntVector.fromMemorySegment(I, x, s1 + 1024, LITTLE_ENDIAN);
                dx = FloatVector.fromMemorySegment(F, x, s1 + 1088, LITTLE_ENDIAN);
                a1 = ((FloatVector) centre.add(t1).convert(I2F, 0)).fma(d.mul(dx), a1);
                b1 = ((FloatVector) centre.add(u1).convert(I2F, 0)).fma(f.mul(dx), b1);
                s1 += 1152;
                centre = IntVector.fromMemorySegment(I, x, s2 + 1024, LITTLE_ENDIAN);
                dx = FloatVector.fromMemorySegment(F, x, s2 + 1088, LITTLE_ENDIAN);
                a2 = ((FloatVector) centre.add(t2).convert(I2F, 0)).fma(d.mul(dx), a2);
                b2 = ((FloatVector) centre.add(u2).convert(I2F, 0)).fma(f.mul(dx), b2);
                s2 += 1152;
                centre = IntVector.fromMemorySegment(I, x, s3 + 1024, LITTLE_ENDIAN);
                dx = FloatVector.fromMemorySegment(F, x, s3 + 1088, LITTLE_ENDIAN);
                a3 = ((FloatVector) centre.add(t3).convert(I2F, 0)).fma(d.mul(dx), a3);
                b3 = ((FloatVector) centre.add(u3).convert(I2F, 0)).fma(f.mul(dx), b3);
                s3 += 1152;
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
