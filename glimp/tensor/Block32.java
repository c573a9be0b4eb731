package glimp.tensor;

import static jdk.incubator.vector.VectorOperators.B2F;
import static jdk.incubator.vector.VectorOperators.LSHR;

import glimp.gguf.GgmlType;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import jdk.incubator.vector.ByteVector;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorSpecies;

/**
 * What the formats with blocks of 32 weights in four bits and a little share: Q4_0, Q4_1, Q5_0, Q5_1, IQ4_NL, MXFP4.
 *
 * <p>A block has its scale first and its 16 bytes of nibbles last: weight i of the first half is the low nibble of byte i,
 * weight 16 + i its high nibble.
 */
abstract class Block32 extends Matrix {
    static final VectorSpecies<Float> F = FloatVector.SPECIES_PREFERRED;
    private static final int L = F.length();
    private static final VectorSpecies<Byte> B = ByteVector.SPECIES_128;

    /** Pairs of rows that are multiplied in one call of a kernel; their sums are a vector. */
    static final int PAIRS = 8;
    /** Rows of one call that come one behind the other, see {@link #inLine}. */
    private static final int ROWS = 16;
    /** Floats of vectors of sums, of at most two tokens. */
    static final int SUMS = 2 * ROWS * 16;

    final int blockBytes;

    Block32(MemorySegment data, int rows, int cols, GgmlType type) {
        super(data, rows, cols, type);
        this.blockBytes = type.bytes;
    }

    final long block(int row, int col) {
        return row * rowBytes + col / 32L * blockBytes;
    }

    final float half(long at) {
        return Float.float16ToFloat(data.get(ValueLayout.JAVA_SHORT_UNALIGNED, at));
    }

    final ByteVector load(long at) {
        return ByteVector.fromMemorySegment(B, data, at, ByteOrder.LITTLE_ENDIAN);
    }

    static ByteVector low(ByteVector nibbles) {
        return nibbles.and((byte) 15);
    }

    static ByteVector high(ByteVector nibbles) {
        return low(nibbles.reinterpretAsInts().lanewise(LSHR, 4).reinterpretAsBytes());
    }

    /** The lanes whose bit is set, of the lower 16. */
    static VectorMask<Byte> with(int bits) {
        return VectorMask.fromLong(B, bits & 0xFFFF);
    }

    /** The lanes whose bit is not set. */
    static VectorMask<Byte> without(int bits) {
        return with(~bits);
    }

    /** {@code out[at + i] = d * q[i]} for half a block. */
    static void store(ByteVector q, float d, float[] out, int at) {
        for (int part = 0; part < 16 / L; part++) {
            ((FloatVector) q.convertShape(B2F, F, part)).mul(d).intoArray(out, at + part * L);
        }
    }

    /** {@code out[at + i] = d * q[i] + m} for half a block; the product is exact, so that there is one rounding. */
    static void store(ByteVector q, float d, float m, float[] out, int at) {
        for (int part = 0; part < 16 / L; part++) {
            ((FloatVector) q.convertShape(B2F, F, part)).mul(d).add(m).intoArray(out, at + part * L);
        }
    }

    /** What the format's kernels for integers want; null when it has none and multiplies floats. */
    Ints32.Layout layout() {
        return null;
    }

    /** The integers that the kernels multiply with; null when there are none. */
    Ints ints(Activations x) {
        Ints32.Layout layout = layout();
        return layout == null ? null : x.ints32(layout);
    }

    /** How many of the tokens that are left a kernel multiplies at once: 4, 2 or 1. */
    int group(int tokens) {
        return tokens >= 4 ? 4 : 1;
    }

    /**
     * {@code count} pairs of rows, {@code rowA + i} and {@code rowB + i}, times {@code group} tokens, whose integers begin at
     * {@code s} of {@code x} and from there every {@code next} bytes; vectors of sums into
     * {@code float[group][2][PAIRS / group][16]}. A token's are the same bits in a group of any size.
     */
    void multiply(int group, MemorySegment x, long s, long next, int rowA, int rowB, int count, float[] sums) {
        throw new UnsupportedOperationException();
    }

    /**
     * Whether the kernel for two tokens takes the rows one behind the other: 16 in a call, since the sums of lanes and what else is
     * done once a call are a tenth of the time with four.
     */
    boolean inLine() {
        return false;
    }

    /**
     * For a format {@link #inLine}: {@code count} rows from {@code row} on times two tokens, as above; vectors of sums into
     * {@code float[2][ROWS][16]}.
     */
    void two(MemorySegment x, long s, long next, int row, int count, float[] sums) {
        throw new UnsupportedOperationException();
    }

    /** Bits of a weight, 4 or 5, if the format has a kernel for vectors of {@linkplain #eight eight lanes}; otherwise 0. */
    int bits() {
        return 0;
    }

    private boolean hasEight() {
        return L == 8 && bits() > 0 && cols % 64 == 0;
    }

    /**
     * Rows from p on times the token whose integers begin at {@code from} of x, in vectors of eight lanes: see {@link Lanes8.Kernel}.
     */
    void eight(MemorySegment x, long from, long p, int rows, float[] sums) {
        throw new UnsupportedOperationException();
    }

    @Override
    final void prepare(Activations x) {
        if (hasEight()) {
            x.pairs64(bits()).make();
        }
        Ints ints = ints(x);
        if (ints != null && cols >= ints.columns()) {
            ints.make();
        }
    }

    /**
     * With integers if they were made. {@value #PAIRS} pairs of rows a call: a model's shorter rows are four iterations of a
     * kernel, and a call and sums of lanes for each pair would cost a quarter of the time. Several tokens are multiplied
     * with those 16 rows before the next come out of memory.
     */
    @Override
    final void dot(Activations x, int from, int to, float[] y, boolean add, float[] scratch) {
        if (hasEight() && x.pairs64(bits()).ready) {
            Pairs64 pairs = x.pairs64(bits());
            Lanes8.dot(this, this::eight, pairs.data(), pairs.tokenBytes(), x.tokens, from, to, y, add, scratch);
            return;
        }
        Ints ints = ints(x);
        if (ints == null || !ints.ready()) {
            super.dot(x, from, to, y, add, scratch);
            return;
        }
        if (inLine() && x.tokens > 1) {
            for (int row = from; row < to; row += ROWS) {
                lines(x, row, Math.min(ROWS, to - row), y, add, scratch);
            }
            return;
        }
        int half = (to - from) / 2;
        for (int row = from; row < from + half; row += PAIRS) {
            pairs(x, row, row + half, Math.min(PAIRS, from + half - row), y, add, scratch);
        }
        if (from + 2 * half < to) {
            pairs(x, to - 1, to - 1, 1, y, add, scratch);
        }
    }

    private void lines(Activations x, int row, int rows, float[] y, boolean add, float[] sums) {
        int t = 0;
        for (; t + 2 <= x.tokens; t += 2) {
            two(x, t, row, rows, y, add, sums);
        }
        if (t < x.tokens) {
            pairs(x, t, 1, row, row + rows / 2, rows / 2, y, add, sums);
            if (rows % 2 == 1) {
                pairs(x, t, 1, row + rows - 1, row + rows - 1, 1, y, add, sums);
            }
        }
    }

    private void two(Activations x, int token, int row, int count, float[] y, boolean add, float[] sums) {
        Ints ints = ints(x);
        int done = cols / ints.columns() * ints.columns();
        two(ints.data(), ints.start(token), ints.start(1), row, count, sums);
        for (int t = token, at = 0; t < token + 2; t++, at += ROWS) {
            Lanes.sums(sums, 16 * at, sums, at);
            if (done < cols) {
                rest(x, t, done, row, count, sums, at);
            }
            put(sums, at, count, y, t * rows + row, add);
        }
    }

    private void pairs(Activations x, int rowA, int rowB, int pairs, float[] y, boolean add, float[] sums) {
        for (int t = 0, group; t < x.tokens; t += group) {
            group = group(x.tokens - t);
            int step = PAIRS / group;
            for (int i = 0; i < pairs; i += step) {
                pairs(x, t, group, rowA + i, rowB + i, Math.min(step, pairs - i), y, add, sums);
            }
        }
    }

    private void pairs(Activations x, int token, int group, int rowA, int rowB, int count, float[] y, boolean add, float[] sums) {
        Ints ints = ints(x);
        int done = cols / ints.columns() * ints.columns();
        multiply(group, ints.data(), ints.start(token), ints.start(1), rowA, rowB, count, sums);
        Lanes.sums(sums, 0, sums, 0);
        for (int t = token, a = 0, step = PAIRS / group; t < token + group; t++, a += 2 * step) {
            int b = a + step;
            if (done < cols) {
                rest(x, t, done, rowA, count, sums, a);
                rest(x, t, done, rowB, count, sums, b);
            }
            put(sums, a, count, y, t * rows + rowA, add);
            if (rowB != rowA) {
                put(sums, b, count, y, t * rows + rowB, add);
            }
        }
    }

    /** The columns beyond the last whole group are multiplied as floats. */
    private void rest(Activations x, int t, int done, int row, int count, float[] sums, int at) {
        for (int i = 0; i < count; i++) {
            decode(row + i, done, cols, sums, SUMS);
            sums[at + i] += Ops.dot(sums, SUMS, x.values, t * cols + done, cols - done);
        }
    }
}
