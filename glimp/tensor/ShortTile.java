package glimp.tensor;

import static java.nio.ByteOrder.LITTLE_ENDIAN;
import static jdk.incubator.vector.VectorOperators.LSHL;
import static jdk.incubator.vector.VectorOperators.LSHR;
import static jdk.incubator.vector.VectorOperators.ZERO_EXTEND_B2I;

import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.ByteVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorShape;
import jdk.incubator.vector.VectorSpecies;

/**
 * Some rows of weights of four bits times a batch, as integers ({@link ShortGemm}): their nibbles are unpacked once for all tokens,
 * two rows at a time, beside the scales of their blocks.
 *
 * <p>That is little work beside making floats of them (Zen 4, 48 rows of 1024: 3 us, floats 17 to 32), so that small batches gain
 * most: Q4_0 with 16 and 64 tokens reaches 121 and 147 GFLOP/s, as floats 39 and 76. What a format adds to all weights of a
 * block goes to the sums of activations, a product of floats with a 32nd of the columns.
 */
final class ShortTile {
    private static final VectorSpecies<Integer> I = IntVector.SPECIES_PREFERRED;
    /** As many bytes as a vector has ints; there is no vector of four bytes. */
    private static final VectorSpecies<Byte> B = VectorSpecies.of(byte.class, VectorShape.forBitSize(Math.max(64, 8 * I.length())));
    /** Most rows: whole tiles of either kernel. With 12 to 192 the speed is the same: with 1024 columns 96 kB, beside the 135 kB of a panel in a core's L2. */
    static final int ROWS = 8 * Gemm.ROWS;
    private static final int BLOCK = ShortGemm.BLOCK, PANEL = ShortGemm.PANEL, SCALES = ShortGemm.SCALES;

    private final int[] nibbles = new int[ROWS / 2 * ShortGemm.STRIDE];
    private final float[] scales = new float[ROWS * SCALES], offsets = new float[ROWS * SCALES];
    private final int[] sums = new int[ShortGemm.SCRATCH];

    /**
     * {@code c[panel][ROWS][PANEL] += m[row ..] . x}; rows of a micro-tile that are not asked for are whatever was there.
     *
     * @param m a matrix whose format is {@link Nibbles} @param rows at most {@link #ROWS}
     */
    void multiply(Matrix m, int row, int rows, ShortPanels x, float[] c) {
        Nibbles w = (Nibbles) m;
        for (int k = 0; k < m.cols; k += ShortGemm.DEPTH) {
            int end = Math.min(k + ShortGemm.DEPTH, m.cols);
            for (int r = 0; r < rows; r += 2) {
                w.nibbles(row + r, Math.min(row + r + 1, m.rows - 1), k, end, nibbles, r / 2 * ShortGemm.STRIDE);
            }
            for (int r = 0; r < rows; r++) {
                w.scales(row + r, k, end, scales, offsets, r * SCALES);
            }
            for (int panel = 0; panel < x.count(); panel++) {
                panel(x, panel, k / BLOCK, (end - k) / BLOCK, rows, w.offset(), c);
            }
        }
    }

    private void panel(ShortPanels x, int panel, int block, int blocks, int rows, boolean offset, float[] c) {
        int lanes = x.lanes(panel), at = x.start(panel, block), scale = x.scale(panel, block);
        for (int r = 0; r < rows; r += ShortGemm.ROWS) {
            ShortGemm.tile(nibbles, r / 2 * ShortGemm.STRIDE, scales, r * SCALES, x.packed, at, x.scales, scale, lanes, blocks,
                    c, (panel * ROWS + r) * PANEL, sums);
        }
        for (int r = 0; offset && r < rows; r += Gemm.ROWS) {
            Gemm.tile(offsets, r * SCALES, SCALES, x.sums, scale, lanes, blocks, lanes, c, (panel * ROWS + r) * PANEL, PANEL);
        }
    }

    /**
     * {@link Nibbles#nibbles} of {@code count} times 16 bytes of each row, from {@code p} and from {@code q}, {@code step} apart:
     * the lower nibbles of the first go to {@code out[at ..]}, the upper ones to {@code out[at + upper ..]}, those of the next
     * {@code outStep} further. With its vectors in a helper for one load it takes six times as long.
     */
    static void unpack(MemorySegment data, long p, long q, long step, int count, int[] out, int at, int outStep, int upper) {
        for (int end = at + count * outStep; at < end; at += outStep, p += step, q += step) {
            for (int i = 0; i < 16; i += B.length()) {
                ByteVector a = ByteVector.fromMemorySegment(B, data, p + i, LITTLE_ENDIAN);
                ByteVector b = ByteVector.fromMemorySegment(B, data, q + i, LITTLE_ENDIAN);
                IntVector v = a.convertShape(ZERO_EXTEND_B2I, I, 0).reinterpretAsInts()
                        .or(b.convertShape(ZERO_EXTEND_B2I, I, 0).reinterpretAsInts().lanewise(LSHL, 16));
                v.and(0x000F000F).intoArray(out, at + i);
                v.lanewise(LSHR, 4).and(0x000F000F).intoArray(out, at + upper + i);
                if (I.length() == 4) {
                    v = a.convertShape(ZERO_EXTEND_B2I, I, 1).reinterpretAsInts()
                            .or(b.convertShape(ZERO_EXTEND_B2I, I, 1).reinterpretAsInts().lanewise(LSHL, 16));
                    v.and(0x000F000F).intoArray(out, at + i + 4);
                    v.lanewise(LSHR, 4).and(0x000F000F).intoArray(out, at + upper + i + 4);
                }
            }
        }
    }
}
