package glimp.text;

import java.nio.ByteBuffer;
import java.nio.CharBuffer;
import java.nio.charset.CharsetDecoder;
import java.nio.charset.CodingErrorAction;
import java.nio.charset.StandardCharsets;

/**
 * Bytes of tokens in, whole characters out: a token may end within a character, and the next go on with it. Bytes that can
 * no longer become a character come as U+FFFD, as soon as that is certain. Not for several threads.
 */
public final class TextStream {

    /** A character has four bytes at most: three may be left over. */
    private static final int MOST_PENDING = 3;

    private final CharsetDecoder decoder = StandardCharsets.UTF_8.newDecoder()
            .onMalformedInput(CodingErrorAction.REPLACE).onUnmappableCharacter(CodingErrorAction.REPLACE);
    private byte[] pending = {};

    /** The characters that these bytes complete; may be empty. */
    public String push(byte[] bytes) {
        return decode(bytes, false);
    }

    /** What is left at the end, at most one U+FFFD; afterwards the stream is as new. */
    public String finish() {
        String rest = decode(new byte[0], true);
        decoder.reset();
        return rest;
    }

    private String decode(byte[] bytes, boolean last) {
        ByteBuffer in = ByteBuffer.allocate(pending.length + bytes.length).put(pending).put(bytes).flip();
        CharBuffer out = CharBuffer.allocate(in.remaining() + MOST_PENDING);
        decoder.decode(in, out, last);
        if (last) {
            decoder.flush(out);
        }
        pending = new byte[in.remaining()];
        in.get(pending);
        return out.flip().toString();
    }
}
