package glimp.tensor;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.function.IntUnaryOperator;
import jdk.incubator.vector.ByteVector;

/** Whether 64 bytes can be looked up in a table of 64 in one operation, and tables for that. */
final class Codes {
    /**
     * Not every processor with vectors of 512 bits permutes their bytes; where it does not, the Vector API goes through arrays,
     * a hundred times slower than floats. It does not tell, so that the system must.
     */
    static final boolean USABLE = Ints32.USABLE && permutesBytes();

    private Codes() {}

    private static boolean permutesBytes() {
        try (InputStream in = Files.newInputStream(Path.of("/proc/cpuinfo"))) {
            return new String(in.readNBytes(1 << 13), StandardCharsets.ISO_8859_1).contains(" avx512vbmi ");
        } catch (IOException e) {
            return false;
        }
    }

    /** 64 bytes; null where they are no vector. */
    static ByteVector bytes(IntUnaryOperator value) {
        byte[] bytes = new byte[64];
        for (int i = 0; i < 64; i++) {
            bytes[i] = (byte) value.applyAsInt(i);
        }
        return Ints32.USABLE ? ByteVector.fromArray(ByteVector.SPECIES_512, bytes, 0) : null;
    }
}
