package glimp.tensor;

import static jdk.incubator.vector.VectorOperators.LSHL;
import static jdk.incubator.vector.VectorOperators.LSHR;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.stream.IntStream;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorSpecies;

/**
 * Some rows of weights of four to six bits times a batch, as integers ({@link ShortGemm}): they are unpacked once for all tokens,
 * two rows at a time, beside their scales.
 *
 * <p>That is little work beside making floats of them (Zen 4, 48 rows of 1024: 3 us for nibbles, floats 17 to 32), so that small
 * batches gain most. GFLOP/s of 3072 x 1024 with 16, 64 and 512 tokens, and as floats: Q4_0 118, 145, 150 (39, 76, 105); Q5_0 100,
 * 132, 145 (80, 100, 105); Q6_K 88, 120, 129 (70, 95, 104). What a format adds to all weights of a block goes to the sums of
 * activations, a product of floats with a 32nd of the columns.
 */
final class ShortTile {
    private static final VectorSpecies<Integer> I = IntVector.SPECIES_PREFERRED;
    private static final int L = I.length();
    /**
     * Most rows: whole tiles of either kernel. With 12 to 192 the speed is the same: with 1024 columns 96 kB, beside the 135 kB of a
     * panel in a core's L2.
     */
    static final int ROWS = 8 * Gemm.ROWS;
    private static final int[] PLACES = IntStream.range(0, 32).toArray();
    private static final int BLOCK = ShortGemm.BLOCK, PANEL = ShortGemm.PANEL, SCALES = ShortGemm.SCALES;

    private final int[] weights = new int[ROWS / 2 * ShortGemm.STRIDE];
    private final float[] scales = new float[ROWS * SCALES], offsets = new float[ROWS * SCALES];
    private final int[] sums = new int[ShortGemm.SCRATCH];

    /**
     * {@code c[panel][ROWS][PANEL] += m[row ..] . x}, the rows in {@link #pairs}; those of a micro-tile that are not asked for are
     * whatever was there.
     *
     * @param m a matrix whose format is {@link SmallInts} @param rows at most {@link #ROWS}
     */
    void multiply(Matrix m, int row, int rows, ShortPanels x, float[] c) {
        SmallInts w = (SmallInts) m;
        int pairs = pairs(rows);
        for (int k = 0; k < m.cols; k += ShortGemm.DEPTH) {
            int end = Math.min(k + ShortGemm.DEPTH, m.cols);
            for (int i = 0; i < pairs; i++) {
                int a = row + i, b = Math.min(a + pairs, m.rows - 1);
                integers(w, a, b, k, end, i);
                scales(w, a, k, end, 2 * i);
                scales(w, b, k, end, 2 * i + 1);
            }
            for (int panel = 0; panel < x.count(); panel++) {
                panel(x, panel, k / BLOCK, (end - k) / BLOCK, rows, w.parts(), w.offset(), c);
            }
        }
    }

    /*
     * Methods of their own, which are called more often than what calls them and so are compiled before it, to more than would be inlined
     * there: together the formats' bodies were more than the compiler inlines, and where it stops amid them vectors go through the heap. (Q4_K_M
     * after batches of 4: 92 instead of 180 tokens/s with 16 in 5 of 7 processes; in 1 of 5 with these.)
     */

    private void integers(SmallInts w, int rowA, int rowB, int from, int to, int pair) {
        w.integers(rowA, rowB, from, to, weights, pair * ShortGemm.STRIDE);
    }

    private void scales(SmallInts w, int row, int from, int to, int at) {
        w.scales(row, from, to, scales, offsets, at * SCALES);
    }

    /**
     * Pairs of so many rows: i has rows {@code i} and {@code pairs + i}, which {@code c} holds one behind the other. So both are
     * unpacked along two streams out of memory, while rows side by side look like one (see {@link Matrix#dot}). (Zen 4, 16 tokens, matrices
     * of 131072 x 1024, cycles for 256 weights: Q4_K 325 and 295, Q6_K 395 and 350, Q4_0 302 and 280.)
     */
    static int pairs(int rows) {
        return (rows + 1) / 2;
    }

    private void panel(ShortPanels x, int panel, int block, int blocks, int rows, int parts, boolean offset, float[] c) {
        int lanes = x.lanes(panel), at = x.start(panel, block), scale = x.scale(panel, block);
        for (int r = 0; r < rows; r += ShortGemm.ROWS) {
            ShortGemm.tile(weights, r / 2 * ShortGemm.STRIDE, scales, r * SCALES, x.packed, at, x.scales, scale, lanes, blocks, parts,
                    c, (panel * ROWS + r) * PANEL, sums);
        }
        for (int r = 0; offset && r < rows; r += Gemm.ROWS) {
            Gemm.tile(offsets, r * SCALES, SCALES, x.sums, scale, lanes, blocks, lanes, c, (panel * ROWS + r) * PANEL, PANEL);
        }
    }

    /*
     * Bits of two rows, from p and from q, to the halves of lanes. The vectors of each pass stay where they are made, or go through
     * methods of Lanes: in a helper of their own they take six times as long, and so do bits of several kinds in one method.
     */

    /**
     * Nibbles of {@code count} times 16 bytes, {@code step} apart, less {@code zero}: the lower ones of the first go to
     * {@code out[at ..]}, the upper ones to {@code out[at + upper ..]}, those of the next {@code outStep} further.
     */
    static void nibbles(MemorySegment data, long p, long q, long step, int count, int zero, int[] out, int at, int outStep, int upper) {
        for (int end = at + count * outStep; at < end; at += outStep, p += step, q += step) {
            for (int i = 0; i < 16; i += L) {
                IntVector v = Lanes.pair(data, p + i, q + i);
                Lanes.less(v.and(0x000F000F), zero).intoArray(out, at + i);
                Lanes.less(v.lanewise(LSHR, 4).and(0x000F000F), zero).intoArray(out, at + upper + i);
            }
        }
    }

    /** Adds what is above the nibbles, {@code bits} a weight, from 32 bytes: bits k of byte j go to {@code out[at + 32 k + j]}. */
    static void upper(MemorySegment data, long p, long q, int bits, int[] out, int at) {
        int mask = ((1 << bits) - 1) * 0x00100010;
        for (int end = at + 32; at < end; at += L, p += L, q += L) {
            IntVector v = Lanes.pair(data, p, q).lanewise(LSHL, 4);
            for (int i = at, shift = 0; shift < 8; i += 32, shift += bits) {
                Lanes.plus(IntVector.fromArray(I, out, i), v.lanewise(LSHR, shift).and(mask)).intoArray(out, i);
            }
        }
    }

    /** Likewise a fifth bit, from {@code count} ints, {@code step} bytes apart: bit i goes to {@code out[at + i]}. */
    static void fifths(MemorySegment data, long p, long q, long step, int count, int[] out, int at) {
        for (int end = at + 32 * count; at < end; at += 32, p += step, q += step) {
            int a = data.get(ValueLayout.JAVA_INT_UNALIGNED, p), b = data.get(ValueLayout.JAVA_INT_UNALIGNED, q);
            for (int i = 0; i < 32; i += L) {
                IntVector shifts = IntVector.fromArray(I, PLACES, i);
                IntVector v = IntVector.broadcast(I, a).lanewise(LSHR, shifts).and(1).lanewise(LSHL, 4)
                        .or(IntVector.broadcast(I, b).lanewise(LSHR, shifts).and(1).lanewise(LSHL, 20));
                Lanes.plus(IntVector.fromArray(I, out, at + i), v).intoArray(out, at + i);
            }
        }
    }
}
