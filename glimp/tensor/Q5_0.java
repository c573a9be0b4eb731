package glimp.tensor;

import glimp.gguf.GgmlType;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import jdk.incubator.vector.ByteVector;

/** Blocks of 32: a half float d, 32 high bits and 32 nibbles, together five bits q, values d (q - 16). */
final class Q5_0 extends Block32 implements SmallInts {
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

    @Override
    void eight(MemorySegment x, long from, long p, int rows, float[] sums) {
        Lanes8.five(data, false, x, from, p, rowBytes, rows, sums);
    }
}
