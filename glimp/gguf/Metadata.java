package glimp.gguf;

import java.util.LinkedHashMap;
import java.util.Map;

/** Reads the keys and values of a GGUF header. */
final class Metadata {

    private static final int U8 = 0, I8 = 1, U16 = 2, I16 = 3, U32 = 4, I32 = 5, F32 = 6, BOOL = 7, STRING = 8, ARRAY = 9,
            U64 = 10, I64 = 11, F64 = 12;
    /** Bytes of the shortest value of each type: an empty string is its length, an empty array its type and length. */
    private static final int[] LEAST_BYTES = {1, 1, 2, 2, 4, 4, 4, 1, 8, 12, 8, 8, 8};

    /** The format allows keys of 65535 bytes. */
    static final int LONGEST_NAME = 65535;
    private static final int LONGEST_STRING = 1 << 26;
    private static final int DEEPEST = 4;
    /** All arrays of a file together; the largest vocabularies have some 2^18 tokens and as many merges and scores. */
    private static final int MOST_ELEMENTS = 1 << 24;

    private final Cursor cursor;
    private int elements;

    private Metadata(Cursor cursor) {
        this.cursor = cursor;
    }

    /** Reads so many pairs of key and value, in file order. */
    static Map<String, Object> read(Cursor cursor, int count) {
        Metadata reader = new Metadata(cursor);
        Map<String, Object> pairs = new LinkedHashMap<>();
        for (int i = 0; i < count; i++) {
            long at = cursor.offset();
            String key = cursor.string("a metadata key", LONGEST_NAME);
            if (key.isEmpty() || pairs.containsKey(key)) {
                throw cursor.fail("metadata key \"" + key + "\" at byte " + at + (key.isEmpty() ? " is empty" : " comes twice"));
            }
            pairs.put(key, reader.value(key));
        }
        return pairs;
    }

    private Object value(String key) {
        int type = type(key);
        return switch (type) {
            case F32 -> (double) cursor.f32();
            case F64 -> cursor.f64();
            case BOOL -> bool(key);
            case STRING -> cursor.string("metadata key \"" + key + "\"", LONGEST_STRING);
            case ARRAY -> array(key, 1);
            default -> integer(key, type);
        };
    }

    private Object array(String key, int depth) {
        int type = type(key);
        long at = cursor.offset();
        int length = cursor.count("the array length of metadata key \"" + key + "\"", LEAST_BYTES[type]);
        if (length > MOST_ELEMENTS - elements) {
            throw cursor.fail("metadata key \"" + key + "\" has an array of " + length + " elements at byte " + at
                    + "; a file may have " + MOST_ELEMENTS + " in all its arrays");
        }
        elements += length;
        return switch (type) {
            case F32, F64 -> numbers(type, length);
            case BOOL -> flags(key, length);
            case STRING -> strings(key, length);
            case ARRAY -> arrays(key, length, depth + 1);
            default -> integers(key, type, length);
        };
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
        String what = "a string of metadata key \"" + key + "\"";
        String[] values = new String[length];
        for (int i = 0; i < length; i++) {
            values[i] = cursor.string(what, LONGEST_STRING);
        }
        return values;
    }

    private Object[] arrays(String key, int length, int depth) {
        if (depth > DEEPEST) {
            throw cursor.fail("metadata key \"" + key + "\" nests arrays more than " + DEEPEST + " deep at byte " + cursor.offset());
        }
        Object[] values = new Object[length];
        for (int i = 0; i < length; i++) {
            values[i] = array(key, depth);
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
            default -> cursor.i64();
        };
    }

    private long u64(String key) {
        long value = cursor.i64();
        if (value < 0) {
            throw cursor.fail("metadata key \"" + key + "\" is " + Long.toUnsignedString(value) + " at byte "
                    + (cursor.offset() - 8) + "; integers of 2^63 and more are not supported");
        }
        return value;
    }

    private boolean bool(String key) {
        byte value = cursor.i8();
        if (value != 0 && value != 1) {
            throw cursor.fail("metadata key \"" + key + "\" is a boolean of value " + Byte.toUnsignedInt(value) + " at byte "
                    + (cursor.offset() - 1) + "; only 0 and 1 are allowed");
        }
        return value == 1;
    }

    private int type(String key) {
        int type = cursor.i32();
        if (type < 0 || type >= LEAST_BYTES.length) {
            throw cursor.fail("metadata key \"" + key + "\" has the unknown value type " + Integer.toUnsignedString(type)
                    + " at byte " + (cursor.offset() - 4));
        }
        return type;
    }
}
