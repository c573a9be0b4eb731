package glimp.tensor;

import static jdk.incubator.vector.VectorOperators.I2F;
import static jdk.incubator.vector.VectorOperators.LSHL;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.ShortVector;
import jdk.incubator.vector.VectorSpecies;

/**
 * The micro-kernel of large products with weights of four to six bits: twelve rows, or eight, times up to two vectors of tokens, as
 * integers.
 *
 * <p>A lane of 16 bits is half as wide as a float: 32 products are one multiplication and one addition, for which a core has
 * four pipes, where as floats they are two FMAs on two of them. Zen 4: 167 GFLOP/s, {@link Gemm} 112. Two rows share a lane of
 * 32 bits, and a token stands in both of its halves: so one broadcast, which from an int costs a load and no more, serves 32
 * products, and a vector is as many tokens as one of floats. Six pairs by two vectors: 4 x 4 is as fast, 6 x 4 has too many registers (147), and so has a loop unrolled by two (156). AVX2 has half of the
 * registers: four pairs there (149; five or six 97 to 118).
 *
 * <p>No sum overflows: {@link ShortPanels} makes numbers whose sizes are together at most 1023 in 16 columns, so that 32 products with
 * weights -16 .. 16, or 16 with weights -32 .. 32, are at most 32736. After every block of 32 columns, or after each of its two
 * parts, the sums become floats and get their scales, which takes a sixth of the time, or with parts a third (143 GFLOP/s). That is
 * a method of its own, which finds them in the L1 cache, since both in one are more than the first compiler takes. Strides are
 * constants, a part of the addresses: as variables they need more registers than there are (one vector of tokens: 141 GFLOP/s, not
 * 169).
 */
final class ShortGemm {
    private static final VectorSpecies<Float> F = FloatVector.SPECIES_PREFERRED;
    private static final VectorSpecies<Short> S = ShortVector.SPECIES_PREFERRED;
    private static final VectorSpecies<Integer> I = IntVector.SPECIES_PREFERRED;
    private static final int L = F.length();
    /** Rows of a micro-tile. */
    static final int ROWS = L == 8 ? 8 : 12;
    private static final int PAIRS = ROWS / 2;
    private static final boolean SIX = PAIRS == 6;
    /** Tokens of a panel. */
    static final int PANEL = 2 * L;
    /** Columns with a scale of their own, for activations; for weights these or half of them. */
    static final int BLOCK = 32;
    /** Most columns of a tile. */
    static final int DEPTH = 1024;
    /** From a pair of rows to the next; a multiple of 4 kB would map them onto the same sets of the L1 cache. */
    static final int STRIDE = DEPTH + 16;
    /** From a row's scales to the next one's; a format may write eight more than it has. */
    static final int SCALES = 2 * DEPTH / BLOCK + 9;
    /** Blocks whose sums are made before they become floats, and the sums of one or of half a one. */
    private static final int GROUP = 8, SUMS = PAIRS * PANEL;
    /** Ints of scratch. */
    static final int SCRATCH = 2 * GROUP * SUMS;

    private ShortGemm() {}

    /**
     * {@code c[ROWS][PANEL] += w[ROWS][blocks][32] x[blocks][32][lanes]}, every part of a block times its scales.
     *
     * @param w weights from {@code wAt}: {@code int[ROWS / 2][STRIDE]}, those of rows 2 i in the lower halves, of 2 i + 1 in the upper ones
     * @param d their scales from {@code dAt}: {@code float[ROWS][SCALES]}, {@code parts} for a block
     * @param x from {@code xAt}: {@code int[blocks][32][lanes]}, see {@link ShortPanels}
     * @param dx scales from {@code dxAt}: {@code float[blocks][lanes]}
     * @param lanes one vector of floats or two @param parts 1 or 2 @param sums {@code int[SCRATCH]}
     */
    static void tile(int[] w, int wAt, float[] d, int dAt, int[] x, int xAt, float[] dx, int dxAt, int lanes, int blocks, int parts,
            float[] c, int cAt, int[] sums) {
        for (int b = 0; b < blocks; b += GROUP) {
            int count = Math.min(GROUP, blocks - b), k = b * BLOCK;
            if (lanes == PANEL) {
                two(w, wAt + k, x, xAt + k * PANEL, parts * count, BLOCK / parts, sums);
            } else {
                one(w, wAt + k, x, xAt + k * L, parts * count, BLOCK / parts, sums);
            }
            for (int part = 0; part < parts; part++) {
                scale(sums, part * SUMS, d, dAt + b * parts + part, parts, dx, dxAt + b * lanes, lanes, count, c, cAt);
            }
        }
    }

    /** {@code sums[parts][6][PANEL] = w x}, each of so many columns. */
    private static void two(int[] w, int wAt, int[] x, int xAt, int parts, int columns, int[] sums) {
        for (int at = 0, last = parts * SUMS; at < last; at += SUMS) {
            ShortVector a0 = ShortVector.zero(S), b0 = a0, c0 = a0, d0 = a0, e0 = a0, f0 = a0;
            ShortVector a1 = a0, b1 = a0, c1 = a0, d1 = a0, e1 = a0, f1 = a0;
            for (int end = wAt + columns; wAt < end; wAt++, xAt += PANEL) {
                ShortVector x0 = IntVector.fromArray(I, x, xAt).reinterpretAsShorts();
                ShortVector x1 = IntVector.fromArray(I, x, xAt + L).reinterpretAsShorts();
                ShortVector v = IntVector.broadcast(I, w[wAt]).reinterpretAsShorts();
                a0 = x0.mul(v).add(a0); a1 = x1.mul(v).add(a1);
                v = IntVector.broadcast(I, w[wAt + STRIDE]).reinterpretAsShorts();
                b0 = x0.mul(v).add(b0); b1 = x1.mul(v).add(b1);
                v = IntVector.broadcast(I, w[wAt + 2 * STRIDE]).reinterpretAsShorts();
                c0 = x0.mul(v).add(c0); c1 = x1.mul(v).add(c1);
                v = IntVector.broadcast(I, w[wAt + 3 * STRIDE]).reinterpretAsShorts();
                d0 = x0.mul(v).add(d0); d1 = x1.mul(v).add(d1);
                if (SIX) {
                    v = IntVector.broadcast(I, w[wAt + 4 * STRIDE]).reinterpretAsShorts();
                    e0 = x0.mul(v).add(e0); e1 = x1.mul(v).add(e1);
                    v = IntVector.broadcast(I, w[wAt + 5 * STRIDE]).reinterpretAsShorts();
                    f0 = x0.mul(v).add(f0); f1 = x1.mul(v).add(f1);
                }
            }
            a0.reinterpretAsInts().intoArray(sums, at); a1.reinterpretAsInts().intoArray(sums, at + L);
            b0.reinterpretAsInts().intoArray(sums, at + 2 * L); b1.reinterpretAsInts().intoArray(sums, at + 3 * L);
            c0.reinterpretAsInts().intoArray(sums, at + 4 * L); c1.reinterpretAsInts().intoArray(sums, at + 5 * L);
            d0.reinterpretAsInts().intoArray(sums, at + 6 * L); d1.reinterpretAsInts().intoArray(sums, at + 7 * L);
            if (SIX) {
                e0.reinterpretAsInts().intoArray(sums, at + 8 * L); e1.reinterpretAsInts().intoArray(sums, at + 9 * L);
                f0.reinterpretAsInts().intoArray(sums, at + 10 * L); f1.reinterpretAsInts().intoArray(sums, at + 11 * L);
            }
        }
    }

    private static void one(int[] w, int wAt, int[] x, int xAt, int parts, int columns, int[] sums) {
        for (int at = 0, last = parts * SUMS; at < last; at += SUMS) {
            ShortVector a = ShortVector.zero(S), b = a, c = a, d = a, e = a, f = a;
            for (int end = wAt + columns; wAt < end; wAt++, xAt += L) {
                ShortVector v = IntVector.fromArray(I, x, xAt).reinterpretAsShorts();
                a = v.mul(IntVector.broadcast(I, w[wAt]).reinterpretAsShorts()).add(a);
                b = v.mul(IntVector.broadcast(I, w[wAt + STRIDE]).reinterpretAsShorts()).add(b);
                c = v.mul(IntVector.broadcast(I, w[wAt + 2 * STRIDE]).reinterpretAsShorts()).add(c);
                d = v.mul(IntVector.broadcast(I, w[wAt + 3 * STRIDE]).reinterpretAsShorts()).add(d);
                if (SIX) {
                    e = v.mul(IntVector.broadcast(I, w[wAt + 4 * STRIDE]).reinterpretAsShorts()).add(e);
                    f = v.mul(IntVector.broadcast(I, w[wAt + 5 * STRIDE]).reinterpretAsShorts()).add(f);
                }
            }
            a.reinterpretAsInts().intoArray(sums, at);
            b.reinterpretAsInts().intoArray(sums, at + PANEL);
            c.reinterpretAsInts().intoArray(sums, at + 2 * PANEL);
            d.reinterpretAsInts().intoArray(sums, at + 3 * PANEL);
            if (SIX) {
                e.reinterpretAsInts().intoArray(sums, at + 4 * PANEL);
                f.reinterpretAsInts().intoArray(sums, at + 5 * PANEL);
            }
        }
    }

    /**
     * {@code c[ROWS][PANEL] += sums[blocks][ROWS / 2][PANEL]} times the scales of rows and tokens, for the sums of one part of each
     * block. They stay in the upper halves of their lanes; the tokens' scales make up for that.
     */
    private static void scale(int[] sums, int from, float[] d, int dAt, int parts, float[] dx, int dxAt, int lanes, int blocks,
            float[] c, int cAt) {
        for (int pair = 0; pair < PAIRS; pair += 2, dAt += 4 * SCALES, cAt += 4 * PANEL) {
            for (int v = 0; v < lanes; v += L) {
                int y = dxAt + v, out = cAt + v, g = dAt;
                FloatVector a0 = FloatVector.fromArray(F, c, out), a1 = FloatVector.fromArray(F, c, out + PANEL);
                FloatVector b0 = FloatVector.fromArray(F, c, out + 2 * PANEL), b1 = FloatVector.fromArray(F, c, out + 3 * PANEL);
                int step = parts * SUMS;
                for (int at = from + pair * PANEL + v, end = at + blocks * step; at < end; at += step, y += lanes, g += parts) {
                    FloatVector x = FloatVector.fromArray(F, dx, y);
                    IntVector t = IntVector.fromArray(I, sums, at);
                    a0 = ((FloatVector) t.lanewise(LSHL, 16).convert(I2F, 0)).fma(x.mul(FloatVector.broadcast(F, d[g])), a0);
                    a1 = ((FloatVector) t.and(0xFFFF0000).convert(I2F, 0)).fma(x.mul(FloatVector.broadcast(F, d[g + SCALES])), a1);
                    t = IntVector.fromArray(I, sums, at + PANEL);
                    b0 = ((FloatVector) t.lanewise(LSHL, 16).convert(I2F, 0)).fma(x.mul(FloatVector.broadcast(F, d[g + 2 * SCALES])), b0);
                    b1 = ((FloatVector) t.and(0xFFFF0000).convert(I2F, 0)).fma(x.mul(FloatVector.broadcast(F, d[g + 3 * SCALES])), b1);
                }
                a0.intoArray(c, out); a1.intoArray(c, out + PANEL);
                b0.intoArray(c, out + 2 * PANEL); b1.intoArray(c, out + 3 * PANEL);
            }
        }
    }
}
