package glimp.tensor;

import glimp.gguf.GgmlType;
import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;

/**
 * What the formats share whose weights are turned into floats in registers, two rows at a time, and multiplied with one, two
 * or four tokens there and then. The sums are those of {@link RowPair}.
 */
abstract class FloatRows extends Matrix {
    private static final int L = FloatVector.SPECIES_PREFERRED.length();
    /**
     * Pairs of rows that are multiplied in one call for one token, since a call and the sums of lanes for each pair take rows of
     * 256 half as long again. The sums of all are those of {@link Lanes#sums}.
     */
    private static final int PAIRS = 8;

    FloatRows(MemorySegment data, int rows, int cols, GgmlType type) {
        super(data, rows, cols, type);
    }

    /*
     * The kernels multiply rows with tokens that begin at xAt of the values, and leave two vectors of sums for each token, row A
     * and row B. They return the number of columns that they have done.
     */

    /** One token, and {@code count} pairs of rows, {@code rowA + i} and {@code rowB + i}: two vectors of sums for each pair. */
    abstract int one(float[] values, int xAt, int rowA, int rowB, int count, float[] sums);

    abstract int two(float[] values, int xAt, int rowA, int rowB, float[] sums);

    /** @param tokens 3 or 4: where one is missing the last comes again */
    abstract int four(float[] values, int xAt, int tokens, int rowA, int rowB, float[] sums);

    /** Adds the columns that a kernel has left, one by one. */
    float rest(int row, float[] values, int xAt, int from, float sum) {
        return sum;
    }

    /** One token: {@value #PAIRS} pairs of rows a call. */
    @Override
    final void dot(Activations x, int from, int to, float[] y, boolean add, float[] sums) {
        if (x.tokens > 1) {
            super.dot(x, from, to, y, add, sums);
            return;
        }
        int half = (to - from) / 2;
        for (int row = from; row < from + half; row += PAIRS) {
            pairs(x.values, row, row + half, Math.min(PAIRS, from + half - row), y, add, sums);
        }
        if (from + 2 * half < to) {
            pairs(x.values, to - 1, to - 1, 1, y, add, sums);
        }
    }

    private void pairs(float[] values, int rowA, int rowB, int count, float[] y, boolean add, float[] sums) {
        int done = one(values, 0, rowA, rowB, count, sums);
        for (int i = 0; i < 2 * PAIRS; i += L) {
            Lanes.sums(sums, i * L, sums, i);
        }
        for (int i = 0; i < count; i++) {
            float a = rest(rowA + i, values, 0, done, sums[2 * i]), b = rest(rowB + i, values, 0, done, sums[2 * i + 1]);
            y[rowA + i] = add ? y[rowA + i] + a : a;
            if (rowB != rowA) {
                y[rowB + i] = add ? y[rowB + i] + b : b;
            }
        }
    }

    @Override
    final void pair(Activations x, int rowA, int rowB, float[] y, boolean add, float[] sums) {
        for (int t = 0, n; t < x.tokens; t += n) {
            n = Math.min(RowPair.GROUP, x.tokens - t);
            int at = t * cols;
            int done = switch (n) {
                case 1 -> one(x.values, at, rowA, rowB, 1, sums);
                case 2 -> two(x.values, at, rowA, rowB, sums);
                default -> four(x.values, at, n, rowA, rowB, sums);
            };
            RowPair.reduce(sums, n);
            for (int i = 0; i < n; i++, at += cols) {
                sums[2 * i] = rest(rowA, x.values, at, done, sums[2 * i]);
                sums[2 * i + 1] = rest(rowB, x.values, at, done, sums[2 * i + 1]);
            }
            RowPair.put(sums, n, y, t * rows, rowA, rowB, rows, add);
        }
    }
}
