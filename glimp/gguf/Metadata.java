package glimp.gguf;

import java.util.LinkedHashMap;
import java.util.Map;

/**
 * Reads the keys and values of a GGUF header. A pair is its key, a type of 4 bytes and the value; an array is the type of
 * its elements, a length of 8 bytes and the elements.
 */
final class Metadata {

    private static final int U8 = 0, I8 = 1, U16 = 2, I16 = 3, U32 = 4, I32 = 5, F32 = 6, BOOL = 7, STRING = 8, ARRAY = 9,
            U64 = 10, I64 = 11, F64 = 12;
    /** Bytes of the shortest value of each type: an empty string is its length, an empty array its type and length. */
    private static final int[] LEAST_BYTES = {1, 1, 2, 2, 4, 4, 4, 1, 8, 12, 8, 8, 8};
    /** Bytes of the shortest pair: a key of one letter and a value of one byte. */
    static final int LEAST_PAIR = 8 + 1 + 4 + 1;

    /** What the format allows a key. */
    private static final int LONGEST_KEY = 65535;
    /** Chat templates are the longest strings, some 2^14 bytes. */
    private static final int LONGEST_STRING = 1 << 24;
    /** For all arrays of a file together: the largest vocabularies have 2^18 tokens, and as many scores, types, merges. */
    private static final int MOST_ELEMENTS = 1 << 24;
    private static final int DEEPEST = 4;

    private final Cursor cursor;
    private int elements;

    private Metadata(Cursor cursor) {
        this.cursor = cursor;
    }

    /** Reads so many pairs: keys to values in file order, of the classes that {@link Gguf#metadata} names. */
    static Map<String, Object> read(Cursor cursor, int count) {
        Metadata reader = new Metadata(cursor);
        Map<String, Object> pairs = new LinkedHashMap<>();
        for (int i = 0; i < count; i++) {
            reader.addPair(pairs);
        }
        return pairs;
    }

    private void addPair(Map<String, Object> pairs) {
        long at = cursor.offset();
        String key = cursor.string("a metadata key", LONGEST_KEY);
        if (key.isEmpty()) {
            throw cursor.fail("the metadata key at byte " + at + " is empty");
        }
        if (pairs.put(key, value(key)) != null) {
            throw fail(key, "comes a second time", at);
        }
    }

    private Object value(String key) {
        int type = type(key);
        return switch (type) {
            case F32 -> (double) cursor.f32();
            case F64 -> cursor.f64();
            case BOOL -> bool(key);
            case STRING -> cursor.string(key, LONGEST_STRING);
            case ARRAY -> array(key, 1);
            default -> integer(key, type);
        };
    }

    private Object array(String key, int depth) {
        if (depth > DEEPEST) {
            throw fail(key, "nests arrays more than " + DEEPEST + " deep", cursor.offset());
        }
        int type = type(key);
        int length = length(key, type);
        return switch (type) {
            case F32, F64 -> numbers(type, length);
            case BOOL -> flags(key, length);
            case STRING -> strings(key, length);
            case ARRAY -> arrays(key, length, depth);
            default -> integers(key, type, length);
        };
    }

    private int length(String key, int type) {
        int length = cursor.count(key, LEAST_BYTES[type]);
        if (length > MOST_ELEMENTS - elements) {
            throw fail(key, "has an array of " + length + " elements, but a file's arrays may have " + MOST_ELEMENTS + " together",
                    cursor.offset() - 8);
        }
        elements += length;
        return length;
    }

    private double[] numbers(int type, int length) {
        double[] values = new double[length];
        for (int i = 0; i < length; i++) {
            values[i] = type == F32 ? cursor.f32() : cursor.f64();
        }
        return values;
    }

    private boolean[] flags(String key, int length) {
        boolean[] values = new boolean[length];
        for (int i = 0; i < length; i++) {
            values[i] = bool(key);
        }
        return values;
    }

    private String[] strings(String key, int length) {
        String[] values = new String[length];
        for (int i = 0; i < length; i++) {
            values[i] = cursor.string(key, LONGEST_STRING);
        }
        return values;
    }

    private Object[] arrays(String key, int length, int depth) {
        Object[] values = new Object[length];
        for (int i = 0; i < length; i++) {
            values[i] = array(key, depth + 1);
        }
        return values;
    }

    private long[] integers(String key, int type, int length) {
        long[] values = new long[length];
        for (int i = 0; i < length; i++) {
            values[i] = integer(key, type);
        }
        return values;
    }

    private long integer(String key, int type) {
        return switch (type) {
            case U8 -> Byte.toUnsignedLong(cursor.i8());
            case I8 -> cursor.i8();
            case U16 -> Short.toUnsignedLong(cursor.i16());
            case I16 -> cursor.i16();
            case U32 -> Integer.toUnsignedLong(cursor.i32());
            case I32 -> cursor.i32();
            case U64 -> u64(key);
            case I64 -> cursor.i64();
            default -> throw new AssertionError(type);
        };
    }

    private long u64(String key) {
        long value = cursor.i64();
        if (value < 0) {
            throw fail(key, "is " + Long.toUnsignedString(value) + ", but integers of 2^63 and more are not supported",
                    cursor.offset() - 8);
        }
        return value;
    }

    private boolean bool(String key) {
        byte value = cursor.i8();
        if (value != 0 && value != 1) {
            throw fail(key, "is a boolean of value " + Byte.toUnsignedInt(value) + ", but only 0 and 1 are allowed",
                    cursor.offset() - 1);
        }
        return value == 1;
    }

    private int type(String key) {
        int type = cursor.i32();
        if (type < 0 || type >= LEAST_BYTES.length) {
            throw fail(key, "has the unknown value type " + Integer.toUnsignedString(type), cursor.offset() - 4);
        }
        return type;
    }

    private GgufException fail(String key, String problem, long at) {
        return cursor.fail("metadata key \"" + key + "\" " + problem + " (at byte " + at + ")");
    }

    /** What a value is, in a few words. */
    static String describe(Object value) {
        return switch (value) {
            case String s -> "the string \"" + (s.length() <= 40 ? s : s.substring(0, 40) + "...") + "\"";
            case Long n -> "the integer " + n;
            case Double d -> "the float " + d;
            case Boolean b -> "the boolean " + b;
            case long[] a -> "an array of " + a.length + " integers";
            case double[] a -> "an array of " + a.length + " floats";
            case boolean[] a -> "an array of " + a.length + " booleans";
            case String[] a -> "an array of " + a.length + " strings";
            case Object[] a -> "an array of " + a.length + " arrays";
            default -> throw new AssertionError(value.getClass());
        };
    }
}
