package glimp.text;

import java.nio.charset.StandardCharsets;

/**
 * Text as UTF-8 with the character classes pre-tokenizers ask for. A position is the byte offset of a character; a class
 * set is a union of the constants, each of which has characters no other has.
 */
final class Text {

    /** a-z, A-Z, all other letters; combining marks; 0-9, all other numbers. */
    static final int SMALL = 1, CAPITAL = 2, FOREIGN = 4, MARK = 8, DIGIT = 16, NUMERAL = 32;
    static final int PUNCTUATION = 64, SYMBOL = 128;
    /** U+0020; carriage return and line feed; all other white space. */
    static final int BLANK = 256, LINE = 512, SPACE = 1024;
    /** Controls, format characters, what is private or unassigned. */
    static final int OTHER = 2048;

    static final int ANY = 4095;
    static final int LETTER = SMALL | CAPITAL | FOREIGN;
    static final int NUMBER = DIGIT | NUMERAL;
    static final int WHITE = BLANK | LINE | SPACE;

    private static final short[] ASCII = new short[128];

    static {
        for (int c = 0; c < 128; c++) {
            ASCII[c] = (short) classify(c);
        }
    }

    final byte[] bytes;

    /** @param bytes well-formed UTF-8 */
    Text(byte[] bytes) {
        this.bytes = bytes;
    }

    Text(String text) {
        this(text.getBytes(StandardCharsets.UTF_8));
    }

    /** The class of the character at a position. */
    int kind(int at) {
        byte b = bytes[at];
        return b >= 0 ? ASCII[b] : classify(point(at));
    }

    boolean is(int set, int at, int to) {
        return at < to && (kind(at) & set) != 0;
    }

    /** The position after the character at a position. */
    int next(int at) {
        return at + length(bytes[at]);
    }

    /** The position of the character before a position. */
    int before(int at) {
        do {
            at--;
        } while ((bytes[at] & 0xC0) == 0x80);
        return at;
    }

    /** The first position from {@code at} on whose character is not in the set, {@code to} at most. */
    int skip(int set, int at, int to) {
        while (at < to && (kind(at) & set) != 0) {
            at = next(at);
        }
        return at;
    }

    /** The code point at a position. */
    int point(int at) {
        byte[] b = bytes;
        int lead = b[at];
        return switch (length(lead)) {
            case 1 -> lead;
            case 2 -> (lead & 0x1F) << 6 | b[at + 1] & 0x3F;
            case 3 -> (lead & 0x0F) << 12 | (b[at + 1] & 0x3F) << 6 | b[at + 2] & 0x3F;
            default -> (lead & 0x07) << 18 | (b[at + 1] & 0x3F) << 12 | (b[at + 2] & 0x3F) << 6 | b[at + 3] & 0x3F;
        };
    }

    /** Bytes of a character whose first byte this is. */
    static int length(int lead) {
        return lead >= 0 ? 1 : (lead & 0xE0) == 0xC0 ? 2 : (lead & 0xF0) == 0xE0 ? 3 : 4;
    }

    private static int classify(int point) {
        if (isWhite(point)) {
            return point == ' ' ? BLANK : point == '\r' || point == '\n' ? LINE : SPACE;
        }
        return switch (Character.getType(point)) {
            case Character.LOWERCASE_LETTER -> point < 128 ? SMALL : FOREIGN;
            case Character.UPPERCASE_LETTER -> point < 128 ? CAPITAL : FOREIGN;
            case Character.TITLECASE_LETTER, Character.MODIFIER_LETTER, Character.OTHER_LETTER -> FOREIGN;
            case Character.NON_SPACING_MARK, Character.ENCLOSING_MARK, Character.COMBINING_SPACING_MARK -> MARK;
            case Character.DECIMAL_DIGIT_NUMBER, Character.LETTER_NUMBER, Character.OTHER_NUMBER ->
                    point < 128 ? DIGIT : NUMERAL;
            case Character.CONNECTOR_PUNCTUATION, Character.DASH_PUNCTUATION, Character.START_PUNCTUATION,
                    Character.END_PUNCTUATION, Character.INITIAL_QUOTE_PUNCTUATION, Character.FINAL_QUOTE_PUNCTUATION,
                    Character.OTHER_PUNCTUATION -> PUNCTUATION;
            case Character.MATH_SYMBOL, Character.CURRENCY_SYMBOL, Character.MODIFIER_SYMBOL, Character.OTHER_SYMBOL -> SYMBOL;
            default -> OTHER;
        };
    }

    /** Unicode's White_Space, which is not what {@link Character#isWhitespace} tells. */
    private static boolean isWhite(int point) {
        return point >= 9 && point <= 13 || point == ' ' || point == 0x85 || point == 0xA0 || point == 0x1680
                || point >= 0x2000 && point <= 0x200A || point == 0x2028 || point == 0x2029 || point == 0x202F
                || point == 0x205F || point == 0x3000;
    }
}
