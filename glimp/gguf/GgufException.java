package glimp.gguf;

import java.nio.file.Path;

/**
 * What is wrong with a model file, in one line that starts with the file's name: the only failure that reading a GGUF
 * file ends in, whatever its bytes are.
 */
public final class GgufException extends RuntimeException {

    private static final int LONGEST = 600;

    /** @param problem what is wrong, where (key, tensor, byte offset) and, if there is something, what to do */
    public GgufException(Path file, String problem) {
        this(file + ": " + problem);
    }

    /** @param message the whole line, which must start with the file's name */
    public GgufException(String message) {
        super(oneLine(message));
    }

    /** Names and values from a broken file may hold anything: keep them from breaking the line or flooding it. */
    private static String oneLine(String message) {
        StringBuilder line = new StringBuilder(Math.min(message.length(), LONGEST));
        message.codePoints().limit(LONGEST).forEach(c -> line.appendCodePoint(isPrintable(c) ? c : '\uFFFD'));
        return line.length() < message.length() ? line.append("...").toString() : line.toString();
    }

    private static boolean isPrintable(int c) {
        int kind = Character.getType(c);
        return kind != Character.CONTROL && kind != Character.LINE_SEPARATOR && kind != Character.PARAGRAPH_SEPARATOR
                && kind != Character.SURROGATE && kind != Character.FORMAT;
    }
}
