package glimp.gguf;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeFalse;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import glimp.gguf.GgufWriter.Array;
import glimp.gguf.GgufWriter.Type;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Collections;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;
import org.junit.jupiter.api.io.TempDir;

/** Each thing that can be wrong with a file is said in one line that names the file, the place and the remedy. */
class GgufErrorsTest {

    private static final int F32 = GgmlType.F32.id;
    /** Where the number of tensors and of metadata pairs stand in every file. */
    private static final int TENSOR_COUNT = 8, PAIR_COUNT = 16;

    @TempDir
    Path directory;

    @Test
    void saysWhatIsNoFileToRead() throws IOException {
        refused(directory.resolve("none.gguf"), "no such file");
        refused(directory, "is a directory");
        refused(Files.createFile(directory.resolve("empty.gguf")), "is empty");
    }

    @Test
    void saysWhatCannotBeMapped() throws IOException {
        Path loop = directory.resolve("loop.gguf");
        refused(Files.createSymbolicLink(loop, loop), "cannot be mapped into memory: ");
        Path device = Path.of("/dev/zero");
        assumeTrue(Files.exists(device), "this system has no " + device);
        refused(device, "is no regular file");
    }

    @Test
    void saysWhatMayNotBeRead() throws IOException {
        assumeTrue(directory.getFileSystem().supportedFileAttributeViews().contains("posix"), "files have no permissions here");
        Path locked = Files.write(directory.resolve("locked.gguf"), new GgufWriter().bytes());
        Files.setPosixFilePermissions(locked, Set.of());
        assumeFalse(Files.isReadable(locked), "this user can read every file");
        refused(locked, "may not be read");
    }

    @Test
    void saysWhatIsNoGguf() {
        refused("GGUF".getBytes(StandardCharsets.US_ASCII), "it has only 4 bytes");
        refused("<!DOCTYPE html><html></html>".getBytes(StandardCharsets.US_ASCII), "it starts with the bytes 3c21444f");
        refused(new GgufWriter().version(1).bytes(), "has GGUF version 1; versions 2 and 3 are supported");
        refused(new GgufWriter().version(4).bytes(), "has GGUF version 4");
        refused(new GgufWriter().version(Integer.reverseBytes(3)).bytes(), "is a big-endian GGUF file");
    }

    @Test
    void refusesCountsThatTheFileCannotHold() {
        byte[] small = new GgufWriter().u32("a", 1).bytes();
        for (long count : new long[] {2, 1000, 1L << 32, Long.MAX_VALUE, -1, Long.MIN_VALUE}) {
            refused(with(small, TENSOR_COUNT, count), "the list of tensors has " + Long.toUnsignedString(count), "byte 8");
            refused(with(small, PAIR_COUNT, count), "the metadata has " + Long.toUnsignedString(count), "byte 16");
        }
        byte[] array = new GgufWriter().array("a", Type.U8, 1, 2, 3).bytes();
        for (long count : new long[] {4, 1L << 40, -1}) {
            refused(with(array, 24 + 8 + 1 + 4 + 4, count), "a has " + Long.toUnsignedString(count) + " elements", "byte 41");
        }
    }

    @Test
    void refusesLengthsThatTheFileCannotHold() {
        byte[] small = new GgufWriter().string("a", "text").tensor("weight", new float[1], 1).bytes();
        for (long length : new long[] {1000, 1L << 32, -1}) {
            refused(with(small, 24, length), "a metadata key has a length of " + Long.toUnsignedString(length), "byte 24");
            refused(with(small, 37, length), "a has a length of", "byte 37");
            refused(with(small, 49, length), "a tensor's name has a length of", "byte 49");
        }
        refused(new GgufWriter().u32("k".repeat(65536), 1).bytes(), "a metadata key has a length of 65536");
    }

    /** Arrays that a file with holes could hold, but no heap. */
    @Test
    void refusesArraysThatNoModelHas() throws IOException {
        Path file = write(with(new GgufWriter().array("a", Type.U8, 1).bytes(), 41, 1L << 25));
        try (RandomAccessFile access = new RandomAccessFile(file.toFile(), "rw")) {
            access.setLength(1L << 33);
        }
        refused(file, "metadata key \"a\" has an array of 33554432 elements", "byte 41");

        Array half = new Array(Type.U8, Collections.nCopies((1 << 23) + 1, 0));
        refused(new GgufWriter().put("a", Type.ARRAY, half).put("b", Type.ARRAY, half), "metadata key \"b\" has an array of 8388609 elements");
    }

    /** Nine strings of 16 MiB each, in a file with holes. */
    @Test
    void refusesHeadersThatNoModelHas() throws IOException {
        Path file = directory.resolve("bad.gguf");
        try (RandomAccessFile access = new RandomAccessFile(file.toFile(), "rw")) {
            access.write(with(new GgufWriter().bytes(), PAIR_COUNT, 9));
            for (int i = 0; i < 9; i++) {
                byte[] pair = new GgufWriter().string("key " + i, "").bytes();
                access.write(with(pair, pair.length - 8, 1 << 24), 24, pair.length - 24);
                access.seek(access.getFilePointer() + (1 << 24));
            }
            access.setLength(1L << 30);
        }
        refused(file, "key 7 has a length of 16777216 bytes", "the header must end by byte 134217728");
    }

    @Test
    void refusesMetadataThatIsNone() {
        refused(new GgufWriter().u32("a", 1).u32("a", 2).bytes(), "metadata key \"a\" comes a second time", "byte 41");
        refused(new GgufWriter().u32("", 1).u32("padding", 1).bytes(), "the metadata key at byte 24 is empty");
        refused(with(new GgufWriter().string("a", "text").bytes(), 33, 13), "metadata key \"a\" has the unknown value type 13", "byte 33");
        refused(new GgufWriter().put("a", Type.U64, -1).bytes(), "metadata key \"a\" is 18446744073709551615", "byte 37");
        byte[] flag = new GgufWriter().bool("a", true).bytes();
        flag[flag.length - 1] = 2;
        refused(flag, "metadata key \"a\" is a boolean of value 2", "byte 37");
    }

    @Test
    void refusesArraysNestedTooDeep() {
        Array array = Array.of(Type.U8, 1);
        for (int depth = 2; depth <= 4; depth++) {
            array = Array.of(Type.ARRAY, array);
        }
        assertEquals(1, Gguf.open(write(new GgufWriter().put("a", Type.ARRAY, array).bytes())).metadata().size());
        refused(new GgufWriter().array("a", Type.ARRAY, array).bytes(), "metadata key \"a\" nests arrays more than 4 deep");
        refused(endlesslyNested(), "metadata key \"a\" nests arrays more than 4 deep");
    }

    @Test
    void refusesAlignmentsThatAreNone() {
        for (int bytes : new int[] {0, 1, 4, 12, 24, 33, 1 << 25}) {
            refused(new GgufWriter().u32("general.alignment", bytes).bytes(), "general.alignment", "is the integer " + bytes,
                    "power of two");
        }
        refused(new GgufWriter().string("general.alignment", "32").bytes(), "is the string \"32\"");
    }

    @Test
    void refusesShapesThatAreNone() {
        refused(new GgufWriter().entry("w", F32, 0), "tensor \"w\" has 0 dimensions");
        refused(new GgufWriter().entry("w", F32, 0, 1, 1, 1, 1, 1), "tensor \"w\" has 5 dimensions");
        refused(new GgufWriter().entry("w", F32, 0, 4, 0), "tensor \"w\" has a dimension of 0");
        refused(new GgufWriter().entry("w", F32, 0, -4), "tensor \"w\" has a dimension of -4", "byte 37");
        refused(new GgufWriter().entry("w", F32, 0, 1L << 32, 1L << 32), "the impossible shape [4294967296, 4294967296]");
        refused(new GgufWriter().entry("w", F32, 0, 1L << 62), "the impossible shape");
        refused(new GgufWriter().entry("w", GgmlType.Q4_K.id, 0, 128, 2), "rows of 128 elements", "the 256 in a block of Q4_K");
    }

    @Test
    void refusesTensorsOutsideTheFile() {
        refused(new GgufWriter().entry("w", F32, 0, 1), "tensor \"w\" has 4 bytes at byte 64 + 0, but the file ends at byte 64");
        refused(new GgufWriter().tensor("v", new float[8], 8).entry("w", F32, 32, 1), "tensor \"w\" has 4 bytes", "+ 32");
        refused(new GgufWriter().entry("w", F32, 0, 1L << 60), "tensor \"w\" has 4611686018427387904 bytes");
        refused(new GgufWriter().entry("w", F32, Long.MAX_VALUE - 31, 1), "tensor \"w\" has 4 bytes");
        byte[] unpadded = Arrays.copyOf(new GgufWriter().entry("w", GgmlType.I8.id, 0, Long.MAX_VALUE).bytes(), 57);
        refused(unpadded, "tensor \"w\" has 9223372036854775807 bytes at byte 64 + 0, but the file ends at byte 57");
        refused(new GgufWriter().entry("w", F32, -32, 1), "tensor \"w\" has the offset 18446744073709551584");
        refused(new GgufWriter().entry("w", F32, 4, 1), "tensor \"w\" has the offset 4", "the alignment 32");
    }

    @Test
    void refusesTensorsWithoutANameOfTheirOwn() {
        refused(new GgufWriter().tensor("w", new float[1], 1).tensor("w", new float[1], 1), "tensor \"w\" comes twice");
        refused(new GgufWriter().tensor("", new float[8], 8), "the tensor's name at byte 24 is empty");
    }

    @Test
    void namesTypesThatAreNotSupportedButLetsThemBeLookedAt() {
        Path file = write(new GgufWriter().tensor("w", GgmlType.IQ2_XXS, new byte[2 * 66], 256, 2).bytes());

        refused(file, "tensor \"w\" has type IQ2_XXS, which is not supported; supported: F32, F16, ", "MXFP4");
        assertEquals(132, Gguf.openAnyType(file).tensor("w").data().byteSize());
        refused(new GgufWriter().entry("w", 99, 0, 1), "tensor \"w\" has the unknown type 99; supported: F32, ");
        refused(new GgufWriter().entry("w", -1, 0, 1), "tensor \"w\" has the unknown type 4294967295");
    }

    @Test
    void refusesAFileCutShortAnywhere() {
        byte[] whole = new GgufWriter().string("a", "text").strings("b", "c", "d").array("e", Type.F64, 1, 2)
                .tensor("w", new float[9], 9).bytes();
        byte[] metadataOnly = new GgufWriter().string("a", "text").put("b", Type.U64, 1).bytes();
        for (byte[] bytes : new byte[][] {whole, metadataOnly}) {
            for (int length = 0; length < bytes.length; length++) {
                refused(Arrays.copyOf(bytes, length));
            }
            Gguf.open(write(bytes));
        }
    }

    @Test
    void saysWhatAKeyShouldBe() {
        Path file = write(new GgufWriter().string("s", "text").u32("i", 7).f32("f", 0.5).bool("b", true).strings("ss", "a")
                .array("is", Type.I32, 1, 2).array("fs", Type.F32, 1).array("bs", Type.BOOL, true)
                .array("as", Type.ARRAY, Array.of(Type.U8, 1)).put("below", Type.I32, -1).put("above", Type.I64, 1L << 31).bytes());
        Gguf gguf = Gguf.open(file);

        refuses(file, () -> gguf.string("none"), "metadata key \"none\" is missing, expected a string");
        refuses(file, () -> gguf.integer("none"), "metadata key \"none\" is missing, expected an integer");
        refuses(file, () -> gguf.count("none"), "metadata key \"none\" is missing, expected an integer");
        refuses(file, () -> gguf.number("none"), "metadata key \"none\" is missing, expected a number");
        refuses(file, () -> gguf.strings("none"), "metadata key \"none\" is missing, expected an array of strings");
        refuses(file, () -> gguf.integers("none"), "metadata key \"none\" is missing, expected an array of integers");
        refuses(file, () -> gguf.numbers("none"), "metadata key \"none\" is missing, expected an array of numbers");
        refuses(file, () -> gguf.string("i"), "metadata key \"i\" is the integer 7, expected a string");
        refuses(file, () -> gguf.integer("f"), "metadata key \"f\" is the float 0.5, expected an integer");
        refuses(file, () -> gguf.number("s"), "metadata key \"s\" is the string \"text\", expected a number");
        refuses(file, () -> gguf.flag("ss", true), "metadata key \"ss\" is an array of 1 strings, expected a boolean");
        refuses(file, () -> gguf.strings("is"), "metadata key \"is\" is an array of 2 integers, expected an array of strings");
        refuses(file, () -> gguf.integers("fs"), "metadata key \"fs\" is an array of 1 floats, expected an array of integers");
        refuses(file, () -> gguf.numbers("b"), "metadata key \"b\" is the boolean true, expected an array of numbers");
        refuses(file, () -> gguf.string("bs"), "metadata key \"bs\" is an array of 1 booleans");
        refuses(file, () -> gguf.string("as"), "metadata key \"as\" is an array of 1 arrays");
        refuses(file, () -> gguf.count("below"), "metadata key \"below\" is the integer -1, expected a count");
        refuses(file, () -> gguf.count("above"), "metadata key \"above\" is the integer 2147483648, expected a count");
        refuses(file, () -> gguf.tensor("w"), "tensor \"w\" is missing");
    }

    @Test
    void keepsToOneLineWhateverANameHolds() {
        refused(new GgufWriter().entry("a\nb\r\u001b[31m\u2028" + "long".repeat(1000), F32, 0), "tensor \"a\uFFFDb\uFFFD");
    }

    private void refused(GgufWriter writer, String... parts) {
        refused(writer.bytes(), parts);
    }

    private void refused(byte[] bytes, String... parts) {
        refused(write(bytes), parts);
    }

    private void refused(Path file, String... parts) {
        refuses(file, () -> Gguf.open(file), parts);
    }

    private static void refuses(Path file, Executable action, String... parts) {
        String message = assertThrows(GgufException.class, action).getMessage();
        assertTrue(message.startsWith(file + ": "), message);
        assertFalse(message.chars().anyMatch(Character::isISOControl), message);
        assertTrue(message.length() < 700, message);
        for (String part : parts) {
            assertTrue(message.contains(part), () -> "\"" + message + "\" should contain \"" + part + "\"");
        }
    }

    private Path write(byte[] bytes) {
        try {
            return Files.write(directory.resolve("bad.gguf"), bytes);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** A copy with eight bytes replaced. */
    private static byte[] with(byte[] bytes, int at, long value) {
        byte[] changed = bytes.clone();
        ByteBuffer.wrap(changed).order(ByteOrder.LITTLE_ENDIAN).putLong(at, value);
        return changed;
    }

    /** A million arrays, each the only element of the one before. */
    private static byte[] endlesslyNested() {
        byte[] start = new GgufWriter().put("a", Type.ARRAY, Array.of(Type.ARRAY)).bytes();
        ByteBuffer nested = ByteBuffer.allocate(37 + 12 * 1_000_000).order(ByteOrder.LITTLE_ENDIAN).put(start, 0, 37);
        while (nested.hasRemaining()) {
            nested.putInt(Type.ARRAY.ordinal()).putLong(1);
        }
        return nested.array();
    }
}
