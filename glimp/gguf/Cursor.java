package glimp.gguf;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;

/**
 * Reads the little-endian header of a mapped file from front to back and never past its end.
 *
 * <p>A header holds some hundred thousand short strings and is read before anything is compiled, when every access to a
 * memory segment is slow: so the bytes come through a window on the heap, copied in large pieces.
 */
final class Cursor {

    private static final int WINDOW = 1 << 18;

    private final Path file;
    private final MemorySegment source;
    private final long end;
    private final byte[] window;
    private final ByteBuffer view;
    /** Where in the file the window begins. */
    private long base;
    /** Bytes of the window that are filled. */
    private int filled;
    /** Next byte in the window. */
    private int next;

    /** @param end where reading must stop, bytes from the start of {@code source} */
    Cursor(Path file, MemorySegment source, long end) {
        this.file = file;
        this.source = source;
        this.end = end;
        this.window = new byte[(int) Math.min(WINDOW, end)];
        this.view = ByteBuffer.wrap(window).order(ByteOrder.LITTLE_ENDIAN);
    }

    /** Offset of the next byte in the file. */
    long offset() {
        return base + next;
    }

    /** Bytes up to the end. */
    long left() {
        return end - offset();
    }

    byte i8() {
        return view.get(take(1));
    }

    short i16() {
        return view.getShort(take(2));
    }

    int i32() {
        return view.getInt(take(4));
    }

    long i64() {
        return view.getLong(take(8));
    }

    float f32() {
        return view.getFloat(take(4));
    }

    double f64() {
        return view.getDouble(take(8));
    }

    /** A count of things of at least {@code bytesEach} bytes, which therefore must fit into what is left of the file. */
    int count(String what, int bytesEach) {
        long at = offset();
        long count = i64();
        if (count < 0 || count > left() / bytesEach || count > Integer.MAX_VALUE) {
            throw fail(what + " is " + Long.toUnsignedString(count) + " at byte " + at + ", more than the "
                    + left() + " bytes after it can hold; the file is damaged or cut short");
        }
        return (int) count;
    }

    /** A length of 8 bytes and so many bytes of UTF-8; what is no UTF-8 comes as U+FFFD. */
    String string(String what, int longest) {
        long at = offset();
        int length = count("the length of " + what, 1);
        if (length > longest) {
            throw fail(what + " at byte " + at + " is " + length + " bytes long, at most " + longest + " are allowed");
        }
        if (length > window.length) {
            byte[] bytes = new byte[length];
            MemorySegment.copy(source, ValueLayout.JAVA_BYTE, offset(), bytes, 0, length);
            base = offset() + length;
            next = filled = 0;
            return new String(bytes, StandardCharsets.UTF_8);
        }
        return new String(window, take(length), length, StandardCharsets.UTF_8);
    }

    GgufException fail(String problem) {
        return new GgufException(file, problem);
    }

    /** Steps over so many bytes (a window's worth at most) and returns where in the window they begin. */
    private int take(int bytes) {
        if (filled - next < bytes) {
            refill(bytes);
        }
        int at = next;
        next += bytes;
        return at;
    }

    private void refill(int bytes) {
        if (left() < bytes) {
            throw fail("the header goes on after byte " + end + ", where the file ends; it was cut short");
        }
        base += next;
        next = 0;
        filled = (int) Math.min(window.length, end - base);
        MemorySegment.copy(source, ValueLayout.JAVA_BYTE, base, window, 0, filled);
    }
}
