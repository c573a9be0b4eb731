package glimp.text;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Reads one JSON value, by recursive descent. */
final class JsonParser {

    /** Deeper texts are refused rather than left to overflow the stack. */
    private static final int DEEPEST = 512;
    private static final int END = -1;

    private final String text;
    private int at;
    private int depth;

    JsonParser(String text) {
        this.text = text;
    }

    Object parse() {
        Object value = value();
        skipBlanks();
        if (peek() != END) {
            throw expected("the end");
        }
        return value;
    }

    private Object value() {
        skipBlanks();
        return switch (peek()) {
            case '{' -> object();
            case '[' -> array();
            case '"' -> string();
            case 't' -> word("true", true);
            case 'f' -> word("false", false);
            case 'n' -> word("null", null);
            case '-', '0', '1', '2', '3', '4', '5', '6', '7', '8', '9' -> number();
            default -> throw expected("a value");
        };
    }

    private Map<String, Object> object() {
        Map<String, Object> members = new LinkedHashMap<>();
        enter();
        if (!closes('}')) {
            do {
                skipBlanks();
                if (peek() != '"') {
                    throw expected("a member's name in quotes");
                }
                String name = string();
                skipBlanks();
                take(':', "a colon");
                members.put(name, value());
            } while (goesOn('}'));
        }
        depth--;
        return members;
    }

    private List<Object> array() {
        List<Object> elements = new ArrayList<>();
        enter();
        if (!closes(']')) {
            do {
                elements.add(value());
            } while (goesOn(']'));
        }
        depth--;
        return elements;
    }

    private void enter() {
        if (++depth > DEEPEST) {
            throw fail("more than " + DEEPEST + " levels deep");
        }
        at++;
    }

    private boolean closes(char close) {
        skipBlanks();
        boolean closes = peek() == close;
        at += closes ? 1 : 0;
        return closes;
    }

    private boolean goesOn(char close) {
        if (closes(close)) {
            return false;
        }
        take(',', "a comma or " + close);
        return true;
    }

    private String string() {
        StringBuilder string = new StringBuilder();
        int start = ++at;
        for (int c; (c = peek()) != '"'; ) {
            if (c == END) {
                throw expected("a closing quote");
            }
            if (c < ' ') {
                throw expected("an escape instead of a bare control character");
            }
            if (c != '\\') {
                at++;
                continue;
            }
            string.append(text, start, at++).append(escape());
            start = at;
        }
        return string.append(text, start, at++).toString();
    }

    private char escape() {
        int c = peek();
        at++;
        return switch (c) {
            case '"', '\\', '/' -> (char) c;
            case 'b' -> '\b';
            case 'f' -> '\f';
            case 'n' -> '\n';
            case 'r' -> '\r';
            case 't' -> '\t';
            case 'u' -> unicode();
            default -> {
                at--;
                throw expected("one of \"\\/bfnrtu after the backslash");
            }
        };
    }

    private char unicode() {
        int code = 0;
        for (int i = 0; i < 4; i++, at++) {
            int digit = peek() < 128 ? Character.digit(peek(), 16) : -1;
            if (digit < 0) {
                throw expected("a hexadecimal digit");
            }
            code = code << 4 | digit;
        }
        return (char) code;
    }

    private Object number() {
        int start = at;
        at += peek() == '-' ? 1 : 0;
        int whole = at;
        digits();
        if (text.charAt(whole) == '0' && at > whole + 1) {
            at = whole + 1;
            throw expected("no digit after a leading zero");
        }
        boolean integer = true;
        if (peek() == '.') {
            integer = false;
            at++;
            digits();
        }
        if (peek() == 'e' || peek() == 'E') {
            integer = false;
            at++;
            at += peek() == '+' || peek() == '-' ? 1 : 0;
            digits();
        }
        String number = text.substring(start, at);
        return integer && !number.equals("-0") ? integer(number) : (Object) Double.valueOf(number);
    }

    private static Object integer(String number) {
        try {
            return Long.valueOf(number);
        } catch (NumberFormatException tooLong) {
            return Double.valueOf(number);
        }
    }

    private void digits() {
        if (!isDigit()) {
            throw expected("a digit");
        }
        while (isDigit()) {
            at++;
        }
    }

    private boolean isDigit() {
        return peek() >= '0' && peek() <= '9';
    }

    private Object word(String word, Object value) {
        if (!text.startsWith(word, at)) {
            throw expected(word);
        }
        at += word.length();
        return value;
    }

    private void take(char c, String what) {
        if (peek() != c) {
            throw expected(what);
        }
        at++;
    }

    private void skipBlanks() {
        while (peek() == ' ' || peek() == '\n' || peek() == '\r' || peek() == '\t') {
            at++;
        }
    }

    private int peek() {
        return at < text.length() ? text.charAt(at) : END;
    }

    private JsonException expected(String what) {
        return fail("expected " + what + ", found " + (peek() == END ? "the end" : found()));
    }

    private String found() {
        int point = text.codePointAt(at);
        return point > ' ' && point < 127 ? "'" + (char) point + "'" : "U+" + String.format("%04X", point);
    }

    private JsonException fail(String problem) {
        int line = 1;
        int column = 1;
        for (int i = 0; i < Math.min(at, text.length()); i++) {
            boolean breaks = text.charAt(i) == '\n';
            line += breaks ? 1 : 0;
            column = breaks ? 1 : column + 1;
        }
        return new JsonException("JSON, line " + line + ", column " + column + ": " + problem);
    }
}
