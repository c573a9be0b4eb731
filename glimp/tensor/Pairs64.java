package glimp.tensor;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * Activations as integers for two blocks of 32 weights of four or five bits in one vector of eight lanes
 * ({@link Block32#eight}); made once a product.
 *
 * <p>Two of them share a lane, as two weights do (see {@link Ints256}). 64 values take {@value #BYTES} bytes:
 * <pre>
 *   int[4][8]   pairs: of every four values 0 and 2 (even), then 1 and 3 (odd) less 256 times the even ones, for the lower nibbles;
 *               the same for the upper ones. Lanes 0 .. 3 belong to the first block, whose lower nibbles are its values 0 .. 15, lanes
 *               4 .. 7 to the second
 *   int[8]      to be added to the products: what centres the weights of a lane, and half a step, so that a sum is rounded when its
 *               lower half is dropped
 *   float[8]    scales, with the 2^-16 that takes a sum out of the upper half, and 2^112, since kernels take a half float's bits to
 *               where a float has them
 *   float[8]    the sums of a lane's integers, in the upper half, too
 * </pre>
 */
final class Pairs64 {
    static final long BYTES = 224, CENTRES = 128, SCALES = 160, SUMS = 192;
    /**
     * The largest. Eight products of a lane are at most {@code 8 x 16 x 255 = 32640}, less than 2^15, once the weights are centred; what
     * overflows before is right again then. The lower half, four products at most {@code 4 x 31 x 255}, is less than half a step.
     */
    private static final float LIMIT = 255;

    /** 2^-16 times 2^112, see above. */
    private static final float UNSHIFT = 0x1p96f;

    private final Activations x;
    private final int centre;
    private final int[] block = new int[32];
    private MemorySegment data = MemorySegment.NULL;
    boolean ready;

    /** @param bits of a weight */
    Pairs64(Activations x, int bits) {
        this.x = x;
        this.centre = 1 << bits - 1;
    }

    /** {@code [tokens][width / 64]} times {@value #BYTES} bytes. */
    MemorySegment data() {
        return data;
    }

    /** Bytes from one token to the next. */
    long tokenBytes() {
        return x.width / 64 * BYTES;
    }

    /** Makes them, once after every {@link Activations#changed}; the width is a multiple of 64. */
    void make() {
        if (ready) {
            return;
        }
        if (data.byteSize() < x.tokens * tokenBytes()) {
            data = Arena.ofAuto().allocate(x.tokens * tokenBytes(), 64);
        }
        for (int i = 0; i < x.tokens * (x.width / 32); i++) {
            block(32 * i, i / 2 * BYTES + i % 2 * 16);
        }
        ready = true;
    }

    /** The values from {@code from} on, a block, for the four lanes that begin at {@code at}. */
    private void block(int from, long at) {
        float unit = Ints256.round(x.values, from, 32, LIMIT, block);
        for (int i = 0; i < 16; i += 4, at += 4) {
            int sum = pairs(i, at) + pairs(16 + i, at + 64);
            data.set(ValueLayout.JAVA_INT, at + CENTRES, (-centre * sum << 16) + 0x8000);
            data.set(ValueLayout.JAVA_FLOAT, at + SCALES, unit * UNSHIFT);
            data.set(ValueLayout.JAVA_FLOAT, at + SUMS, 0x1p16f * sum);
        }
    }

    /** Of four values, whose sum is returned. */
    private int pairs(int i, long at) {
        int even = (block[i] << 16) + block[i + 2], odd = (block[i + 1] << 16) + block[i + 3];
        data.set(ValueLayout.JAVA_INT, at, even);
        data.set(ValueLayout.JAVA_INT, at + 32, odd - (even << 8));
        return block[i] + block[i + 1] + block[i + 2] + block[i + 3];
    }
}
