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
 *
 * <p>What ends a block is written out: there the compiler has stopped inlining, and a vector that is given to a method or
 * that two accumulators begin with is put on the heap (9 kB a token and layer).
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
        FloatVector a0 = FloatVector.zero(F), a1 = FloatVector.zero(F);
        FloatVector b0 = FloatVector.zero(F), b1 = FloatVector.zero(F);
        FloatVector d0 = FloatVector.zero(F), d1 = FloatVector.zero(F);
        FloatVector e0 = FloatVector.zero(F), e1 = FloatVector.zero(F);
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
            FloatVector.fromArray(F, c, cAt).add(a0.add(a1)).intoArray(c, cAt);
            FloatVector.fromArray(F, c, c1).add(b0.add(b1)).intoArray(c, c1);
            FloatVector.fromArray(F, c, c2).add(d0.add(d1)).intoArray(c, c2);
            FloatVector.fromArray(F, c, c3).add(e0.add(e1)).intoArray(c, c3);
        } else {
            FloatVector.fromArray(F, c, cAt).add(a0).intoArray(c, cAt);
            FloatVector.fromArray(F, c, cAt + L).add(a1).intoArray(c, cAt + L);
            FloatVector.fromArray(F, c, c1).add(b0).intoArray(c, c1);
            FloatVector.fromArray(F, c, c1 + L).add(b1).intoArray(c, c1 + L);
            FloatVector.fromArray(F, c, c2).add(d0).intoArray(c, c2);
            FloatVector.fromArray(F, c, c2 + L).add(d1).intoArray(c, c2 + L);
            FloatVector.fromArray(F, c, c3).add(e0).intoArray(c, c3);
            FloatVector.fromArray(F, c, c3 + L).add(e1).intoArray(c, c3 + L);
        }
        for (; k < depth; k++) {
            for (int j = 0; j < BLOCK; j += L, at += L) {
                FloatVector x0 = ShortVector.fromArray(S, x, at).convertShape(S2I, I, 0).reinterpretAsInts().lanewise(LSHL, 13)
                        .and(0x8FFFE000).reinterpretAsFloats();
                FloatVector.fromArray(F, c, cAt + j).add(x0.mul(w[wAt + k])).intoArray(c, cAt + j);
                FloatVector.fromArray(F, c, c1 + j).add(x0.mul(w[w1 + k])).intoArray(c, c1 + j);
                FloatVector.fromArray(F, c, c2 + j).add(x0.mul(w[w2 + k])).intoArray(c, c2 + j);
                FloatVector.fromArray(F, c, c3 + j).add(x0.mul(w[w3 + k])).intoArray(c, c3 + j);
            }
        }
    }

    private static void two(float[] w, int wAt, int wRow, short[] x, int at, int depth, float[] c, int cAt, int cRow) {
        int w1 = wAt + wRow;
        FloatVector a0 = FloatVector.zero(F), a1 = FloatVector.zero(F), a2 = FloatVector.zero(F), a3 = FloatVector.zero(F);
        FloatVector b0 = FloatVector.zero(F), b1 = FloatVector.zero(F), b2 = FloatVector.zero(F), b3 = FloatVector.zero(F);
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
            FloatVector.fromArray(F, c, cAt).add(a0.add(a1).add(a2.add(a3))).intoArray(c, cAt);
            FloatVector.fromArray(F, c, c1).add(b0.add(b1).add(b2.add(b3))).intoArray(c, c1);
        } else if (2 * L == BLOCK) {
            FloatVector.fromArray(F, c, cAt).add(a0.add(a2)).intoArray(c, cAt);
            FloatVector.fromArray(F, c, cAt + L).add(a1.add(a3)).intoArray(c, cAt + L);
            FloatVector.fromArray(F, c, c1).add(b0.add(b2)).intoArray(c, c1);
            FloatVector.fromArray(F, c, c1 + L).add(b1.add(b3)).intoArray(c, c1 + L);
        } else {
            FloatVector.fromArray(F, c, cAt).add(a0).intoArray(c, cAt);
            FloatVector.fromArray(F, c, cAt + L).add(a1).intoArray(c, cAt + L);
            FloatVector.fromArray(F, c, cAt + 2 * L).add(a2).intoArray(c, cAt + 2 * L);
            FloatVector.fromArray(F, c, cAt + 3 * L).add(a3).intoArray(c, cAt + 3 * L);
            FloatVector.fromArray(F, c, c1).add(b0).intoArray(c, c1);
            FloatVector.fromArray(F, c, c1 + L).add(b1).intoArray(c, c1 + L);
            FloatVector.fromArray(F, c, c1 + 2 * L).add(b2).intoArray(c, c1 + 2 * L);
            FloatVector.fromArray(F, c, c1 + 3 * L).add(b3).intoArray(c, c1 + 3 * L);
        }
        for (; k < depth; k++) {
            for (int j = 0; j < BLOCK; j += L, at += L) {
                FloatVector x0 = ShortVector.fromArray(S, x, at).convertShape(S2I, I, 0).reinterpretAsInts().lanewise(LSHL, 13)
                        .and(0x8FFFE000).reinterpretAsFloats();
                FloatVector.fromArray(F, c, cAt + j).add(x0.mul(w[wAt + k])).intoArray(c, cAt + j);
                FloatVector.fromArray(F, c, c1 + j).add(x0.mul(w[w1 + k])).intoArray(c, c1 + j);
            }
        }
    }

    private static void one(float[] w, int wAt, short[] x, int at, int depth, float[] c, int cAt) {
        FloatVector a0 = FloatVector.zero(F), a1 = FloatVector.zero(F), a2 = FloatVector.zero(F), a3 = FloatVector.zero(F);
        int k = 0;
        for (; k + 4 * L / BLOCK <= depth; k += 4 * L / BLOCK, at += 4 * L) {
            FloatVector x0 = half(x, at), x1 = half(x, at + L), x2 = half(x, at + 2 * L), x3 = half(x, at + 3 * L);
            a0 = x0.fma(FloatVector.broadcast(F, w[wAt + k]), a0);
            a1 = x1.fma(FloatVector.broadcast(F, w[wAt + k + L / BLOCK]), a1);
            a2 = x2.fma(FloatVector.broadcast(F, w[wAt + k + 2 * L / BLOCK]), a2);
            a3 = x3.fma(FloatVector.broadcast(F, w[wAt + k + 3 * L / BLOCK]), a3);
        }
        if (L == BLOCK) {
            FloatVector.fromArray(F, c, cAt).add(a0.add(a1).add(a2.add(a3))).intoArray(c, cAt);
        } else if (2 * L == BLOCK) {
            FloatVector.fromArray(F, c, cAt).add(a0.add(a2)).intoArray(c, cAt);
            FloatVector.fromArray(F, c, cAt + L).add(a1.add(a3)).intoArray(c, cAt + L);
        } else {
            FloatVector.fromArray(F, c, cAt).add(a0).intoArray(c, cAt);
            FloatVector.fromArray(F, c, cAt + L).add(a1).intoArray(c, cAt + L);
            FloatVector.fromArray(F, c, cAt + 2 * L).add(a2).intoArray(c, cAt + 2 * L);
            FloatVector.fromArray(F, c, cAt + 3 * L).add(a3).intoArray(c, cAt + 3 * L);
        }
        for (; k < depth; k++) {
            for (int j = 0; j < BLOCK; j += L, at += L) {
                FloatVector x0 = ShortVector.fromArray(S, x, at).convertShape(S2I, I, 0).reinterpretAsInts().lanewise(LSHL, 13)
                        .and(0x8FFFE000).reinterpretAsFloats();
                FloatVector.fromArray(F, c, cAt + j).add(x0.mul(w[wAt + k])).intoArray(c, cAt + j);
            }
        }
    }

    private static FloatVector half(short[] a, int at) {
        return ShortVector.fromArray(S, a, at).convertShape(S2I, I, 0).reinterpretAsInts().lanewise(LSHL, 13).and(0x8FFFE000)
                .reinterpretAsFloats();
    }
}
