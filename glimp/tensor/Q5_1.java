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

/** Blocks of 32: half floats d and m, 32 high bits and 32 nibbles, together five bits q, values d q + m. */
final class Q5_1 extends Block32 implements SmallInts {
    private static final long BYTES = GgmlType.Q5_1.bytes;
    private final Rows5 ints;

    Q5_1(MemorySegment data, int rows, int cols) {
        super(data, rows, cols, GgmlType.Q5_1);
        this.ints = Ints32.USABLE ? new Rows5(data, cols / 128, true) : null;
    }

    @Override
    public void decode(int row, int from, int to, float[] out, int at) {
        long q = block(row, from);
        for (int i = from; i < to; i += 32, q += blockBytes, at += 32) {
            ByteVector v = load(q + 8);
            int bits = data.get(ValueLayout.JAVA_INT_UNALIGNED, q + 4);
            float d = half(q), m = half(q + 2);
            store(low(v).add((byte) 16, with(bits)), d, m, out, at);
            store(high(v).add((byte) 16, with(bits >>> 16)), d, m, out, at + 16);
        }
    }

    @Override
    public void integers(int rowA, int rowB, int from, int to, int[] out, int at) {
        long p = block(rowA, from), q = block(rowB, from);
        int blocks = (to - from) / 32;
        ShortTile.nibbles(data, p + 8, q + 8, blockBytes, blocks, 16, out, at, 32, 16);
        ShortTile.fifths(data, p + 4, q + 4, blockBytes, blocks, out, at);
    }

    @Override
    public void scales(int row, int from, int to, float[] scales, float[] offsets, int at) {
        long p = block(row, from);
        for (int i = from; i < to; i += 32, p += blockBytes, at++) {
            scales[at] = half(p);
            offsets[at] = half(p + 2) + 16 * scales[at];
        }
    }

    @Override
    public boolean offset() {
        return true;
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

    /** {@link Q5_0#eight} with the minimum of {@link Q4_1#eight}. (81 cycles for 256 weights.) */
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
                IntVector bits = IntVector.broadcast(Lanes8.I, (int) (h0 >>> 32)).blend((int) (h1 >>> 32), Lanes8.UPPER).lanewise(LSHR, shifts);
                IntVector low = v.and(0x0F0F0F0F).or(bits.and(15).mul(Lanes8.SPREAD).and(0x10101010));
                IntVector high = v.lanewise(LSHR, 4).and(0x0F0F0F0F).or(bits.lanewise(LSHR, 16).and(15).mul(Lanes8.SPREAD).and(0x10101010));
                IntVector c = low.mul(IntVector.fromMemorySegment(Lanes8.I, x, s, LITTLE_ENDIAN))
                        .add(low.lanewise(LSHR, 8).and(Lanes8.ODD_BYTES).mul(IntVector.fromMemorySegment(Lanes8.I, x, s + 32, LITTLE_ENDIAN)))
                        .add(high.mul(IntVector.fromMemorySegment(Lanes8.I, x, s + 64, LITTLE_ENDIAN)))
                        .add(high.lanewise(LSHR, 8).and(Lanes8.ODD_BYTES).mul(IntVector.fromMemorySegment(Lanes8.I, x, s + 96, LITTLE_ENDIAN)))
                        .add(IntVector.fromMemorySegment(Lanes8.I, x, s + Pairs64.CENTRES, LITTLE_ENDIAN)).and(0xFFFF0000);
                FloatVector d = head.lanewise(LSHL, 16).lanewise(ASHR, 3).and(0x8FFFE000).reinterpretAsFloats();
                FloatVector m = head.lanewise(ASHR, 3).and(0x8FFFE000).reinterpretAsFloats();
                m = d.mul(16).add(m).mul(FloatVector.fromMemorySegment(Lanes8.F, x, s + Pairs64.SUMS, LITTLE_ENDIAN));
                a = ((FloatVector) c.convertShape(I2F, Lanes8.F, 0)).fma(d, m)
                        .fma(FloatVector.fromMemorySegment(Lanes8.F, x, s + Pairs64.SCALES, LITTLE_ENDIAN), a);
            }
            a.intoArray(sums, 8 * row);
        }
    }
}
