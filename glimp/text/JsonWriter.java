package glimp.text;

import java.lang.reflect.Array;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;

/** Writes one JSON value. */
final class JsonWriter {

    private final StringBuilder out = new StringBuilder();
    private final boolean indented;
    private int depth;

    JsonWriter(boolean indented) {
        this.indented = indented;
    }

    String write(Object value) {
        value(value);
        return out.toString();
    }

    private void value(Object value) {
        switch (value) {
            case null -> out.append("null");
            case CharSequence text -> string(text);
            case Enum<?> constant -> string(constant.name());
            case Boolean flag -> out.append(flag);
            case Double number -> out.append(Double.isFinite(number) ? number : null);
            case Float number -> out.append(Float.isFinite(number) ? number : null);
            case Number number -> out.append(number);
            case Map<?, ?> members -> object(members);
            case Iterable<?> elements -> array(elements);
            case Object array when array.getClass().isArray() -> array(elements(array));
            default -> throw new IllegalArgumentException("no JSON for a " + value.getClass().getName());
        }
    }

    private static List<Object> elements(Object array) {
        return IntStream.range(0, Array.getLength(array)).mapToObj(i -> Array.get(array, i)).toList();
    }

    private void object(Map<?, ?> members) {
        Iterator<? extends Map.Entry<?, ?>> rest = members.entrySet().iterator();
        list('{', rest, '}', () -> {
            Map.Entry<?, ?> member = rest.next();
            string((CharSequence) member.getKey());
            out.append(indented ? ": " : ":");
            value(member.getValue());
        });
    }

    private void array(Iterable<?> elements) {
        Iterator<?> rest = elements.iterator();
        list('[', rest, ']', () -> value(rest.next()));
    }

    private void list(char open, Iterator<?> rest, char close, Runnable next) {
        out.append(open);
        depth++;
        boolean empty = !rest.hasNext();
        while (rest.hasNext()) {
            breakLine();
            next.run();
            out.append(rest.hasNext() ? "," : "");
        }
        depth--;
        if (!empty) {
            breakLine();
        }
        out.append(close);
    }

    private void breakLine() {
        if (indented) {
            out.append('\n').repeat("  ", depth);
        }
    }

    private void string(CharSequence text) {
        out.append('"');
        for (int i = 0; i < text.length(); i++) {
            char c = text.charAt(i);
            switch (c) {
                case '"', '\\' -> out.append('\\').append(c);
                case '\n' -> out.append("\\n");
                case '\r' -> out.append("\\r");
                case '\t' -> out.append("\\t");
                default -> {
                    if (c < ' ' || c == 0x7F || isLoneSurrogate(text, i)) {
                        out.append(String.format("\\u%04x", (int) c));
                    } else {
                        out.append(c);
                    }
                }
            }
        }
        out.append('"');
    }

    /** Half a character could not be encoded and must be escaped. */
    private static boolean isLoneSurrogate(CharSequence text, int at) {
        char c = text.charAt(at);
        return Character.isHighSurrogate(c) && !(at + 1 < text.length() && Character.isLowSurrogate(text.charAt(at + 1)))
                || Character.isLowSurrogate(c) && !(at > 0 && Character.isHighSurrogate(text.charAt(at - 1)));
    }
}
