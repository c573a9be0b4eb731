package glimp.gguf;

import static org.junit.jupiter.api.Assertions.assertTrue;

import glimp.gguf.GgufWriter.Array;
import glimp.gguf.GgufWriter.Type;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A damaged file ends in a {@link GgufException}, or it loads and every byte of its tensors is there. */
class GgufFuzzTest {

    private static final long[] EXTREMES = {0, 1, -1, 7, 32, 255, 65536, Integer.MAX_VALUE, 1L << 31, 1L << 32, 1L << 40,
            Long.MAX_VALUE, Long.MIN_VALUE, Long.MAX_VALUE - 31, -32};

    private int loaded;
    private int refused;
    private long touched;

    @Test
    void everyMutationIsRefusedOrLoads() {
        byte[] original = small();
        Path file = Path.of("mutant.gguf");
        for (int seed = 0; seed < 8000; seed++) {
            byte[] mutant = mutate(original, new Random(seed));
            survives(seed, file, () -> SplitSet.complete(GgufReader.read(file, MemorySegment.ofArray(mutant))));
        }
        assertTrue(loaded > 500 && refused > 3000 && touched > 0, loaded + " loaded, " + refused + " refused");
    }

    @Test
    void everyMutationOfAMappedFileIsRefusedOrLoads(@TempDir Path directory) throws IOException {
        byte[] original = small();
        for (int seed = 10_000; seed < 10_500; seed++) {
            Path file = Files.write(directory.resolve(seed + ".gguf"), mutate(original, new Random(seed)));
            survives(seed, file, () -> Gguf.open(file));
        }
        assertTrue(loaded > 30 && refused > 200, loaded + " loaded, " + refused + " refused");
    }

    private interface Opening {
        Gguf open();
    }

    private void survives(int seed, Path file, Opening opening) {
        try {
            for (Tensor tensor : opening.open().tensors().values()) {
                for (byte b : tensor.data().toArray(ValueLayout.JAVA_BYTE)) {
                    touched += b & 255;
                }
            }
            loaded++;
        } catch (GgufException e) {
            assertTrue(e.getMessage().startsWith(file.toString()) && e.getMessage().lines().count() == 1, e.getMessage());
            refused++;
        } catch (Throwable e) {
            throw new AssertionError("seed " + seed, e);
        }
    }

    /** One to three changes; most of them in the header, which is the first part of the file. */
    private static byte[] mutate(byte[] original, Random random) {
        byte[] bytes = original.clone();
        for (int changes = 1 + random.nextInt(3); changes > 0 && bytes.length > 8; changes--) {
            bytes = change(bytes, random);
        }
        return bytes;
    }

    private static byte[] change(byte[] bytes, Random random) {
        int at = random.nextInt(bytes.length - 7);
        ByteBuffer buffer = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
        switch (random.nextInt(7)) {
            case 0 -> bytes[at] ^= (byte) (1 << random.nextInt(8));
            case 1 -> bytes[at] = (byte) random.nextInt(256);
            case 2 -> buffer.putLong(at, EXTREMES[random.nextInt(EXTREMES.length)]);
            case 3 -> buffer.putInt(at, (int) EXTREMES[random.nextInt(EXTREMES.length)]);
            case 4 -> buffer.putLong(at, buffer.getLong(at) + random.nextInt(-3, 4));
            case 5 -> bytes = Arrays.copyOf(bytes, at);
            default -> bytes = inserted(bytes, at, random.nextInt(1, 40), random);
        }
        return bytes;
    }

    private static byte[] inserted(byte[] bytes, int at, int count, Random random) {
        byte[] piece = new byte[count];
        random.nextBytes(piece);
        return ByteBuffer.allocate(bytes.length + count).put(bytes, 0, at).put(piece).put(bytes, at, bytes.length - at).array();
    }

    /** Some 1500 bytes with all that a file can have. */
    private static byte[] small() {
        GgufWriter writer = new GgufWriter().alignment(32).string("general.architecture", "llama").put("split.count", Type.U16, 1);
        Type[] scalars = {Type.U8, Type.I8, Type.U16, Type.I16, Type.U32, Type.I32, Type.F32, Type.U64, Type.I64, Type.F64};
        for (Type type : scalars) {
            writer.put("one." + type, type, 1).array("two." + type, type, 1, 2);
        }
        return writer.bool("flag", true).array("flags", Type.BOOL, true, false).strings("tokens", "a", "b", "", "été")
                .array("nested", Type.ARRAY, Array.of(Type.U8, 1), Array.of(Type.ARRAY, Array.of(Type.STRING, "x")))
                .tensor("a", new float[12], 4, 3).tensor("b", GgmlType.Q8_0, new byte[68], 32, 2)
                .tensor("c", GgmlType.Q6_K, new byte[210], 256).bytes();
    }
}
