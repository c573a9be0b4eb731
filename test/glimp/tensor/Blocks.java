package glimp.tensor;

import glimp.gguf.GgmlType;
import glimp.gguf.GgufException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import java.util.List;
import java.util.Random;

/**
 * Made-up matrices for kernel tests: any bytes are valid quants, only the scales among them are chosen, so that every
 * value is finite.
 */
enum Blocks {
    /** Random quants, scales as in real weights. */
    ORDINARY {
        @Override
        float scale(Random random) {
            return (float) (0.05 * random.nextGaussian());
        }
    },
    /** Blocks of only zeros, ones, lowest and highest bytes among random ones. */
    EXTREME {
        private static final int[] FILL = {0x00, 0xFF, 0x80, 0x7F};

        @Override
        float scale(Random random) {
            return random.nextInt(4) == 0 ? 0 : random.nextBoolean() ? 0.25f : -0.25f;
        }

        @Override
        void quants(Random random, byte[] block) {
            int choice = random.nextInt(FILL.length + 1);
            if (choice < FILL.length) {
                Arrays.fill(block, (byte) FILL[choice]);
            } else {
                random.nextBytes(block);
            }
        }
    },
    /** Scales that are subnormal as half floats. */
    SUBNORMAL {
        @Override
        float scale(Random random) {
            return (random.nextInt(2047) - 1023) * 0x1p-24f;
        }
    },
    /** Scales near the largest half float. */
    HUGE {
        @Override
        float scale(Random random) {
            return (random.nextBoolean() ? 1 : -1) * (60000 + random.nextInt(5504));
        }
    };

    /** A scale, a value of the half floats' range; also an element of the formats without blocks. */
    abstract float scale(Random random);

    void quants(Random random, byte[] block) {
        random.nextBytes(block);
    }

    /** The formats that there are kernels for. */
    static List<GgmlType> formats() {
        return Arrays.stream(GgmlType.values()).filter(t -> t.supported).filter(Blocks::present).toList();
    }

    private static boolean present(GgmlType type) {
        try {
            Formats.matrix(type, Arena.ofAuto().allocate(type.bytes), 1, type.block);
            return true;
        } catch (GgufException e) {
            return false;
        }
    }

    /** A matrix in memory of exactly its size outside the heap, like a mapped file. */
    Matrix matrix(GgmlType type, int rows, int cols, long seed) {
        Random random = new Random(seed);
        MemorySegment data = Arena.ofAuto().allocate(rows * type.bytesFor(cols), 1);
        byte[] block = new byte[type.bytes];
        for (long at = 0; at < data.byteSize(); at += type.bytes) {
            quants(random, block);
            MemorySegment.copy(block, 0, data, ValueLayout.JAVA_BYTE, at, type.bytes);
            scales(type, random, data, at);
        }
        return Formats.matrix(type, data, rows, cols);
    }

    private void scales(GgmlType type, Random random, MemorySegment data, long at) {
        switch (type) {
            case F32 -> data.set(ValueLayout.JAVA_FLOAT_UNALIGNED, at, scale(random) * (1 + random.nextInt(1000) * 0x1p-20f));
            case F16 -> half(random, data, at);
            case BF16 -> data.set(ValueLayout.JAVA_SHORT_UNALIGNED, at, (short) (Float.floatToIntBits(scale(random)) >>> 16));
            case MXFP4 -> data.set(ValueLayout.JAVA_BYTE, at, (byte) (127 + Math.getExponent(scale(random))));
            case Q4_0, Q5_0, Q8_0, IQ4_NL, IQ4_XS -> half(random, data, at);
            case Q4_1, Q5_1, Q4_K, Q5_K -> {
                half(random, data, at);
                half(random, data, at + 2);
            }
            case Q2_K -> {
                half(random, data, at + 80);
                half(random, data, at + 82);
            }
            case Q3_K -> half(random, data, at + 108);
            case Q6_K -> half(random, data, at + 208);
            default -> throw new AssertionError(type);
        }
    }

    private void half(Random random, MemorySegment data, long at) {
        data.set(ValueLayout.JAVA_SHORT_UNALIGNED, at, Float.floatToFloat16(scale(random)));
    }

    /** Activations as they come out of a norm: mostly about 1, a few large. */
    static Activations activations(int tokens, int width, long seed) {
        Random random = new Random(seed);
        Activations x = new Activations(tokens, width);
        x.tokens = tokens;
        for (int i = 0; i < x.values.length; i++) {
            x.values[i] = (float) (random.nextGaussian() * (random.nextInt(50) == 0 ? 20 : 1));
        }
        return x;
    }
}
