package glimp.tensor;

import glimp.gguf.GgmlType;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import jdk.incubator.vector.ByteVector;

/** Blocks of 32: half floats d and m, 32 high bits and 32 nibbles, together five bits q, values d q + m. */
final class Q5_1 extends Block32 implements SmallInts {
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

    @Override
    void eight(MemorySegment x, long from, long p, int rows, float[] sums) {
        Lanes8.five(data, true, x, from, p, rowBytes, rows, sums);
    }
}
