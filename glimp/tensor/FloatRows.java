package glimp.tensor;

import glimp.gguf.GgmlType;
import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorSpecies;

/**
 * What the formats share whose weights are turned into floats in registers and multiplied with one, two or four tokens there and
 * then: F16, BF16, Q8_0.
 *
 * <p>What a row and a token make is the same in every kernel, so that a token gets the same bits alone and in a batch: one vector of
 * sums, or two, to which the columns are added a vector at a time; then its lanes, as {@link Lanes#sum} does; then the columns that fill no
 * vector, one by one. Two rows by one token are two chains of additions, each of which waits four cycles for the last, and still
 * faster than memory is; two rows by four tokens are eight, enough for one a cycle.
 *
 * <p>A kernel takes as many pairs of rows a call as a vector has lanes: their sums are whole vectors then, and calls and sums of lanes for
 * each pair would take as long as the multiplications where rows are short. (Zen 4, one thread, F16 of 768 x 256 times four tokens, GFLOP/s
 * with 1, 2, 4, 8 pairs a call: 46, 73, 81, 84.)
 */
abstract class FloatRows extends Matrix {
    private static final VectorSpecies<Float> F = FloatVector.SPECIES_PREFERRED;
    private static final int L = F.length();
    /** Most pairs of rows that are multiplied in one call. */
    static final int PAIRS = L;
    /** Most tokens. */
    private static final int GROUP = 4;
    /** Floats from the sums of one row of the pairs to those of the other, and half of those from one token's to the next one's. */
    static final int NEXT = PAIRS * L;

    FloatRows(MemorySegment data, int rows, int cols, GgmlType type) {
        super(data, rows, cols, type);
    }

    /** The tokens as the kernels read them. */
    Lines lines(Activations x) {
        return x.lines();
    }

    /** What the kernels' sums are to be multiplied by, a power of two. */
    float unit() {
        return 1;
    }

    /*
     * The kernels multiply pairs of rows, rowA + i and rowB + i, with a token, or with those that begin at s of x and are next bytes apart, over all
     * columns that fill a vector. They leave the vector of sums of pair i and token t at sums[2 t NEXT + i L] for row A and NEXT further
     * for row B.
     */

    abstract void one(Activations x, int token, int rowA, int rowB, int count, float[] sums);

    abstract void two(MemorySegment x, long s, long next, int rowA, int rowB, int count, float[] sums);

    /** {@link #PAIRS} pairs. @param tokens 3 or 4: where one is missing the last comes again */
    abstract void four(MemorySegment x, long s, long next, int tokens, int rowA, int rowB, float[] sums);

    /** Adds the columns from {@code from} on one by one. */
    float rest(int row, float[] values, int xAt, int from, float sum) {
        return sum;
    }

    @Override
    final void place(Activations x) {
        lines(x).make();
    }

    @Override
    final void dot(Activations x, int from, int to, float[] y, boolean add, float[] sums) {
        int half = (to - from) / 2;
        for (int row = from; row < from + half; row += PAIRS) {
            pairs(x, row, row + half, Math.min(PAIRS, from + half - row), y, add, sums);
        }
        if (from + 2 * half < to) {
            pairs(x, to - 1, to - 1, 1, y, add, sums);
        }
    }

    /** All tokens meet the rows while they are in the L1 cache, or the L2. */
    private void pairs(Activations x, int rowA, int rowB, int count, float[] y, boolean add, float[] sums) {
        MemorySegment lines = lines(x).data();
        long next = lines(x).tokenBytes();
        int most = count == PAIRS ? GROUP : 2;
        for (int t = 0, n; t < x.tokens; t += n) {
            n = Math.min(most, x.tokens - t);
            switch (n) {
                case 1 -> one(x, t, rowA, rowB, count, sums);
                case 2 -> two(lines, t * next, next, rowA, rowB, count, sums);
                default -> four(lines, t * next, next, n, rowA, rowB, sums);
            }
            for (int i = 0; i < n; i++) {
                put(x, t + i, rowA, count, sums, 2 * i * NEXT, y, add);
                if (rowB != rowA) {
                    put(x, t + i, rowB, count, sums, (2 * i + 1) * NEXT, y, add);
                }
            }
        }
    }

    /** From vectors of sums to the results of {@code count} rows and a token. */
    private void put(Activations x, int token, int row, int count, float[] sums, int at, float[] y, boolean add) {
        int to = token * rows + row, done = cols / L * L;
        Lanes.sums(sums, at, sums, at);
        FloatVector sum = FloatVector.fromArray(F, sums, at).mul(unit());
        if (count == PAIRS && done == cols) {
            (add ? FloatVector.fromArray(F, y, to).add(sum) : sum).intoArray(y, to);
            return;
        }
        sum.intoArray(sums, at);
        for (int i = 0; i < count; i++) {
            sums[at + i] = rest(row + i, x.values, token * cols, done, sums[at + i]);
        }
        put(sums, at, count, y, to, add);
    }
}
