package glimp.tensor;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * Activations as integers for two blocks of 32 nibbles in one vector of eight lanes ({@link Lanes8#blocks}); made once a product.
 *
 * <p>Two of them share a lane, as two weights do (see {@link Dot256}). 64 values take {@value #BYTES} bytes:
 * <pre>
 *   int[4][8]   pairs: of every four values 0 and 2, then 1 and 3, for the lower nibbles; the same for the upper ones. Lanes 0 .. 3
 *               belong to the first block, whose lower nibbles are its values 0 .. 15, lanes 4 .. 7 to the second
 *   float[8]    scales, with the 2^-16 that takes a sum out of the upper half
 *   float[8]    -2 times the sum of the block's values: the 8 that is subtracted from a nibble, a quarter in each of its lanes
 * </pre>
 */
final class Pairs64 {
    static final long BYTES = 192, SCALES = 128, OFFSETS = 160;
    /** The largest: {@code 8 x 15 x 256 = 30720} leaves the sum of a lane's products less than 2^15. */
    private static final float LIMIT = 256;

    private final Activations x;
    private final int[] block = new int[32];
    private MemorySegment data = MemorySegment.NULL;
    boolean ready;

    Pairs64(Activations x) {
        this.x = x;
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
        int sum = 0;
        for (int lane = 0, i = 0; lane < 4; lane++, i += 4) {
            pairs(i, at + 4 * lane);
            pairs(16 + i, at + 64 + 4 * lane);
            sum += block[i] + block[i + 1] + block[i + 2] + block[i + 3]
                    + block[16 + i] + block[17 + i] + block[18 + i] + block[19 + i];
        }
        for (int lane = 0; lane < 4; lane++) {
            data.set(ValueLayout.JAVA_FLOAT, at + SCALES + 4 * lane, unit * 0x1p-16f);
            data.set(ValueLayout.JAVA_FLOAT, at + OFFSETS + 4 * lane, -2 * unit * sum);
        }
    }

    private void pairs(int i, long at) {
        data.set(ValueLayout.JAVA_INT, at, (block[i] << 16) + block[i + 2]);
        data.set(ValueLayout.JAVA_INT, at + 32, (block[i + 1] << 16) + block[i + 3]);
    }
}
