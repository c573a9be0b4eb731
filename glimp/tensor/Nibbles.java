package glimp.tensor;

/**
 * What a format offers whose large batches are multiplied as integers ({@link ShortTile}): values {@code d q + m} with nibbles q, and
 * d and m for every 32 columns.
 */
interface Nibbles {
    /**
     * {@code out[at + i] = q[rowA][from + i] | q[rowB][from + i] << 16}.
     *
     * @param from first column, a multiple of the format's block @param to end, likewise
     */
    void nibbles(int rowA, int rowB, int from, int to, int[] out, int at);

    /**
     * Of a row's blocks of 32, {@code scales[at + i] = d} and, with an {@link #offset}, {@code offsets[at + i] = m + 8 d}; there is
     * room for eight more.
     */
    void scales(int row, int from, int to, float[] scales, float[] offsets, int at);

    /** Whether any m is not -8 d. */
    boolean offset();
}
