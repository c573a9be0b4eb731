package glimp.tensor;

import static java.nio.ByteOrder.LITTLE_ENDIAN;
import static jdk.incubator.vector.VectorOperators.LSHL;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorSpecies;

/**
 * Activations as integers for weights that are looked up in the code book of {@link IQ4_NL}, 8 bits each; made once a product
 * (Zen 4: 0.7 us for 1024 columns).
 *
 * <p><b>Two products in one.</b> 64 codes, each plus 127 so that it has no sign, are looked up in one operation: four bytes
 * b0 .. b3 a lane. With {@code even = b0 + 2^16 b2} and {@code odd = b1 + 2^16 b3}, four products come of two multiplications, as in
 * {@link Dot256}: the upper half of {@code even (2^16 x0 + x2) + odd (2^16 x1 + x3)} is their sum. The bytes of a lane are
 * {@code even + 256 odd}, so that they are multiplied as they are, without a mask, if the factor of the odd ones is less 256 times the
 * even ones' factor. What the 127 adds is taken away before the sum is shifted down, and half a step is added, since the lower half is
 * then less than half a step in size: the sums are exact.
 *
 * <p><b>A scale for every lane.</b> Codes of 8 bits leave 16 bits no room for four products with activations of 8: their sizes may add
 * up to 258, 127 x 258 = 32766. So the scale does not look at the largest activation, but at the largest sum of the sizes of four, and,
 * since a scale is a lane of a vector in any case, at those only that this lane sums: 16 values, four sums of four. They add up to 256 steps,
 * and 2 more at most by rounding. Where activations are as those of llama.cpp's 8 bits are worst, a few large among small, this is finer
 * than they are, and with a normal distribution hardly coarser.
 *
 * <p>256 columns take {@value #BYTES} bytes: of each of four sums the vectors of even factors, of odd ones, and of what is to be added to
 * the products; then the vector of scales.
 */
final class CodeInts implements Ints {
    /** Which values a lane sums. */
    enum Order {
        /** Eight blocks of 32, two lanes each: lower and upper nibbles of their first 8 bytes, then of the second. */
        BLOCKS_OF_32,
        /** A block of 256: lower and upper nibbles of the first 64 bytes, 16 bytes for 32 values, then of the second. */
        BLOCKS_OF_256;

        /** The column of the first of a lane's four values, which are neighbours. */
        private int column(int sum, int lane) {
            int high = sum % 2 * 16, half = sum / 2;
            return this == BLOCKS_OF_32 ? lane / 2 * 32 + high + half * 8 + lane % 2 * 4 : half * 128 + lane / 4 * 32 + high + lane % 4 * 4;
        }
    }

    static final int COLUMNS = 256;
    static final long BYTES = 832, SUM = 192, SCALES = 4 * SUM;
    /** What is added to every code. */
    static final int ZERO = 127;

    private static final VectorSpecies<Float> F = FloatVector.SPECIES_512;
    private static final int L = 16;
    private static final float LIMIT = 256;
    /** What a half float's bits are worth in a float's place, 2^-112; only the kernel for blocks of 32 takes them so. */
    private static final float UNSHIFT_HALF = 0x1p112f;
    /** Keeps the scale of nothing but zeros finite. */
    private static final float LEAST = 0x1p-100f;
    /** Added to a small float, leaves the nearest whole number in the lowest bits of the sum. */
    private static final float ROUND = 0x1.8p23f;

    private final Activations x;
    private final float unit;
    /** Of the four vectors of each sum, the columns of their lanes. */
    private final int[] columns = new int[COLUMNS];
    private final float[] group = new float[COLUMNS];
    private MemorySegment data = MemorySegment.NULL;
    private boolean ready;

    CodeInts(Activations x, Order order) {
        this.x = x;
        this.unit = (order == Order.BLOCKS_OF_32 ? UNSHIFT_HALF : 1) / LIMIT;
        for (int i = 0; i < COLUMNS; i++) {
            columns[i] = order.column(i / (4 * L), i % L) + i / L % 4;
        }
    }

    @Override
    public boolean ready() {
        return ready;
    }

    void changed() {
        ready = false;
    }

    @Override
    public MemorySegment data() {
        return data;
    }

    @Override
    public int columns() {
        return COLUMNS;
    }

    @Override
    public long start(int token) {
        return token * (x.width / COLUMNS * BYTES);
    }

    @Override
    public void make() {
        if (ready) {
            return;
        }
        if (data.byteSize() < start(x.tokens)) {
            data = Arena.ofAuto().allocate(start(x.tokens), 64);
        }
        long at = 0;
        for (int t = 0; t < x.tokens; t++) {
            for (int k = 0; k + COLUMNS <= x.width; k += COLUMNS, at += BYTES) {
                group(t * x.width + k, at);
            }
        }
        ready = true;
    }

    private void group(int from, long at) {
        for (int i = 0; i < COLUMNS; i++) {
            group[i] = x.values[from + columns[i]];
        }
        FloatVector most = FloatVector.broadcast(F, LEAST);
        for (int i = 0; i < COLUMNS; i += 4 * L) {
            most = size(i).add(size(i + L)).add(size(i + 2 * L)).add(size(i + 3 * L)).max(most);
        }
        FloatVector scale = FloatVector.broadcast(F, LIMIT).div(most);
        for (int i = 0; i < COLUMNS; i += 4 * L, at += SUM) {
            IntVector even = whole(i, scale).lanewise(LSHL, 16).add(whole(i + 2 * L, scale));
            IntVector odd = whole(i + L, scale).lanewise(LSHL, 16).add(whole(i + 3 * L, scale));
            even.intoMemorySegment(data, at, LITTLE_ENDIAN);
            odd.sub(even.lanewise(LSHL, 8)).intoMemorySegment(data, at + 64, LITTLE_ENDIAN);
            even.add(odd).mul(-ZERO * 0x10001).add(0x8000).intoMemorySegment(data, at + 128, LITTLE_ENDIAN);
        }
        most.mul(unit).intoMemorySegment(data, at, LITTLE_ENDIAN);
    }

    private FloatVector size(int i) {
        return FloatVector.fromArray(F, group, i).abs();
    }

    private IntVector whole(int i, FloatVector scale) {
        return FloatVector.fromArray(F, group, i).mul(scale).add(ROUND).reinterpretAsInts().sub(Float.floatToRawIntBits(ROUND));
    }
}
