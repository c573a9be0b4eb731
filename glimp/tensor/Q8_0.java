package glimp.tensor;

import static java.nio.ByteOrder.LITTLE_ENDIAN;
import static jdk.incubator.vector.VectorOperators.B2F;

import glimp.gguf.GgmlType;
import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.ByteVector;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.ShortVector;
import jdk.incubator.vector.VectorShape;
import jdk.incubator.vector.VectorSpecies;

/** Blocks of 32: a half float d and 32 signed bytes q, values d q. */
final class Q8_0 extends FloatRows {
    private static final int BLOCK = GgmlType.Q8_0.bytes;
    private static final VectorSpecies<Float> F = FloatVector.SPECIES_PREFERRED;
    private static final int L = F.length();
    /** As many bytes as a vector has floats; at 128 bits, since no byte vector is that short, one holds two vectors' worth. */
    private static final VectorSpecies<Byte> B = VectorSpecies.of(byte.class, VectorShape.forBitSize(Math.max(64, 8 * L)));
    /**
     * A block's d and what follows. It comes out of a lane because a read of one number goes through a method that the compiler leaves
     * a call, with all vectors around it on the stack, where it has seldom run so far (four tokens: at times 17 tokens/s, not 56).
     */
    private static final VectorSpecies<Short> HALF = ShortVector.SPECIES_64;
    private static final boolean SHARED = L == 4;
    private static final int PART = SHARED ? 1 : 0;

    Q8_0(MemorySegment data, int rows, int cols) {
        super(data, rows, cols, GgmlType.Q8_0);
    }

    @Override
    public void decode(int row, int from, int to, float[] out, int at) {
        MemorySegment data = this.data;
        long p = row * rowBytes + from / 32L * BLOCK;
        for (int i = from; i < to; i += 32, p += BLOCK, at += 32) {
            FloatVector d = FloatVector.broadcast(F, Float.float16ToFloat(ShortVector.fromMemorySegment(HALF, data, p, LITTLE_ENDIAN).lane(0)));
            for (int k = 0; k < 32; k += 2 * L) {
                ByteVector q0 = ByteVector.fromMemorySegment(B, data, p + 2 + k, LITTLE_ENDIAN);
                ByteVector q1 = SHARED ? q0 : ByteVector.fromMemorySegment(B, data, p + 2 + k + L, LITTLE_ENDIAN);
                ((FloatVector) q0.convertShape(B2F, F, 0)).mul(d).intoArray(out, at + k);
                ((FloatVector) q1.convertShape(B2F, F, PART)).mul(d).intoArray(out, at + k + L);
            }
        }
    }

    /**
     * The weights d q are exact in a float (8 and 11 bits make 19), so a block is decoded in registers, by sign extension, a
     * conversion and a multiplication, and then belongs to any number of tokens. On Zen 4 and from its L2, one thread reads
     * 20 GB/s with one token, 14 with two, 10 with four, and from memory as much as the memory gives two threads. (To multiply
     * the sum of a block by d instead gives one token 22, but takes three operations a token, not two.)
     */
    @Override
    int one(float[] x, int xAt, int rowA, int rowB, int count, float[] sums) {
        MemorySegment data = this.data;
        for (int n = 0; n < count; n++) {
            long p = (rowA + n) * rowBytes, q = (rowB + n) * rowBytes;
            FloatVector a0 = FloatVector.zero(F), a1 = FloatVector.zero(F), b0 = FloatVector.zero(F), b1 = FloatVector.zero(F);
            for (int s = xAt, end = s + cols; s < end; p += BLOCK, q += BLOCK, s += 32) {
                FloatVector dp = FloatVector.broadcast(F, Float.float16ToFloat(ShortVector.fromMemorySegment(HALF, data, p, LITTLE_ENDIAN).lane(0)));
                FloatVector dq = FloatVector.broadcast(F, Float.float16ToFloat(ShortVector.fromMemorySegment(HALF, data, q, LITTLE_ENDIAN).lane(0)));
                for (int k = 0; k < 32; k += 2 * L) {
                    ByteVector p0 = ByteVector.fromMemorySegment(B, data, p + 2 + k, LITTLE_ENDIAN);
                    ByteVector p1 = SHARED ? p0 : ByteVector.fromMemorySegment(B, data, p + 2 + k + L, LITTLE_ENDIAN);
                    ByteVector q0 = ByteVector.fromMemorySegment(B, data, q + 2 + k, LITTLE_ENDIAN);
                    ByteVector q1 = SHARED ? q0 : ByteVector.fromMemorySegment(B, data, q + 2 + k + L, LITTLE_ENDIAN);
                    FloatVector v = ((FloatVector) p0.convertShape(B2F, F, 0)).mul(dp), w = ((FloatVector) q0.convertShape(B2F, F, 0)).mul(dq);
                    FloatVector x0 = FloatVector.fromArray(F, x, s + k);
                    a0 = v.fma(x0, a0); b0 = w.fma(x0, b0);
                    v = ((FloatVector) p1.convertShape(B2F, F, PART)).mul(dp);
                    w = ((FloatVector) q1.convertShape(B2F, F, PART)).mul(dq);
                    x0 = FloatVector.fromArray(F, x, s + k + L);
                    a1 = v.fma(x0, a1); b1 = w.fma(x0, b1);
                }
            }
            a0.add(a1).intoArray(sums, 2 * n * L);
            b0.add(b1).intoArray(sums, 2 * n * L + L);
        }
        return cols;
    }

    @Override
    int two(float[] x, int xAt, int rowA, int rowB, float[] sums) {
        MemorySegment data = this.data;
        long p = rowA * rowBytes, q = rowB * rowBytes;
        int s = xAt, t = s + cols;
        FloatVector a0 = FloatVector.zero(F), a1 = a0, b0 = a0, b1 = a0, c0 = a0, c1 = a0, d0 = a0, d1 = a0;
        for (int end = s + cols; s < end; p += BLOCK, q += BLOCK, s += 32, t += 32) {
            FloatVector dp = FloatVector.broadcast(F, Float.float16ToFloat(ShortVector.fromMemorySegment(HALF, data, p, LITTLE_ENDIAN).lane(0)));
            FloatVector dq = FloatVector.broadcast(F, Float.float16ToFloat(ShortVector.fromMemorySegment(HALF, data, q, LITTLE_ENDIAN).lane(0)));
            for (int k = 0; k < 32; k += 2 * L) {
                ByteVector p0 = ByteVector.fromMemorySegment(B, data, p + 2 + k, LITTLE_ENDIAN);
                ByteVector p1 = SHARED ? p0 : ByteVector.fromMemorySegment(B, data, p + 2 + k + L, LITTLE_ENDIAN);
                ByteVector q0 = ByteVector.fromMemorySegment(B, data, q + 2 + k, LITTLE_ENDIAN);
                ByteVector q1 = SHARED ? q0 : ByteVector.fromMemorySegment(B, data, q + 2 + k + L, LITTLE_ENDIAN);
                FloatVector v = ((FloatVector) p0.convertShape(B2F, F, 0)).mul(dp), w = ((FloatVector) q0.convertShape(B2F, F, 0)).mul(dq);
                FloatVector x0 = FloatVector.fromArray(F, x, s + k);
                FloatVector x1 = FloatVector.fromArray(F, x, t + k);
                a0 = v.fma(x0, a0); b0 = w.fma(x0, b0); c0 = v.fma(x1, c0); d0 = w.fma(x1, d0);
                v = ((FloatVector) p1.convertShape(B2F, F, PART)).mul(dp);
                w = ((FloatVector) q1.convertShape(B2F, F, PART)).mul(dq);
                x0 = FloatVector.fromArray(F, x, s + k + L);
                x1 = FloatVector.fromArray(F, x, t + k + L);
                a1 = v.fma(x0, a1); b1 = w.fma(x0, b1); c1 = v.fma(x1, c1); d1 = w.fma(x1, d1);
            }
        }
        a0.add(a1).intoArray(sums, 0);
        b0.add(b1).intoArray(sums, L);
        c0.add(c1).intoArray(sums, 2 * L);
        d0.add(d1).intoArray(sums, 3 * L);
        return cols;
    }

    @Override
    int four(float[] x, int xAt, int tokens, int rowA, int rowB, float[] sums) {
        MemorySegment data = this.data;
        long p = rowA * rowBytes, q = rowB * rowBytes;
        int s = xAt, t = s + cols, u = t + cols, z = tokens > 3 ? u + cols : u;
        FloatVector a0 = FloatVector.zero(F), a1 = a0, b0 = a0, b1 = a0, c0 = a0, c1 = a0, d0 = a0, d1 = a0;
        FloatVector e0 = a0, e1 = a0, f0 = a0, f1 = a0, g0 = a0, g1 = a0, h0 = a0, h1 = a0;
        for (int end = s + cols; s < end; p += BLOCK, q += BLOCK, s += 32, t += 32, u += 32, z += 32) {
            FloatVector dp = FloatVector.broadcast(F, Float.float16ToFloat(ShortVector.fromMemorySegment(HALF, data, p, LITTLE_ENDIAN).lane(0)));
            FloatVector dq = FloatVector.broadcast(F, Float.float16ToFloat(ShortVector.fromMemorySegment(HALF, data, q, LITTLE_ENDIAN).lane(0)));
            for (int k = 0; k < 32; k += 2 * L) {
                ByteVector p0 = ByteVector.fromMemorySegment(B, data, p + 2 + k, LITTLE_ENDIAN);
                ByteVector p1 = SHARED ? p0 : ByteVector.fromMemorySegment(B, data, p + 2 + k + L, LITTLE_ENDIAN);
                ByteVector q0 = ByteVector.fromMemorySegment(B, data, q + 2 + k, LITTLE_ENDIAN);
                ByteVector q1 = SHARED ? q0 : ByteVector.fromMemorySegment(B, data, q + 2 + k + L, LITTLE_ENDIAN);
                FloatVector v = ((FloatVector) p0.convertShape(B2F, F, 0)).mul(dp), w = ((FloatVector) q0.convertShape(B2F, F, 0)).mul(dq);
                FloatVector x0 = FloatVector.fromArray(F, x, s + k);
                FloatVector x1 = FloatVector.fromArray(F, x, t + k);
                FloatVector x2 = FloatVector.fromArray(F, x, u + k);
                FloatVector x3 = FloatVector.fromArray(F, x, z + k);
                a0 = v.fma(x0, a0); b0 = w.fma(x0, b0); c0 = v.fma(x1, c0); d0 = w.fma(x1, d0);
                e0 = v.fma(x2, e0); f0 = w.fma(x2, f0); g0 = v.fma(x3, g0); h0 = w.fma(x3, h0);
                v = ((FloatVector) p1.convertShape(B2F, F, PART)).mul(dp);
                w = ((FloatVector) q1.convertShape(B2F, F, PART)).mul(dq);
                x0 = FloatVector.fromArray(F, x, s + k + L);
                x1 = FloatVector.fromArray(F, x, t + k + L);
                x2 = FloatVector.fromArray(F, x, u + k + L);
                x3 = FloatVector.fromArray(F, x, z + k + L);
                a1 = v.fma(x0, a1); b1 = w.fma(x0, b1); c1 = v.fma(x1, c1); d1 = w.fma(x1, d1);
                e1 = v.fma(x2, e1); f1 = w.fma(x2, f1); g1 = v.fma(x3, g1); h1 = w.fma(x3, h1);
            }
        }
        a0.add(a1).intoArray(sums, 0);
        b0.add(b1).intoArray(sums, L);
        c0.add(c1).intoArray(sums, 2 * L);
        d0.add(d1).intoArray(sums, 3 * L);
        e0.add(e1).intoArray(sums, 4 * L);
        f0.add(f1).intoArray(sums, 5 * L);
        g0.add(g1).intoArray(sums, 6 * L);
        h0.add(h1).intoArray(sums, 7 * L);
        return cols;
    }
}
