package glimp.tensor;

import glimp.gguf.GgmlType;
import glimp.gguf.GgufException;
import glimp.gguf.Tensor;
import java.lang.foreign.MemorySegment;

/**
 * The weights of one tensor, {@code [rows][cols]}, in place in the mapped file and in its format.
 *
 * <p>There is one subclass a format. It knows how to turn a row's blocks into floats ({@link #decode}) and how to multiply
 * rows with a few tokens ({@link #dot}); everything above asks {@link Products} and never sees the format. The block
 * layouts are those of the GGUF format's reference quantisations.
 *
 * <p>Kernels convert lanes by {@code convertShape}, with the conversion and the species named, not by {@code castShape}, which
 * looks the conversion up in a method that the compiler inlines or not by how often it ran: where it does not, all vectors
 * around go through the heap (Zen 4, Q4_K, one token: 35 cycles a block in one process, 270 in the next). And they call
 * operations on the vector just made, and give them the one that a loop carries: {@code v.mul(y).add(sum)}, not
 * {@code sum.add(v.mul(y))}. Of what a loop carries the compiler knows only that it is some vector, and which of their classes it
 * finds in what has run so far, where those of other sizes may have been (Zen 4, Q4_0, four tokens: 110 tokens/s or 2.5).
 *
 * <p>A kernel that reads two segments, weights and integers, begins with slices of both, {@code data.asSlice(0)}. Every load asks
 * whether its segment is still open and may be read by this thread. Of a segment made in the method itself the compiler knows the
 * answer, of two that come from elsewhere it asks anew each time (Zen 4, Q4_0, one token: 195 of the loop's 285 instructions were such
 * questions; 23 cycles a block without them, 37 to 52 with them).
 */
public abstract class Matrix {
    static {
        // As long as all segments lie outside the heap the compiler relies on it. The Vector API makes one of the others when it first
        // converts lanes, and every kernel compiled so far would be thrown away then.
        MemorySegment.ofArray(new byte[0]);
    }

    public final int rows;
    public final int cols;
    final GgmlType type;
    final MemorySegment data;
    /** Bytes from one row to the next. */
    final long rowBytes;

    Matrix(MemorySegment data, int rows, int cols, GgmlType type) {
        this.data = data;
        this.rows = rows;
        this.cols = cols;
        this.type = type;
        this.rowBytes = type.bytesFor(cols);
    }

    /**
     * The matrix of a tensor: its first dimension is the columns, all others together the rows.
     *
     * @throws GgufException if there is no kernel for its type, or more than 2^31 - 1 rows or columns
     */
    public static Matrix of(Tensor tensor) {
        long rows = 1;
        for (int i = 1; i < tensor.shape().length; i++) {
            rows *= tensor.shape()[i];
        }
        return of(tensor, tensor.data(), rows);
    }

    /** The matrices that lie one behind the other in a tensor of three dimensions (experts). */
    public static Matrix[] stack(Tensor tensor) {
        int count = Math.toIntExact(tensor.shape()[2]);
        long bytes = tensor.data().byteSize() / count;
        Matrix[] all = new Matrix[count];
        for (int i = 0; i < count; i++) {
            all[i] = of(tensor, tensor.data().asSlice(i * bytes, bytes), tensor.shape()[1]);
        }
        return all;
    }

    private static Matrix of(Tensor tensor, MemorySegment data, long rows) {
        if (rows > Integer.MAX_VALUE || tensor.shape()[0] > Integer.MAX_VALUE) {
            throw new GgufException("tensor " + tensor.name() + " has more than 2^31 rows or columns");
        }
        return Formats.matrix(tensor.type(), data, (int) rows, (int) tensor.shape()[0]);
    }

    /** The first bytes as rows of another length: numbers of no meaning, to try kernels on. @param cols whole blocks */
    public Matrix reshaped(int rows, int cols) {
        return Formats.matrix(type, data.asSlice(0, rows * type.bytesFor(cols)), rows, cols);
    }

    /** Such as {@code Q8_0}. */
    public String format() {
        return type.name();
    }

    /** Bytes of the weights: what one token reads. */
    public long bytes() {
        return rows * rowBytes;
    }

    /**
     * Decodes part of a row: {@code out[at + i] = row[from + i]}, exactly the values that the format defines.
     *
     * @param from first column, a multiple of the format's block @param to end, likewise or {@link #cols}
     */
    public abstract void decode(int row, int from, int to, float[] out, int at);

    /** Most tokens that {@link #dot} takes, at least {@link Products#SMALL}. */
    int most() {
        return Products.SMALL;
    }

    /** Puts the activations where {@link #dot} reads them, if not from their values; runs on one thread, before the region. */
    void place(Activations x) {}

    /**
     * Makes integers of the activations, if {@link #dot} reads such; runs on one thread, before the region. A kernel for
     * integers must multiply floats when this was not called since {@link Activations#changed}.
     */
    void prepare(Activations x) {}

    /**
     * Rows times a few tokens: {@code y[t * rows + r] (+)= row r . token t} for rows {@code [from, to)} and every token of
     * {@code x} (1 .. {@link #most}). A token's result is the same bits whatever stands beside it in the batch.
     *
     * <p>The rows are walked in pairs that lie half the share apart. Two far rows are two streams for the hardware's
     * prefetchers; adjacent ones look like one, and reading from memory is up to four times slower.
     *
     * @param add add to {@code y} instead of writing it
     * @param scratch {@code float[scratch(cols)]} of the calling worker
     */
    void dot(Activations x, int from, int to, float[] y, boolean add, float[] scratch) {
        int half = (to - from) / 2;
        for (int row = from; row < from + half; row++) {
            pair(x, row, row + half, y, add, scratch);
        }
        if (from + 2 * half < to) {
            pair(x, to - 1, to - 1, y, add, scratch);
        }
    }

    /**
     * Two rows times all tokens; a row without a partner comes as both.
     *
     * <p>Here for every format: the rows are decoded once, into the L1 cache, and multiplied with each token. A format that
     * has a faster way for one token must form the same sums there, see {@link RowPair}.
     */
    void pair(Activations x, int rowA, int rowB, float[] y, boolean add, float[] scratch) {
        int a = RowPair.SUMS, b = rowA == rowB ? a : a + rowSpace(cols);
        decode(rowA, 0, cols, scratch, a);
        if (b > a) {
            decode(rowB, 0, cols, scratch, b);
        }
        RowPair.multiply(scratch, a, b, x, rowA, rowB, y, rows, add);
    }

    /** Writes the sums of neighbouring rows, or adds them: {@code y[at + i] (+)= sums[from + i]}. */
    static void put(float[] sums, int from, int count, float[] y, int at, boolean add) {
        for (int i = 0; i < count; i++) {
            y[at + i] = add ? y[at + i] + sums[from + i] : sums[from + i];
        }
    }

    /** Floats of scratch that a worker needs: the sums of a group of tokens and two decoded rows. */
    static int scratch(int cols) {
        return Math.max(RowPair.SUMS, Block32.SUMS) + 2 * rowSpace(cols);
    }

    /** Not a multiple of 4 kB for the usual widths: the rows would share their sets of the L1 cache. */
    private static int rowSpace(int cols) {
        return cols + 16;
    }
}
