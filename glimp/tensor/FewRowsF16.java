package glimp.tensor;

import static glimp.tensor.FewRows.BLOCK;
import static jdk.incubator.vector.VectorOperators.LSHL;
import static jdk.incubator.vector.VectorOperators.S2I;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.ShortVector;
import jdk.incubator.vector.VectorShape;
import jdk.incubator.vector.VectorSpecies;

/**
 * {@link FewRows} with a right side of half floats, turned into floats on the way: a second copy of the kernels, because
 * decoding into a buffer first costs as much as the multiplication.
 */
public final class FewRowsF16 {
    /**
     * The bits of a half are shifted into a float's place, which leaves numbers 2^-112 of what they should be (subnormals
     * included): the left side, or the result, is to be multiplied by this.
     */
    public static final float SCALE = 0x1p112f;
    private static final VectorSpecies<Float> F = FloatVector.SPECIES_PREFERRED;
    private static final VectorSpecies<Integer> I = IntVector.SPECIES_PREFERRED;
    private static final VectorSpecies<Short> S = VectorSpecies.of(short.class, VectorShape.forBitSize(I.vectorBitSize() / 2));
    private static final int L = F.length();

    private FewRowsF16() {}

    /** As {@link FewRows#multiply}, but {@code c += w x / SCALE}. */
    public static void multiply(int rows, float[] w, int wAt, int wRow, short[] x, int xAt, int xBlock, int depth, int blocks,
            float[] c, int cAt, int cRow) {
        for (int b = 0; b < blocks; b++, xAt += xBlock, cAt += BLOCK) {
            int r = 0;
            for (; L >= 8 && r + 4 <= rows; r += 4) {
                four(w, wAt + r * wRow, wRow, x, xAt, depth, c, cAt + r * cRow, cRow);
            }
            for (; r + 2 <= rows; r += 2) {
                two(w, wAt + r * wRow, wRow, x, xAt, depth, c, cAt + r * cRow, cRow);
            }
            if (r < rows) {
                one(w, wAt + r * wRow, x, xAt, depth, c, cAt + r * cRow);
            }
        }
    }

    private static void four(float[] w, int wAt, int wRow, short[] x, int at, int depth, float[] c, int cAt, int cRow) {
        int w1 = wAt + wRow, w2 = w1 + wRow, w3 = w2 + wRow;
        FloatVector a0 = FloatVector.zero(F), a1 = a0;
        FloatVector b0 = a0, b1 = a0;
        FloatVector d0 = a0, d1 = a0;
        FloatVector e0 = a0, e1 = a0;
        int k = 0;
        for (; k + 2 * L / BLOCK <= depth; k += 2 * L / BLOCK, at += 2 * L) {
            FloatVector x0 = half(x, at), x1 = half(x, at + L);
            a0 = x0.fma(FloatVector.broadcast(F, w[wAt + k]), a0);
            a1 = x1.fma(FloatVector.broadcast(F, w[wAt + k + L / BLOCK]), a1);
            b0 = x0.fma(FloatVector.broadcast(F, w[w1 + k]), b0);
            b1 = x1.fma(FloatVector.broadcast(F, w[w1 + k + L / BLOCK]), b1);
            d0 = x0.fma(FloatVector.broadcast(F, w[w2 + k]), d0);
            d1 = x1.fma(FloatVector.broadcast(F, w[w2 + k + L / BLOCK]), d1);
            e0 = x0.fma(FloatVector.broadcast(F, w[w3 + k]), e0);
            e1 = x1.fma(FloatVector.broadcast(F, w[w3 + k + L / BLOCK]), e1);
        }
        int c1 = cAt + cRow, c2 = c1 + cRow, c3 = c2 + cRow;
        if (L == BLOCK) {
            add(a0.add(a1), c, cAt);
            add(b0.add(b1), c, c1);
            add(d0.add(d1), c, c2);
            add(e0.add(e1), c, c3);
        } else {
            add(a0, c, cAt);
            add(a1, c, cAt + L);
            add(b0, c, c1);
            add(b1, c, c1 + L);
            add(d0, c, c2);
            add(d1, c, c2 + L);
            add(e0, c, c3);
            add(e1, c, c3 + L);
        }
        for (; k < depth; k++) {
            for (int j = 0; j < BLOCK; j += L, at += L) {
                FloatVector x0 = half(x, at);
                add(x0.mul(w[wAt + k]), c, cAt + j);
                add(x0.mul(w[w1 + k]), c, c1 + j);
                add(x0.mul(w[w2 + k]), c, c2 + j);
                add(x0.mul(w[w3 + k]), c, c3 + j);
            }
        }
    }

    private static void two(float[] w, int wAt, int wRow, short[] x, int at, int depth, float[] c, int cAt, int cRow) {
        int w1 = wAt + wRow;
        FloatVector a0 = FloatVector.zero(F), a1 = a0, a2 = a0, a3 = a0;
        FloatVector b0 = a0, b1 = a0, b2 = a0, b3 = a0;
        int k = 0;
        for (; k + 4 * L / BLOCK <= depth; k += 4 * L / BLOCK, at += 4 * L) {
            FloatVector x0 = half(x, at), x1 = half(x, at + L), x2 = half(x, at + 2 * L), x3 = half(x, at + 3 * L);
            a0 = x0.fma(FloatVector.broadcast(F, w[wAt + k]), a0);
            a1 = x1.fma(FloatVector.broadcast(F, w[wAt + k + L / BLOCK]), a1);
            a2 = x2.fma(FloatVector.broadcast(F, w[wAt + k + 2 * L / BLOCK]), a2);
            a3 = x3.fma(FloatVector.broadcast(F, w[wAt + k + 3 * L / BLOCK]), a3);
            b0 = x0.fma(FloatVector.broadcast(F, w[w1 + k]), b0);
            b1 = x1.fma(FloatVector.broadcast(F, w[w1 + k + L / BLOCK]), b1);
            b2 = x2.fma(FloatVector.broadcast(F, w[w1 + k + 2 * L / BLOCK]), b2);
            b3 = x3.fma(FloatVector.broadcast(F, w[w1 + k + 3 * L / BLOCK]), b3);
        }
        int c1 = cAt + cRow;
        if (L == BLOCK) {
            add(a0.add(a1).add(a2.add(a3)), c, cAt);
            add(b0.add(b1).add(b2.add(b3)), c, c1);
        } else if (2 * L == BLOCK) {
            add(a0.add(a2), c, cAt);
            add(a1.add(a3), c, cAt + L);
            add(b0.add(b2), c, c1);
            add(b1.add(b3), c, c1 + L);
        } else {
            add(a0, c, cAt);
            add(a1, c, cAt + L);
            add(a2, c, cAt + 2 * L);
            add(a3, c, cAt + 3 * L);
            add(b0, c, c1);
            add(b1, c, c1 + L);
            add(b2, c, c1 + 2 * L);
            add(b3, c, c1 + 3 * L);
        }
        for (; k < depth; k++) {
            for (int j = 0; j < BLOCK; j += L, at += L) {
                FloatVector x0 = half(x, at);
                add(x0.mul(w[wAt + k]), c, cAt + j);
                add(x0.mul(w[w1 + k]), c, c1 + j);
            }
        }
    }

    private static void one(float[] w, int wAt, short[] x, int at, int depth, float[] c, int cAt) {
        FloatVector a0 = FloatVector.zero(F), a1 = a0, a2 = a0, a3 = a0;
        int k = 0;
        for (; k + 4 * L / BLOCK <= depth; k += 4 * L / BLOCK, at += 4 * L) {
            FloatVector x0 = half(x, at), x1 = half(x, at + L), x2 = half(x, at + 2 * L), x3 = half(x, at + 3 * L);
            a0 = x0.fma(FloatVector.broadcast(F, w[wAt + k]), a0);
            a1 = x1.fma(FloatVector.broadcast(F, w[wAt + k + L / BLOCK]), a1);
            a2 = x2.fma(FloatVector.broadcast(F, w[wAt + k + 2 * L / BLOCK]), a2);
            a3 = x3.fma(FloatVector.broadcast(F, w[wAt + k + 3 * L / BLOCK]), a3);
        }
        if (L == BLOCK) {
            add(a0.add(a1).add(a2.add(a3)), c, cAt);
        } else if (2 * L == BLOCK) {
            add(a0.add(a2), c, cAt);
            add(a1.add(a3), c, cAt + L);
        } else {
            add(a0, c, cAt);
            add(a1, c, cAt + L);
            add(a2, c, cAt + 2 * L);
            add(a3, c, cAt + 3 * L);
        }
        for (; k < depth; k++) {
            for (int j = 0; j < BLOCK; j += L, at += L) {
                FloatVector x0 = half(x, at);
                add(x0.mul(w[wAt + k]), c, cAt + j);
            }
        }
    }

    private static FloatVector half(short[] a, int at) {
        return ShortVector.fromArray(S, a, at).convertShape(S2I, I, 0).reinterpretAsInts().lanewise(LSHL, 13).and(0x8FFFE000)
                .reinterpretAsFloats();
    }

    private static void add(FloatVector v, float[] c, int at) {
        FloatVector.fromArray(F, c, at).add(v).intoArray(c, at);
    }
}
