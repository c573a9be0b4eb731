package glimp.model;

import glimp.tensor.FewRows;
import glimp.tensor.FewRowsF16;
import glimp.tensor.FewRowsQ8;
import glimp.tensor.Halves;
import glimp.tensor.Ops;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;

/**
 * The keys, or the values, of one head in one layer: rows of 16 numbers, stored as one type. Positions and sizes are in
 * numbers.
 */
abstract sealed class CacheNumbers {
    private static final int LANES = FewRows.BLOCK;
    /** Bytes that are saved at a time. */
    private static final int CHUNK = 1 << 16;

    /** Makes room for so many numbers, a multiple of what {@link KvCache} lays together. */
    abstract void grow(int size);

    /** Bytes held at the moment. */
    abstract long bytes();

    /** Writes n numbers, {@code step} apart: a key down a lane (step 16), or a stretch of a value along a row (step 1). */
    abstract void put(float[] in, int inAt, int n, int at, int step);

    /** Decodes rows to rows {@code outRow} apart. */
    abstract void get(int at, int rows, float[] out, int outAt, int outRow);

    /** As {@link FewRows#multiply}; the result is {@link #scale} times too small. */
    abstract void multiply(int rows, float[] w, int wAt, int wRow, int at, int block, int depth, int blocks, float[] c, int cAt, int cRow);

    float scale() {
        return 1;
    }

    /** Writes the first {@code size} numbers. */
    abstract void save(int size, KvCache.ByteSink out) throws IOException;

    /** Reads the first {@code size} numbers. */
    abstract void load(int size, KvCache.ByteSource in) throws IOException;

    private static ByteBuffer buffer() {
        return ByteBuffer.allocate(CHUNK).order(ByteOrder.LITTLE_ENDIAN);
    }

    private static void saveFloats(float[] data, int size, KvCache.ByteSink out) throws IOException {
        ByteBuffer bytes = buffer();
        for (int at = 0, n; at < size; at += n) {
            n = Math.min(size - at, CHUNK / 4);
            bytes.clear().limit(4 * n);
            bytes.asFloatBuffer().put(data, at, n);
            out.write(bytes);
        }
    }

    private static void loadFloats(float[] data, int size, KvCache.ByteSource in) throws IOException {
        ByteBuffer bytes = buffer();
        for (int at = 0, n; at < size; at += n) {
            n = Math.min(size - at, CHUNK / 4);
            in.read(bytes.clear().limit(4 * n)).asFloatBuffer().get(data, at, n);
        }
    }

    static final class F32 extends CacheNumbers {
        private float[] data = {};

        @Override
        void grow(int size) {
            data = Arrays.copyOf(data, size);
        }

        @Override
        long bytes() {
            return 4L * data.length;
        }

        @Override
        void put(float[] in, int inAt, int n, int at, int step) {
            for (int i = 0; i < n; i++) {
                data[at + i * step] = in[inAt + i];
            }
        }

        @Override
        void get(int at, int rows, float[] out, int outAt, int outRow) {
            Ops.copyRows(data, at, rows, LANES, out, outAt, outRow);
        }

        @Override
        void multiply(int rows, float[] w, int wAt, int wRow, int at, int block, int depth, int blocks, float[] c, int cAt, int cRow) {
            FewRows.multiply(rows, w, wAt, wRow, data, at, block, depth, blocks, c, cAt, cRow);
        }

        @Override
        void save(int size, KvCache.ByteSink out) throws IOException {
            saveFloats(data, size, out);
        }

        @Override
        void load(int size, KvCache.ByteSource in) throws IOException {
            loadFloats(data, size, in);
        }
    }

    static final class F16 extends CacheNumbers {
        private short[] data = {};

        @Override
        void grow(int size) {
            data = Arrays.copyOf(data, size);
        }

        @Override
        long bytes() {
            return 2L * data.length;
        }

        @Override
        void put(float[] in, int inAt, int n, int at, int step) {
            for (int i = 0; i < n; i++) {
                data[at + i * step] = Float.floatToFloat16(in[inAt + i]);
            }
        }

        @Override
        void get(int at, int rows, float[] out, int outAt, int outRow) {
            Halves.decode(data, at, rows, LANES, out, outAt, outRow);
        }

        @Override
        void multiply(int rows, float[] w, int wAt, int wRow, int at, int block, int depth, int blocks, float[] c, int cAt, int cRow) {
            FewRowsF16.multiply(rows, w, wAt, wRow, data, at, block, depth, blocks, c, cAt, cRow);
        }

        @Override
        float scale() {
            return FewRowsF16.SCALE;
        }

        @Override
        void save(int size, KvCache.ByteSink out) throws IOException {
            ByteBuffer bytes = buffer();
            for (int at = 0, n; at < size; at += n) {
                n = Math.min(size - at, CHUNK / 2);
                bytes.clear().limit(2 * n);
                bytes.asShortBuffer().put(data, at, n);
                out.write(bytes);
            }
        }

        @Override
        void load(int size, KvCache.ByteSource in) throws IOException {
            ByteBuffer bytes = buffer();
            for (int at = 0, n; at < size; at += n) {
                n = Math.min(size - at, CHUNK / 2);
                in.read(bytes.clear().limit(2 * n)).asShortBuffer().get(data, at, n);
            }
        }
    }

    /**
     * Signed bytes, with a scale for every stretch of numbers that were put together: for keys one a lane and
     * {@code group} rows, for values one a row of 16 features.
     */
    static final class Q8 extends CacheNumbers {
        private static final int LARGEST = 127;

        /** Rows that share the scales of their lanes; 0: each row has one scale. */
        private final int group;
        private byte[] data = {};
        private float[] scales = {};

        private Q8(int group) {
            this.group = group;
        }

        /** Keys of a head this wide: the largest groups up to 32 features that divide it. */
        static Q8 keys(int width) {
            return new Q8(group(width));
        }

        static int group(int width) {
            return Math.min(32, Integer.lowestOneBit(width));
        }

        static Q8 values() {
            return new Q8(0);
        }

        /** How many scales belong to so many numbers. */
        private int scales(int size) {
            return group == 0 ? size / LANES : size / group;
        }

        @Override
        void grow(int size) {
            data = Arrays.copyOf(data, size);
            scales = Arrays.copyOf(scales, scales(size));
        }

        @Override
        long bytes() {
            return data.length + 4L * scales.length;
        }

        @Override
        void put(float[] in, int inAt, int n, int at, int step) {
            int stretch = group == 0 ? n : group;
            for (int i = 0; i < n; i += stretch) {
                int first = at + i * step;
                int scaleAt = group == 0 ? first / LANES : first / LANES / group * LANES + first % LANES;
                scales[scaleAt] = quantise(in, inAt + i, stretch, first, step);
            }
        }

        /** Returns the scale: what a byte of 1 stands for. */
        private float quantise(float[] in, int inAt, int n, int at, int step) {
            float max = 0;
            for (int i = 0; i < n; i++) {
                max = Math.max(max, Math.abs(in[inAt + i]));
            }
            float perUnit = max == 0 ? 0 : LARGEST / max;
            for (int i = 0; i < n; i++) {
                data[at + i * step] = (byte) Math.round(in[inAt + i] * perUnit);
            }
            return max / LARGEST;
        }

        @Override
        void get(int at, int rows, float[] out, int outAt, int outRow) {
            for (int r = at / LANES; r < at / LANES + rows; r++, outAt += outRow) {
                for (int lane = 0; lane < LANES; lane++) {
                    float scale = group == 0 ? scales[r] : scales[r / group * LANES + lane];
                    out[outAt + lane] = scale * data[r * LANES + lane];
                }
            }
        }

        @Override
        void multiply(int rows, float[] w, int wAt, int wRow, int at, int block, int depth, int blocks, float[] c, int cAt, int cRow) {
            for (int b = 0; b < blocks; b++, at += block, cAt += LANES) {
                if (group == 0) {
                    float[] weights = scaled(rows, w, wAt, wRow, at / LANES, depth);
                    FewRowsQ8.multiply(rows, weights, 0, depth, data, at, depth, null, 0, c, cAt, cRow);
                } else {
                    for (int k = 0; k < depth; k += group) {
                        int first = at + k * LANES;
                        FewRowsQ8.multiply(rows, w, wAt + k, wRow, data, first, group, scales, first / group, c, cAt, cRow);
                    }
                }
            }
        }

        /** {@code [rows][depth]}: the weights times the scales of the rows that they multiply. */
        private float[] scaled(int rows, float[] w, int wAt, int wRow, int row, int depth) {
            float[] out = new float[rows * depth];
            for (int r = 0; r < rows; r++) {
                for (int k = 0; k < depth; k++) {
                    out[r * depth + k] = w[wAt + r * wRow + k] * scales[row + k];
                }
            }
            return out;
        }

        @Override
        void save(int size, KvCache.ByteSink out) throws IOException {
            out.write(ByteBuffer.wrap(data, 0, size));
            saveFloats(scales, scales(size), out);
        }

        @Override
        void load(int size, KvCache.ByteSource in) throws IOException {
            in.read(ByteBuffer.wrap(data, 0, size));
            loadFloats(scales, scales(size), in);
        }
    }
}
