package glimp.tensor;

/**
 * Activations in the order in which a vector of 64 bytes holds the nibbles of four blocks of 32 weights, each 16 bytes, the
 * first half of the block in the lower nibbles: a lane of 32 bits has eight, and of every 128 values come first those of the
 * lanes' lowest nibbles, 16 floats, then those of the next ones.
 */
final class Nibbles128 {
    private final Activations x;
    private float[] values = new float[0];
    boolean ready;

    Nibbles128(Activations x) {
        this.x = x;
    }

    /** {@code float[tokens][width]}. */
    float[] values() {
        return values;
    }

    /** Makes them, once after every {@link Activations#changed}; the width is a multiple of 128. */
    void make() {
        if (ready) {
            return;
        }
        int count = x.tokens * x.width;
        if (values.length < count) {
            values = new float[count];
        }
        for (int i = 0; i < count; i += 32) {
            int to = i / 128 * 128 + i % 128 / 8;
            for (int k = 0; k < 16; k++) {
                int at = to + k / 4 + k % 4 * 32;
                values[at] = x.values[i + k];
                values[at + 16] = x.values[i + 16 + k];
            }
        }
        ready = true;
    }
}
