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

    /** The largest batch that is multiplied so. (Zen 4, one thread, 1024 x 1024, 16, 20 and 24 tokens: 83 GFLOP/s, by {@link FourRows} 82, 87, 89.) */
    @Override
    int most() {
        return L == 8 ? Products.SMALL : 16;
    }

    /**
     * The weights d q are exact in a float (8 and 11 bits make 19), so a block is decoded in registers, by sign extension, a
     * conversion and a multiplication, and then belongs to any number of tokens. On Zen 4 and from its L2, one thread reads
     * 19 GB/s with one token, 16 with two, 11 with four (85 GFLOP/s), and from memory as much as the memory gives two threads. (To multiply
     * the sum of a block by d instead gives one token 22, but takes three operations a token, not two.)
     *
     * <p>The vectors of columns go in turn into two sums, which are added in the end: one would make its two additions a block wait for each
     * other (one token 5 % slower). One token is not bound by its loads, and takes the activations where they are.
     */
    @Override
    void one(Activations activations, int token, int rowA, int rowB, int count, float[] sums) {
        MemorySegment data = this.data;
        float[] x = activations.values;
        for (int n = 0; n < count; n++) {
            long p = (rowA + n) * rowBytes, q = (rowB + n) * rowBytes;
            FloatVector a0 = FloatVector.zero(F), a1 = FloatVector.zero(F), b0 = FloatVector.zero(F), b1 = FloatVector.zero(F);
            for (int at = token * cols, end = at + cols; at < end; p += BLOCK, q += BLOCK, at += 32) {
                FloatVector dp = FloatVector.broadcast(F, Float.float16ToFloat(ShortVector.fromMemorySegment(HALF, data, p, LITTLE_ENDIAN).lane(0)));
                FloatVector dq = FloatVector.broadcast(F, Float.float16ToFloat(ShortVector.fromMemorySegment(HALF, data, q, LITTLE_ENDIAN).lane(0)));
                for (int k = 0; k < 32; k += 2 * L) {
                    ByteVector p0 = ByteVector.fromMemorySegment(B, data, p + 2 + k, LITTLE_ENDIAN);
                    ByteVector p1 = SHARED ? p0 : ByteVector.fromMemorySegment(B, data, p + 2 + k + L, LITTLE_ENDIAN);
                    ByteVector q0 = ByteVector.fromMemorySegment(B, data, q + 2 + k, LITTLE_ENDIAN);
                    ByteVector q1 = SHARED ? q0 : ByteVector.fromMemorySegment(B, data, q + 2 + k + L, LITTLE_ENDIAN);
                    FloatVector v = ((FloatVector) p0.convertShape(B2F, F, 0)).mul(dp), w = ((FloatVector) q0.convertShape(B2F, F, 0)).mul(dq);
                    FloatVector y = FloatVector.fromArray(F, x, at + k);
                    a0 = v.fma(y, a0);
                    b0 = w.fma(y, b0);
                    v = ((FloatVector) p1.convertShape(B2F, F, PART)).mul(dp);
                    w = ((FloatVector) q1.convertShape(B2F, F, PART)).mul(dq);
                    y = FloatVector.fromArray(F, x, at + k + L);
                    a1 = v.fma(y, a1);
                    b1 = w.fma(y, b1);
                }
            }
            a0.add(a1).intoArray(sums, n * L);
            b0.add(b1).intoArray(sums, NEXT + n * L);
        }
    }

    @Override
    void two(MemorySegment x, long s, long next, int rowA, int rowB, int count, float[] sums) {
        MemorySegment data = this.data.asSlice(0);
        x = x.asSlice(0);
        for (int n = 0; n < count; n++) {
            long p = (rowA + n) * rowBytes, q = (rowB + n) * rowBytes;
            FloatVector a0 = FloatVector.zero(F), b0 = FloatVector.zero(F), a1 = FloatVector.zero(F), b1 = FloatVector.zero(F);
            FloatVector c0 = FloatVector.zero(F), d0 = FloatVector.zero(F), c1 = FloatVector.zero(F), d1 = FloatVector.zero(F);
            for (long at = s, end = s + 4L * cols; at != end; p += BLOCK, q += BLOCK, at += 128) {
                FloatVector dp = FloatVector.broadcast(F, Float.float16ToFloat(ShortVector.fromMemorySegment(HALF, data, p, LITTLE_ENDIAN).lane(0)));
                FloatVector dq = FloatVector.broadcast(F, Float.float16ToFloat(ShortVector.fromMemorySegment(HALF, data, q, LITTLE_ENDIAN).lane(0)));
                for (int k = 0; k < 32; k += 2 * L) {
                    ByteVector p0 = ByteVector.fromMemorySegment(B, data, p + 2 + k, LITTLE_ENDIAN);
                    ByteVector p1 = SHARED ? p0 : ByteVector.fromMemorySegment(B, data, p + 2 + k + L, LITTLE_ENDIAN);
                    ByteVector q0 = ByteVector.fromMemorySegment(B, data, q + 2 + k, LITTLE_ENDIAN);
                    ByteVector q1 = SHARED ? q0 : ByteVector.fromMemorySegment(B, data, q + 2 + k + L, LITTLE_ENDIAN);
                    FloatVector v = ((FloatVector) p0.convertShape(B2F, F, 0)).mul(dp), w = ((FloatVector) q0.convertShape(B2F, F, 0)).mul(dq);
                    FloatVector y = FloatVector.fromMemorySegment(F, x, at + 4 * k, LITTLE_ENDIAN);
                    a0 = v.fma(y, a0);
                    b0 = w.fma(y, b0);
                    y = FloatVector.fromMemorySegment(F, x, at + next + 4 * k, LITTLE_ENDIAN);
                    a1 = v.fma(y, a1);
                    b1 = w.fma(y, b1);
                    v = ((FloatVector) p1.convertShape(B2F, F, PART)).mul(dp);
                    w = ((FloatVector) q1.convertShape(B2F, F, PART)).mul(dq);
                    y = FloatVector.fromMemorySegment(F, x, at + 4 * (k + L), LITTLE_ENDIAN);
                    c0 = v.fma(y, c0);
                    d0 = w.fma(y, d0);
                    y = FloatVector.fromMemorySegment(F, x, at + next + 4 * (k + L), LITTLE_ENDIAN);
                    c1 = v.fma(y, c1);
                    d1 = w.fma(y, d1);
                }
            }
            a0.add(c0).intoArray(sums, n * L);
            b0.add(d0).intoArray(sums, NEXT + n * L);
            a1.add(c1).intoArray(sums, 2 * NEXT + n * L);
            b1.add(d1).intoArray(sums, 3 * NEXT + n * L);
        }
    }

    @Override
    void four(MemorySegment x, long s, long next, int tokens, int rowA, int rowB, float[] sums) {
        int count = PAIRS;
        MemorySegment data = this.data.asSlice(0);
        x = x.asSlice(0);
        long second = 2 * next, third = tokens > 3 ? 3 * next : second;
        for (int n = 0; n < count; n++) {
            long p = (rowA + n) * rowBytes, q = (rowB + n) * rowBytes;
            FloatVector a0 = FloatVector.zero(F), b0 = FloatVector.zero(F), a1 = FloatVector.zero(F), b1 = FloatVector.zero(F);
            FloatVector c0 = FloatVector.zero(F), d0 = FloatVector.zero(F), c1 = FloatVector.zero(F), d1 = FloatVector.zero(F);
            FloatVector a2 = FloatVector.zero(F), b2 = FloatVector.zero(F), a3 = FloatVector.zero(F), b3 = FloatVector.zero(F);
            FloatVector c2 = FloatVector.zero(F), d2 = FloatVector.zero(F), c3 = FloatVector.zero(F), d3 = FloatVector.zero(F);
            for (long at = s, end = s + 4L * cols; at != end; p += BLOCK, q += BLOCK, at += 128) {
                FloatVector dp = FloatVector.broadcast(F, Float.float16ToFloat(ShortVector.fromMemorySegment(HALF, data, p, LITTLE_ENDIAN).lane(0)));
                FloatVector dq = FloatVector.broadcast(F, Float.float16ToFloat(ShortVector.fromMemorySegment(HALF, data, q, LITTLE_ENDIAN).lane(0)));
                for (int k = 0; k < 32; k += 2 * L) {
                    ByteVector p0 = ByteVector.fromMemorySegment(B, data, p + 2 + k, LITTLE_ENDIAN);
                    ByteVector p1 = SHARED ? p0 : ByteVector.fromMemorySegment(B, data, p + 2 + k + L, LITTLE_ENDIAN);
                    ByteVector q0 = ByteVector.fromMemorySegment(B, data, q + 2 + k, LITTLE_ENDIAN);
                    ByteVector q1 = SHARED ? q0 : ByteVector.fromMemorySegment(B, data, q + 2 + k + L, LITTLE_ENDIAN);
                    FloatVector v = ((FloatVector) p0.convertShape(B2F, F, 0)).mul(dp), w = ((FloatVector) q0.convertShape(B2F, F, 0)).mul(dq);
                    FloatVector y = FloatVector.fromMemorySegment(F, x, at + 4 * k, LITTLE_ENDIAN);
                    a0 = v.fma(y, a0);
                    b0 = w.fma(y, b0);
                    y = FloatVector.fromMemorySegment(F, x, at + next + 4 * k, LITTLE_ENDIAN);
                    a1 = v.fma(y, a1);
                    b1 = w.fma(y, b1);
                    y = FloatVector.fromMemorySegment(F, x, at + second + 4 * k, LITTLE_ENDIAN);
                    a2 = v.fma(y, a2);
                    b2 = w.fma(y, b2);
                    y = FloatVector.fromMemorySegment(F, x, at + third + 4 * k, LITTLE_ENDIAN);
                    a3 = v.fma(y, a3);
                    b3 = w.fma(y, b3);
                    v = ((FloatVector) p1.convertShape(B2F, F, PART)).mul(dp);
                    w = ((FloatVector) q1.convertShape(B2F, F, PART)).mul(dq);
                    y = FloatVector.fromMemorySegment(F, x, at + 4 * (k + L), LITTLE_ENDIAN);
                    c0 = v.fma(y, c0);
                    d0 = w.fma(y, d0);
                    y = FloatVector.fromMemorySegment(F, x, at + next + 4 * (k + L), LITTLE_ENDIAN);
                    c1 = v.fma(y, c1);
                    d1 = w.fma(y, d1);
                    y = FloatVector.fromMemorySegment(F, x, at + second + 4 * (k + L), LITTLE_ENDIAN);
                    c2 = v.fma(y, c2);
                    d2 = w.fma(y, d2);
                    y = FloatVector.fromMemorySegment(F, x, at + third + 4 * (k + L), LITTLE_ENDIAN);
                    c3 = v.fma(y, c3);
                    d3 = w.fma(y, d3);
                }
            }
            a0.add(c0).intoArray(sums, n * L);
            b0.add(d0).intoArray(sums, NEXT + n * L);
            a1.add(c1).intoArray(sums, 2 * NEXT + n * L);
            b1.add(d1).intoArray(sums, 3 * NEXT + n * L);
            a2.add(c2).intoArray(sums, 4 * NEXT + n * L);
            b2.add(d2).intoArray(sums, 5 * NEXT + n * L);
            a3.add(c3).intoArray(sums, 6 * NEXT + n * L);
            b3.add(d3).intoArray(sums, 7 * NEXT + n * L);
        }
    }
}
