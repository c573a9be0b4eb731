package glimp.tensor;

import java.lang.foreign.MemorySegment;

/** Activations as integers, as the kernels of a format with blocks of 32 want them; made once a product. */
interface Ints {
    /** Makes them, once after every {@link Activations#changed}. */
    void make();

    /** Whether they were made since. */
    boolean ready();

    MemorySegment data();

    /** Where a token's begin. */
    long start(int token);

    /** Columns that a kernel takes at a time; those beyond the last whole group are left to the caller. */
    int columns();
}
