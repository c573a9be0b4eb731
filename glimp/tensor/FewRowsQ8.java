package glimp.tensor;

import static jdk.incubator.vector.VectorOperators.B2F;

import jdk.incubator.vector.ByteVector;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorShape;
import jdk.incubator.vector.VectorSpecies;

/**
 * {@link FewRows} for a right side of signed bytes: a sum over some of the depth, then one scale a lane. Bytes are decoded once
 * for four rows.
 */
public final class FewRowsQ8 {
    private static final VectorSpecies<Float> F = FloatVector.SPECIES_PREFERRED;
    private static final int L = F.length();
    /** As many bytes as a vector has floats; at 128 bits, since no byte vector is that short, one holds two vectors' worth. */
    private static final VectorSpecies<Byte> B = VectorSpecies.of(byte.class, VectorShape.forBitSize(Math.max(64, 8 * L)));
    private static final int STEP = B.length();

    private FewRowsQ8() {}

    /**
     * {@code c[rows][16] += (w[rows][depth] x[depth][16]) * scales[16]}.
     *
     * @param w left side, row-major from {@code wAt}, rows {@code wRow} apart
     * @param x right side from {@code at}
     * @param scales of the 16 lanes, from {@code scaleAt}; null: all 1
     */
    public static void multiply(int rows, float[] w, int wAt, int wRow, byte[] x, int at, int depth, float[] scales, int scaleAt,
            float[] c, int cAt, int cRow) {
        for (int lane = 0; lane < FewRows.BLOCK; lane += L) {
            int part = lane % STEP / L;
            FloatVector scale = scales == null ? FloatVector.broadcast(F, 1) : FloatVector.fromArray(F, scales, scaleAt + lane);
            int r = 0;
            for (; r + 4 <= rows; r += 4) {
                four(w, wAt + r * wRow, wRow, x, at + lane - part * L, part, depth, scale, c, cAt + r * cRow + lane, cRow);
            }
            for (; r < rows; r++) {
                one(w, wAt + r * wRow, x, at + lane - part * L, part, depth, scale, c, cAt + r * cRow + lane);
            }
        }
    }

    private static void four(float[] w, int w0, int wRow, byte[] x, int at, int part, int depth, FloatVector scale, float[] c, int c0, int cRow) {
        int w1 = w0 + wRow, w2 = w1 + wRow, w3 = w2 + wRow;
        FloatVector a = FloatVector.zero(F), b = a, d = a, e = a;
        for (int k = 0; k < depth; k++, at += FewRows.BLOCK) {
            FloatVector v = (FloatVector) ByteVector.fromArray(B, x, at).convertShape(B2F, F, part);
            a = v.fma(FloatVector.broadcast(F, w[w0 + k]), a);
            b = v.fma(FloatVector.broadcast(F, w[w1 + k]), b);
            d = v.fma(FloatVector.broadcast(F, w[w2 + k]), d);
            e = v.fma(FloatVector.broadcast(F, w[w3 + k]), e);
        }
        int c1 = c0 + cRow, c2 = c1 + cRow, c3 = c2 + cRow;
        a.fma(scale, FloatVector.fromArray(F, c, c0)).intoArray(c, c0);
        b.fma(scale, FloatVector.fromArray(F, c, c1)).intoArray(c, c1);
        d.fma(scale, FloatVector.fromArray(F, c, c2)).intoArray(c, c2);
        e.fma(scale, FloatVector.fromArray(F, c, c3)).intoArray(c, c3);
    }

    private static void one(float[] w, int w0, byte[] x, int at, int part, int depth, FloatVector scale, float[] c, int c0) {
        FloatVector a = FloatVector.zero(F), b = a;
        int k = 0;
        for (; k + 2 <= depth; k += 2, at += 2 * FewRows.BLOCK) {
            a = ((FloatVector) ByteVector.fromArray(B, x, at).convertShape(B2F, F, part)).fma(FloatVector.broadcast(F, w[w0 + k]), a);
            b = ((FloatVector) ByteVector.fromArray(B, x, at + FewRows.BLOCK).convertShape(B2F, F, part)).fma(FloatVector.broadcast(F, w[w0 + k + 1]), b);
        }
        if (k < depth) {
            a = ((FloatVector) ByteVector.fromArray(B, x, at).convertShape(B2F, F, part)).fma(FloatVector.broadcast(F, w[w0 + k]), a);
        }
        a.add(b).fma(scale, FloatVector.fromArray(F, c, c0)).intoArray(c, c0);
    }
}
