package glimp.tensor;

import static java.nio.ByteOrder.LITTLE_ENDIAN;
import static jdk.incubator.vector.VectorOperators.ASHR;
import static jdk.incubator.vector.VectorOperators.I2F;
import static jdk.incubator.vector.VectorOperators.LSHL;
import static jdk.incubator.vector.VectorOperators.LSHR;

import glimp.gguf.GgmlType;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import jdk.incubator.vector.ByteVector;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.LongVector;

/** Blocks of 32: a half float d, 32 high bits and 32 nibbles, together five bits q, values d (q - 16). */
final class Q5_0 extends Block32 implements SmallInts {
    private static final long BYTES = GgmlType.Q5_0.bytes;
    private final Rows5 ints;

    Q5_0(MemorySegment data, int rows, int cols) {
        super(data, rows, cols, GgmlType.Q5_0);
        this.ints = Ints32.USABLE ? new Rows5(data, cols / 128, false) : null;
    }

    @Override
    public void decode(int row, int from, int to, float[] out, int at) {
        long q = block(row, from);
        for (int i = from; i < to; i += 32, q += blockBytes, at += 32) {
            ByteVector v = load(q + 6);
            int bits = data.get(ValueLayout.JAVA_INT_UNALIGNED, q + 2);
            float d = half(q);
            store(low(v).sub((byte) 16, without(bits)), d, out, at);
            store(high(v).sub((byte) 16, without(bits >>> 16)), d, out, at + 16);
        }
    }

    @Override
    public void integers(int rowA, int rowB, int from, int to, int[] out, int at) {
        long p = block(rowA, from), q = block(rowB, from);
        int blocks = (to - from) / 32;
        ShortTile.nibbles(data, p + 6, q + 6, blockBytes, blocks, 16, out, at, 32, 16);
        ShortTile.fifths(data, p + 2, q + 2, blockBytes, blocks, out, at);
    }

    @Override
    public void scales(int row, int from, int to, float[] scales, float[] offsets, int at) {
        long p = block(row, from);
        for (int i = from; i < to; i += 32, p += blockBytes, at++) {
            scales[at] = half(p);
        }
    }

    @Override
    int bits() {
        return 5;
    }

    @Override
    Ints32.Layout layout() {
        return Ints32.USABLE ? Ints32.Layout.NIBBLES_AND_BITS : null;
    }

    @Override
    int group(int tokens) {
        return tokens >= 2 ? 2 : 1;
    }

    @Override
    void multiply(int group, MemorySegment x, long s, long next, int rowA, int rowB, int count, float[] sums) {
        ints.multiply(group, x, s, next, rowA * rowBytes, rowB * rowBytes, rowBytes, count, sums);
    }

    /**
     * {@link Q4_0#eight} with the fifth bits. A lane has four of its lower and four of its upper nibbles, which a multiplication brings to
     * the top of four bytes. (70 cycles for 256 weights; 0.6B with two threads: 39 tokens/s, as floats 15.)
     */
    @Override
    void eight(MemorySegment x, long from, long p, int rows, float[] sums) {
        MemorySegment data = this.data.asSlice(0);
        x = x.asSlice(0);
        IntVector shifts = IntVector.fromArray(Lanes8.I, Lanes8.FIFTHS, 0);
        for (int row = 0; row < rows; row++) {
            FloatVector a = FloatVector.zero(Lanes8.F);
            for (long s = from, end = p + rowBytes; p != end; p += 2 * BYTES, s += Pairs64.BYTES) {
                IntVector v = ByteVector.fromMemorySegment(Lanes8.B, data, p + BYTES - 16, LITTLE_ENDIAN).reinterpretAsInts()
                        .blend(ByteVector.fromMemorySegment(Lanes8.B, data, p + 2 * BYTES - 32, LITTLE_ENDIAN).reinterpretAsInts(), Lanes8.UPPER);
                long h0 = LongVector.fromMemorySegment(LongVector.SPECIES_128, data, p, LITTLE_ENDIAN).lane(0);
                long h1 = LongVector.fromMemorySegment(LongVector.SPECIES_128, data, p + BYTES, LITTLE_ENDIAN).lane(0);
                IntVector head = IntVector.broadcast(Lanes8.I, (int) h0).blend((int) h1, Lanes8.UPPER);
                IntVector bits = IntVector.broadcast(Lanes8.I, (int) (h0 >>> 16)).blend((int) (h1 >>> 16), Lanes8.UPPER).lanewise(LSHR, shifts);
                IntVector low = v.and(0x0F0F0F0F).or(bits.and(15).mul(Lanes8.SPREAD).and(0x10101010));
                IntVector high = v.lanewise(LSHR, 4).and(0x0F0F0F0F).or(bits.lanewise(LSHR, 16).and(15).mul(Lanes8.SPREAD).and(0x10101010));
                IntVector c = low.mul(IntVector.fromMemorySegment(Lanes8.I, x, s, LITTLE_ENDIAN))
                        .add(low.lanewise(LSHR, 8).and(Lanes8.ODD_BYTES).mul(IntVector.fromMemorySegment(Lanes8.I, x, s + 32, LITTLE_ENDIAN)))
                        .add(high.mul(IntVector.fromMemorySegment(Lanes8.I, x, s + 64, LITTLE_ENDIAN)))
                        .add(high.lanewise(LSHR, 8).and(Lanes8.ODD_BYTES).mul(IntVector.fromMemorySegment(Lanes8.I, x, s + 96, LITTLE_ENDIAN)))
                        .add(IntVector.fromMemorySegment(Lanes8.I, x, s + Pairs64.CENTRES, LITTLE_ENDIAN)).and(0xFFFF0000);
                FloatVector d = head.lanewise(LSHL, 16).lanewise(ASHR, 3).and(0x8FFFE000).reinterpretAsFloats();
                a = ((FloatVector) c.convertShape(I2F, Lanes8.F, 0)).mul(d)
                        .fma(FloatVector.fromMemorySegment(Lanes8.F, x, s + Pairs64.SCALES, LITTLE_ENDIAN), a);
            }
            a.intoArray(sums, 8 * row);
        }
    }
}
