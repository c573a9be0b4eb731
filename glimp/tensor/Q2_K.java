package glimp.tensor;

import static java.nio.ByteOrder.LITTLE_ENDIAN;
import static jdk.incubator.vector.VectorOperators.LSHR;

import glimp.gguf.GgmlType;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import jdk.incubator.vector.ByteVector;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;

/**
 * Blocks of 256: for every 16 values a byte with a scale s (lower nibble) and a minimum n (upper), then 64 bytes of bit
 * pairs q, then half floats d and m: values {@code d s q - m n}. Each half of a block has 32 bytes whose four pairs hold 32
 * values each.
 */
final class Q2_K extends Blocks256 {
    private static final int BLOCK_BYTES = GgmlType.Q2_K.bytes;
    private static final int PAIRS = 16, D = 80, M = 82;
    /**
     * The two weights of a lane, of the lower pair in a nibble and of the upper. The upper pairs stay where they are and count
     * four times, which their scales make good: {@code 4 x 12 x 256} is still less than 2^15, see {@link Dot256}.
     */
    private static final int EVEN = 0x00030003, ODD = 0x000C000C;
    private static final float[] QUARTERS = {1, 1, 0.25f, 0.25f, 1, 1, 0.25f, 0.25f, 1, 1, 0.25f, 0.25f, 1, 1, 0.25f, 0.25f};

    Q2_K(MemorySegment data, int rows, int cols) {
        super(data, rows, cols, GgmlType.Q2_K, Ints256.Order.BIT_PAIRS);
    }

    @Override
    public void decode(int row, int from, int to, float[] out, int at) {
        long p = row * rowBytes + from / 256L * BLOCK_BYTES;
        for (int i = from; i < to; i += 256, p += BLOCK_BYTES, at += 256) {
            float d = Blocks256.half(data, p + D), m = Blocks256.half(data, p + M);
            for (int k = 0; k < 256; k += 128) {
                for (int j = 0; j < 32; j += L) {
                    IntVector q = Blocks256.bytes(data, p + PAIRS + k / 4 + j);
                    for (int pair = 0; pair < 4; pair++, q = q.lanewise(LSHR, 2)) {
                        int s = data.get(ValueLayout.JAVA_BYTE, p + k / 16 + 2 * pair + j / 16);
                        ((FloatVector) q.and(3).castShape(F, 0)).mul(d * (s & 15)).sub(m * (s >>> 4 & 15)).intoArray(out, at + k + 32 * pair + j);
                    }
                }
            }
        }
    }

    @Override
    void scales(int row, float[] w, int at, int offsets) {
        long p = row * rowBytes;
        for (int block = 0; block < cols / 256; block++, p += BLOCK_BYTES, at += 64, offsets += 16) {
            float d = Blocks256.half(data, p + D), m = -Blocks256.half(data, p + M);
            for (int k = 0; k < 16; k += L) {
                ((FloatVector) Blocks256.bytes(data, p + k).and(15).castShape(F, 0)).mul(FloatVector.fromArray(F, QUARTERS, k).mul(d))
                        .intoArray(w, offsets + k);
            }
            spread(w, offsets, BIT_PAIR_LANES, at);
            for (int k = 0; k < 16; k += L) {
                ((FloatVector) Blocks256.bytes(data, p + k).lanewise(LSHR, 4).castShape(F, 0)).mul(m).intoArray(w, offsets + k);
            }
        }
    }

    @Override
    void pairs(int row, float[] w, int at) {
        long p = row * rowBytes + PAIRS;
        for (int block = 0; block < cols / 256; block++, p += BLOCK_BYTES, at += 128) {
            for (int j = 0; j < 16; j += L) {
                IntVector v = ByteVector.fromMemorySegment(BYTES, data, p + 4 * j, LITTLE_ENDIAN).reinterpretAsInts();
                for (int i = 0; i < 128; i += 64, v = v.lanewise(LSHR, 4)) {
                    v.and(EVEN).reinterpretAsFloats().intoArray(w, at + i + j);
                    v.lanewise(LSHR, 8).and(EVEN).reinterpretAsFloats().intoArray(w, at + i + 16 + j);
                    v.and(ODD).reinterpretAsFloats().intoArray(w, at + i + 32 + j);
                    v.lanewise(LSHR, 8).and(ODD).reinterpretAsFloats().intoArray(w, at + i + 48 + j);
                }
            }
        }
    }

    @Override
    boolean fused() {
        return L == 16;
    }

    /**
     * A block is one vector of bit pairs, loaded a second time from the byte after, which brings the odd bytes of a lane under
     * the same masks as the even ones. Pairs in the upper half of a nibble are multiplied where they are, so that one shift
     * serves four parts. 45 operations on whole vectors for 84 bytes: their number is what limits. Zen 4, one thread: 8.5
     * GB/s from memory and from the L2 cache; with both rows unpacked to scratch, 4.
     */
    @Override
    void one(Ints256 ints, long p, long q, int pairs, float[] sums) {
        MemorySegment data = this.data;
        int[] x = ints.array();
        IntVector lanes = IntVector.fromArray(I, BIT_PAIR_LANES, 0);
        FloatVector quarters = FloatVector.fromArray(F, QUARTERS, 0);
        for (int pair = 0; pair < pairs; pair++) {
            FloatVector a0 = FloatVector.zero(F), b0 = a0, c0 = a0, d0 = a0;
            long end = p + rowBytes;
            for (int s = 0; p != end; s += (int) Ints256.BLOCK / 4, p += BLOCK_BYTES, q += BLOCK_BYTES) {
                IntVector v, w, c;
                IntVector x0 = IntVector.fromArray(I, x, s);
                IntVector x1 = IntVector.fromArray(I, x, s + 16);
                IntVector x2 = IntVector.fromArray(I, x, s + 32);
                IntVector x3 = IntVector.fromArray(I, x, s + 48);
                IntVector x4 = IntVector.fromArray(I, x, s + 64);
                IntVector x5 = IntVector.fromArray(I, x, s + 80);
                IntVector x6 = IntVector.fromArray(I, x, s + 96);
                IntVector x7 = IntVector.fromArray(I, x, s + 112);
                FloatVector xs = IntVector.fromArray(I, x, s + (int) Ints256.SUMS / 4).reinterpretAsFloats();
                FloatVector dx = IntVector.fromArray(I, x, s + (int) Ints256.SCALE / 4).reinterpretAsFloats();
                {
                    int halves = IntVector.fromMemorySegment(IntVector.SPECIES_128, data, p + D - 12, LITTLE_ENDIAN).lane(3);
                    FloatVector d = quarters.mul(Float.float16ToFloat((short) halves));
                    float m = -Float.float16ToFloat((short) (halves >> 16));
                    IntVector n = (IntVector) ByteVector.fromMemorySegment(ByteVector.SPECIES_128, data, p, LITTLE_ENDIAN).castShape(I, 0);
                    IntVector scales = ((FloatVector) n.and(15).castShape(F, 0)).mul(d).reinterpretAsInts();
                    c0 = ((FloatVector) n.lanewise(LSHR, 4).and(15).castShape(F, 0)).mul(m).fma(xs, c0);
                    v = ByteVector.fromMemorySegment(BYTES, data, p + PAIRS, LITTLE_ENDIAN).reinterpretAsInts();
                    w = ByteVector.fromMemorySegment(BYTES, data, p + PAIRS + 1, LITTLE_ENDIAN).reinterpretAsInts();
                    c = v.and(EVEN).mul(x0).add(w.and(EVEN).mul(x1));
                    FloatVector s0 = ((FloatVector) c.castShape(F, 0)).mul(lanes.selectFrom(scales).reinterpretAsFloats());
                    c = v.and(ODD).mul(x2).add(w.and(ODD).mul(x3));
                    FloatVector s1 = ((FloatVector) c.castShape(F, 0)).mul(lanes.add(2).selectFrom(scales).reinterpretAsFloats());
                    v = v.lanewise(LSHR, 4);
                    w = w.lanewise(LSHR, 4);
                    c = v.and(EVEN).mul(x4).add(w.and(EVEN).mul(x5));
                    s0 = ((FloatVector) c.castShape(F, 0)).fma(lanes.add(4).selectFrom(scales).reinterpretAsFloats(), s0);
                    c = v.and(ODD).mul(x6).add(w.and(ODD).mul(x7));
                    s1 = ((FloatVector) c.castShape(F, 0)).fma(lanes.add(6).selectFrom(scales).reinterpretAsFloats(), s1);
                    a0 = s0.add(s1).fma(dx, a0);
                }
                {
                    int halves = IntVector.fromMemorySegment(IntVector.SPECIES_128, data, q + D - 12, LITTLE_ENDIAN).lane(3);
                    FloatVector d = quarters.mul(Float.float16ToFloat((short) halves));
                    float m = -Float.float16ToFloat((short) (halves >> 16));
                    IntVector n = (IntVector) ByteVector.fromMemorySegment(ByteVector.SPECIES_128, data, q, LITTLE_ENDIAN).castShape(I, 0);
                    IntVector scales = ((FloatVector) n.and(15).castShape(F, 0)).mul(d).reinterpretAsInts();
                    d0 = ((FloatVector) n.lanewise(LSHR, 4).and(15).castShape(F, 0)).mul(m).fma(xs, d0);
                    v = ByteVector.fromMemorySegment(BYTES, data, q + PAIRS, LITTLE_ENDIAN).reinterpretAsInts();
                    w = ByteVector.fromMemorySegment(BYTES, data, q + PAIRS + 1, LITTLE_ENDIAN).reinterpretAsInts();
                    c = v.and(EVEN).mul(x0).add(w.and(EVEN).mul(x1));
                    FloatVector s0 = ((FloatVector) c.castShape(F, 0)).mul(lanes.selectFrom(scales).reinterpretAsFloats());
                    c = v.and(ODD).mul(x2).add(w.and(ODD).mul(x3));
                    FloatVector s1 = ((FloatVector) c.castShape(F, 0)).mul(lanes.add(2).selectFrom(scales).reinterpretAsFloats());
                    v = v.lanewise(LSHR, 4);
                    w = w.lanewise(LSHR, 4);
                    c = v.and(EVEN).mul(x4).add(w.and(EVEN).mul(x5));
                    s0 = ((FloatVector) c.castShape(F, 0)).fma(lanes.add(4).selectFrom(scales).reinterpretAsFloats(), s0);
                    c = v.and(ODD).mul(x6).add(w.and(ODD).mul(x7));
                    s1 = ((FloatVector) c.castShape(F, 0)).fma(lanes.add(6).selectFrom(scales).reinterpretAsFloats(), s1);
                    b0 = s0.add(s1).fma(dx, b0);
                }
            }
            a0.add(c0).intoArray(sums, 2 * pair * L);
            b0.add(d0).intoArray(sums, (2 * pair + 1) * L);
        }
    }
}
