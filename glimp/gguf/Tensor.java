package glimp.gguf;

import java.lang.foreign.MemorySegment;

/**
 * A named array of numbers in a GGUF file, where it lies: nothing is read before somebody looks at {@code data}.
 *
 * @param name  such as {@code blk.0.attn_q.weight}
 * @param type  how the numbers are stored
 * @param shape innermost dimension first, as in the file: {@code shape[0]} numbers lie beside each other (the columns of a
 *              matrix); 1 to 4 dimensions, all positive, not to be changed
 * @param data  the tensor's bytes, {@code type.bytesFor(elements())} of them, mapped read-only; any thread may read them
 */
public record Tensor(String name, GgmlType type, long[] shape, MemorySegment data) {

    /** How many numbers the tensor holds: the product of its dimensions. */
    public long elements() {
        long product = 1;
        for (long dimension : shape) {
            product *= dimension;
        }
        return product;
    }
}
