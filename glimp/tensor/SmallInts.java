package glimp.tensor;

/**
 * What a format offers whose large batches are multiplied as integers ({@link ShortTile}): values {@code d q + m} with whole
 * numbers q, and d and m for every 32 columns, or d for every 16.
 */
interface SmallInts {
    /**
     * {@code out[at + i] = q[rowA][from + i] & 0xFFFF | q[rowB][from + i] << 16}.
     *
     * @param from first column, a multiple of the format's block @param to end, likewise
     */
    void integers(int rowA, int rowB, int from, int to, int[] out, int at);

    /**
     * Of a row's blocks of 32, or of their {@link #parts}, {@code scales[at + i] = d} and, with an {@link #offset},
     * {@code offsets[at + i] = m}; there is room for eight more.
     */
    void scales(int row, int from, int to, float[] scales, float[] offsets, int at);

    /** How many d there are for 32 columns: 1, and q are -16 .. 16, or 2, and they are -32 .. 32. */
    default int parts() {
        return 1;
    }

    /** Whether there is an m; for one part only. */
    default boolean offset() {
        return false;
    }
}
