package glimp.tensor;

import static java.nio.ByteOrder.LITTLE_ENDIAN;
import static jdk.incubator.vector.VectorOperators.ASHR;
import static jdk.incubator.vector.VectorOperators.BITWISE_BLEND;
import static jdk.incubator.vector.VectorOperators.LSHL;
import static jdk.incubator.vector.VectorOperators.LSHR;

import glimp.gguf.GgmlType;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import jdk.incubator.vector.ByteVector;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.ShortVector;

/**
 * Blocks of 256: 128 bytes of nibbles, 64 bytes of bit pairs that go on top of them, a signed byte s for every 16 values,
 * and a half float d: values {@code d s (q - 32)}. Each half of a block has 64 bytes of nibbles, 32 values in each quarter
 * (lower nibbles of the first 32 bytes, of the second, then the upper ones), and 32 bytes whose four pairs go to the four.
 */
final class Q6_K extends Blocks256 {
    private static final int BLOCK_BYTES = GgmlType.Q6_K.bytes;
    private static final int PAIRS = 128, SCALES = 192, D = 208;
    /** The two weights of a lane. */
    private static final int PAIR = 0x003F003F;
    private static final int[] LANES = lanes(Ints256.Order.SIXES, 16);
    private static final int[] TWICE = {
            0, 1, 2, 3, 4, 5, 6, 7, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 8, 9, 10, 11, 12, 13, 14, 15
    };
    private static final int[] SECOND = {0, 0, 0, 0, 0, 0, 0, 0, 2, 2, 2, 2, 2, 2, 2, 2};
    private static final int[] LEFT = {4, 4, 4, 4, 4, 4, 4, 4, 2, 2, 2, 2, 2, 2, 2, 2};

    Q6_K(MemorySegment data, int rows, int cols) {
        super(data, rows, cols, GgmlType.Q6_K, Ints256.Order.SIXES);
    }

    @Override
    public void decode(int row, int from, int to, float[] out, int at) {
        long p = row * rowBytes + from / 256L * BLOCK_BYTES;
        for (int i = from; i < to; i += 256, p += BLOCK_BYTES, at += 256) {
            float d = Blocks256.half(data, p + D);
            for (int k = 0; k < 256; k += 128) {
                for (int j = 0; j < 32; j += L) {
                    long s = p + SCALES + k / 16 + j / 16;
                    IntVector a = Blocks256.bytes(data, p + k / 2 + j), b = Blocks256.bytes(data, p + k / 2 + 32 + j);
                    IntVector h = Blocks256.bytes(data, p + PAIRS + k / 4 + j);
                    IntVector q0 = a.and(15).or(h.and(3).lanewise(LSHL, 4)).sub(32);
                    IntVector q1 = b.and(15).or(h.and(12).lanewise(LSHL, 2)).sub(32);
                    IntVector q2 = a.lanewise(LSHR, 4).or(h.and(48)).sub(32);
                    IntVector q3 = b.lanewise(LSHR, 4).or(h.and(192).lanewise(LSHR, 2)).sub(32);
                    ((FloatVector) q0.castShape(F, 0)).mul(d * data.get(ValueLayout.JAVA_BYTE, s)).intoArray(out, at + k + j);
                    ((FloatVector) q1.castShape(F, 0)).mul(d * data.get(ValueLayout.JAVA_BYTE, s + 2)).intoArray(out, at + k + 32 + j);
                    ((FloatVector) q2.castShape(F, 0)).mul(d * data.get(ValueLayout.JAVA_BYTE, s + 4)).intoArray(out, at + k + 64 + j);
                    ((FloatVector) q3.castShape(F, 0)).mul(d * data.get(ValueLayout.JAVA_BYTE, s + 6)).intoArray(out, at + k + 96 + j);
                }
            }
        }
    }

    @Override
    void scales(int row, float[] w, int at, int offsets) {
        long p = row * rowBytes;
        for (int block = 0; block < cols / 256; block++, p += BLOCK_BYTES, at += 64, offsets += 16) {
            float d = Blocks256.half(data, p + D);
            for (int k = 0; k < 16; k += L) {
                IntVector s = Blocks256.bytes(data, p + SCALES + k).lanewise(LSHL, 24).lanewise(ASHR, 24);
                ((FloatVector) s.castShape(F, 0)).mul(d).intoArray(w, offsets + k);
            }
            spread(w, offsets, LANES, at);
        }
    }

    @Override
    void pairs(int row, float[] w, int at) {
        long p = row * rowBytes;
        for (int block = 0; block < cols / 256; block++, p += BLOCK_BYTES) {
            for (int k = 0; k < 2; k++, at += 64) {
                for (int j = 0; j < 16; j += L) {
                    IntVector v = ByteVector.fromMemorySegment(BYTES, data, p + 64 * k + 4 * j, LITTLE_ENDIAN).reinterpretAsInts();
                    IntVector h = upper(data, p + PAIRS, k, j);
                    IntVector low = v.and(0x0F0F0F0F).or(h.lanewise(LSHL, 4).and(0x30303030));
                    IntVector high = v.lanewise(LSHR, 4).and(0x0F0F0F0F).or(h.and(0x30303030));
                    low.and(PAIR).reinterpretAsFloats().intoArray(w, at + j);
                    low.lanewise(LSHR, 8).and(PAIR).reinterpretAsFloats().intoArray(w, at + 16 + j);
                    high.and(PAIR).reinterpretAsFloats().intoArray(w, at + 32 + j);
                    high.lanewise(LSHR, 8).and(PAIR).reinterpretAsFloats().intoArray(w, at + 48 + j);
                }
            }
        }
    }

    /**
     * The upper bits for half k of a block, from lane j on: the second eight of 16 lanes have theirs 2 bits higher in the
     * same bytes. 64 bytes are loaded from the first on, since from the second 32 they would reach beyond the block.
     */
    private static IntVector upper(MemorySegment data, long at, int k, int j) {
        if (L == 16) {
            IntVector h = ByteVector.fromMemorySegment(BYTES, data, at, LITTLE_ENDIAN).reinterpretAsInts();
            return IntVector.fromArray(I, TWICE, 16 * k).selectFrom(h).lanewise(LSHR, IntVector.fromArray(I, SECOND, 0));
        }
        return ByteVector.fromMemorySegment(BYTES, data, at + 32 * k + 4 * (j % 8), LITTLE_ENDIAN).reinterpretAsInts()
                .lanewise(LSHR, j / 8 * 2);
    }

    @Override
    boolean fused() {
        return L >= 8;
    }

    @Override
    void eight(Ints256 ints, int token, long p, int count, float[] sums, int at) {
        Lanes8.q6(data, ints.data(), token * ints.tokenBytes(), p, rowBytes, count, sums, at);
    }

    /**
     * A half of a block is one vector of nibbles; its 32 bytes of bit pairs are brought into both halves of a vector and
     * shifted by lane to where the pairs of that part go, and merged with the nibbles in one operation. What lies above them
     * is masked when a lane is split into its two pairs of weights. The 32 that is subtracted from every weight goes through
     * the sums of the activations. 57 operations on whole vectors for 210 bytes. Zen 4: 17 GB/s from memory with rows of
     * 1024, 21 to 34 from the L2 cache with long rows; in vectors of 256 bits, with scales unpacked beforehand, 9.3.
     */
    @Override
    void one(Ints256 ints, long p, long q, int pairs, float[] sums) {
        MemorySegment data = this.data, x = ints.data();
        IntVector lanes = IntVector.fromArray(I, LANES, 0), first = IntVector.fromArray(I, TWICE, 0), second = IntVector.fromArray(I, TWICE, 16);
        IntVector left = IntVector.fromArray(I, LEFT, 0), right = IntVector.fromArray(I, SECOND, 0);
        for (int pair = 0; pair < pairs; pair++) {
            FloatVector a0 = FloatVector.zero(F), b0 = a0, c0 = a0, d0 = a0;
            long end = p + rowBytes, s = 0;
            while (p != end) {
                IntVector v, h, c;
                IntVector x0 = IntVector.fromMemorySegment(I, x, s, LITTLE_ENDIAN);
                IntVector x1 = IntVector.fromMemorySegment(I, x, s + 64, LITTLE_ENDIAN);
                IntVector x2 = IntVector.fromMemorySegment(I, x, s + 128, LITTLE_ENDIAN);
                IntVector x3 = IntVector.fromMemorySegment(I, x, s + 192, LITTLE_ENDIAN);
                IntVector x4 = IntVector.fromMemorySegment(I, x, s + 256, LITTLE_ENDIAN);
                IntVector x5 = IntVector.fromMemorySegment(I, x, s + 320, LITTLE_ENDIAN);
                IntVector x6 = IntVector.fromMemorySegment(I, x, s + 384, LITTLE_ENDIAN);
                IntVector x7 = IntVector.fromMemorySegment(I, x, s + 448, LITTLE_ENDIAN);
                FloatVector xs = FloatVector.fromMemorySegment(F, x, s + Ints256.SUMS, LITTLE_ENDIAN);
                FloatVector dx = FloatVector.fromMemorySegment(F, x, s + Ints256.SCALE, LITTLE_ENDIAN);
                {
                    float d = Float.float16ToFloat(ShortVector
                            .fromMemorySegment(ShortVector.SPECIES_128, data, p + D - 14, LITTLE_ENDIAN).lane(7));
                    FloatVector f = ((FloatVector) ByteVector
                            .fromMemorySegment(ByteVector.SPECIES_128, data, p + SCALES, LITTLE_ENDIAN).castShape(F, 0)).mul(d);
                    c0 = f.fma(xs, c0);
                    IntVector scales = f.reinterpretAsInts();
                    IntVector upper = ByteVector.fromMemorySegment(BYTES, data, p + PAIRS, LITTLE_ENDIAN).reinterpretAsInts();
                    v = ByteVector.fromMemorySegment(BYTES, data, p, LITTLE_ENDIAN).reinterpretAsInts();
                    h = first.selectFrom(upper);
                    c = v.lanewise(BITWISE_BLEND, h.lanewise(LSHL, left), 0xF0F0F0F0);
                    c = c.and(PAIR).mul(x0).add(c.lanewise(LSHR, 8).and(PAIR).mul(x1));
                    FloatVector s0 = ((FloatVector) c.castShape(F, 0)).mul(lanes.selectFrom(scales).reinterpretAsFloats());
                    c = v.lanewise(LSHR, 4).lanewise(BITWISE_BLEND, h.lanewise(LSHR, right), 0xF0F0F0F0);
                    c = c.and(PAIR).mul(x2).add(c.lanewise(LSHR, 8).and(PAIR).mul(x3));
                    FloatVector s1 = ((FloatVector) c.castShape(F, 0)).mul(lanes.add(4).selectFrom(scales).reinterpretAsFloats());
                    v = ByteVector.fromMemorySegment(BYTES, data, p + 64, LITTLE_ENDIAN).reinterpretAsInts();
                    h = second.selectFrom(upper);
                    c = v.lanewise(BITWISE_BLEND, h.lanewise(LSHL, left), 0xF0F0F0F0);
                    c = c.and(PAIR).mul(x4).add(c.lanewise(LSHR, 8).and(PAIR).mul(x5));
                    s0 = ((FloatVector) c.castShape(F, 0)).fma(lanes.add(8).selectFrom(scales).reinterpretAsFloats(), s0);
                    c = v.lanewise(LSHR, 4).lanewise(BITWISE_BLEND, h.lanewise(LSHR, right), 0xF0F0F0F0);
                    c = c.and(PAIR).mul(x6).add(c.lanewise(LSHR, 8).and(PAIR).mul(x7));
                    s1 = ((FloatVector) c.castShape(F, 0)).fma(lanes.add(12).selectFrom(scales).reinterpretAsFloats(), s1);
                    a0 = s0.add(s1).fma(dx, a0);
                }
                {
                    float d = Float.float16ToFloat(ShortVector
                            .fromMemorySegment(ShortVector.SPECIES_128, data, q + D - 14, LITTLE_ENDIAN).lane(7));
                    FloatVector f = ((FloatVector) ByteVector
                            .fromMemorySegment(ByteVector.SPECIES_128, data, q + SCALES, LITTLE_ENDIAN).castShape(F, 0)).mul(d);
                    d0 = f.fma(xs, d0);
                    IntVector scales = f.reinterpretAsInts();
                    IntVector upper = ByteVector.fromMemorySegment(BYTES, data, q + PAIRS, LITTLE_ENDIAN).reinterpretAsInts();
                    v = ByteVector.fromMemorySegment(BYTES, data, q, LITTLE_ENDIAN).reinterpretAsInts();
                    h = first.selectFrom(upper);
                    c = v.lanewise(BITWISE_BLEND, h.lanewise(LSHL, left), 0xF0F0F0F0);
                    c = c.and(PAIR).mul(x0).add(c.lanewise(LSHR, 8).and(PAIR).mul(x1));
                    FloatVector s0 = ((FloatVector) c.castShape(F, 0)).mul(lanes.selectFrom(scales).reinterpretAsFloats());
                    c = v.lanewise(LSHR, 4).lanewise(BITWISE_BLEND, h.lanewise(LSHR, right), 0xF0F0F0F0);
                    c = c.and(PAIR).mul(x2).add(c.lanewise(LSHR, 8).and(PAIR).mul(x3));
                    FloatVector s1 = ((FloatVector) c.castShape(F, 0)).mul(lanes.add(4).selectFrom(scales).reinterpretAsFloats());
                    v = ByteVector.fromMemorySegment(BYTES, data, q + 64, LITTLE_ENDIAN).reinterpretAsInts();
                    h = second.selectFrom(upper);
                    c = v.lanewise(BITWISE_BLEND, h.lanewise(LSHL, left), 0xF0F0F0F0);
                    c = c.and(PAIR).mul(x4).add(c.lanewise(LSHR, 8).and(PAIR).mul(x5));
                    s0 = ((FloatVector) c.castShape(F, 0)).fma(lanes.add(8).selectFrom(scales).reinterpretAsFloats(), s0);
                    c = v.lanewise(LSHR, 4).lanewise(BITWISE_BLEND, h.lanewise(LSHR, right), 0xF0F0F0F0);
                    c = c.and(PAIR).mul(x6).add(c.lanewise(LSHR, 8).and(PAIR).mul(x7));
                    s1 = ((FloatVector) c.castShape(F, 0)).fma(lanes.add(12).selectFrom(scales).reinterpretAsFloats(), s1);
                    b0 = s0.add(s1).fma(dx, b0);
                }
                s += Ints256.BLOCK;
                p += BLOCK_BYTES;
                q += BLOCK_BYTES;
            }
            a0.add(c0).intoArray(sums, 2 * pair * L);
            b0.add(d0).intoArray(sums, (2 * pair + 1) * L);
        }
    }
}
