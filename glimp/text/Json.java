package glimp.text;

import java.util.List;
import java.util.Map;

/**
 * A small JSON reader and writer (RFC 8259): objects are {@link Map}s in the order of the text, arrays {@link List}s, then
 * String, Long, Double, Boolean and null.
 */
public final class Json {

    private Json() {}

    /**
     * The value of a text: a mutable LinkedHashMap or ArrayList of such values, a String, a Long (a number without fraction
     * and exponent that fits), a Double, a Boolean or null. Of two members with the same name the last counts.
     *
     * @throws JsonException if the text is anything but one value with blanks around
     */
    public static Object parse(String text) {
        return new JsonParser(text).parse();
    }

    /**
     * The value in one line. Besides what {@link #parse} gives, any Map with String keys, any Iterable, arrays of int, long,
     * float, double, boolean and objects, and any CharSequence, Number and Enum may be written. A NaN or an infinity, which
     * JSON has no word for, is written as null.
     *
     * @throws IllegalArgumentException for a value of any other class
     */
    public static String write(Object value) {
        return new JsonWriter(false).write(value);
    }

    /** As {@link #write}, but over several lines: a member or an element each, two blanks deeper for each level. */
    public static String writeIndented(Object value) {
        return new JsonWriter(true).write(value);
    }
}
