package glimp.text;

import static glimp.text.Text.BLANK;
import static glimp.text.Text.CAPITAL;
import static glimp.text.Text.LETTER;
import static glimp.text.Text.LINE;
import static glimp.text.Text.SMALL;
import static glimp.text.Text.WHITE;

/**
 * What a word may look like: one alternative, or several, of the regular expressions that tokenizers are published with.
 *
 * <p>Written out instead of left to {@link java.util.regex}, because that backtracks one stack frame a character in some of
 * these expressions, and one attempt a character in others: here every rule looks at each character a constant number of
 * times.
 */
@FunctionalInterface
interface Rule {

    int NONE = -1;

    /**
     * Matches the longest way the expression prefers.
     *
     * @return the position after the match that starts at {@code at} and ends at {@code to} or before; or {@link #NONE}; or
     *     {@code ~p} when there is no match from {@code at}, nor from any position before {@code p}
     */
    int match(Text text, int at, int to);

    /** {@code a|b|c}: the first that matches. */
    static Rule firstOf(Rule... rules) {
        return (text, at, to) -> {
            for (Rule rule : rules) {
                int end = rule.match(text, at, to);
                if (end > at) {
                    return end;
                }
            }
            return NONE;
        };
    }

    /** {@code [set]}. */
    static Rule one(int set) {
        return (text, at, to) -> text.is(set, at, to) ? text.next(at) : NONE;
    }

    /** {@code [ranges]}. */
    static Rule one(Ranges ranges) {
        return (text, at, to) -> at < to && ranges.contains(text.point(at)) ? text.next(at) : NONE;
    }

    /** {@code [set]+}. */
    static Rule run(int set) {
        return (text, at, to) -> longer(at, text.skip(set, at, to));
    }

    /** {@code [ranges]+}, in which no white space counts: llama.cpp takes it out of the text before it looks at ranges. */
    static Rule run(Ranges ranges) {
        return (text, at, to) -> {
            int end = at;
            while (end < to && (text.kind(end) & WHITE) == 0 && ranges.contains(text.point(end))) {
                end = text.next(end);
            }
            return longer(at, end);
        };
    }

    /** {@code [set more]+}, with some ASCII characters more. */
    static Rule run(int set, String more) {
        return (text, at, to) -> {
            int end = at;
            while (end < to && ((text.kind(end) & set) != 0 || more.indexOf(text.bytes[end]) >= 0)) {
                end = text.next(end);
            }
            return longer(at, end);
        };
    }

    /** {@code [set]{1,most}}. */
    static Rule upTo(int most, int set) {
        return (text, at, to) -> {
            int end = at;
            for (int i = 0; i < most && text.is(set, end, to); i++) {
                end = text.next(end);
            }
            return longer(at, end);
        };
    }

    /** {@code [set]{count}}. */
    static Rule exactly(int count, int set) {
        return (text, at, to) -> {
            int end = at;
            for (int i = 0; i < count; i++) {
                if (!text.is(set, end, to)) {
                    return NONE;
                }
                end = text.next(end);
            }
            return end;
        };
    }

    /** {@code [set]?rule}. */
    static Rule perhaps(int set, Rule rule) {
        return (text, at, to) -> {
            if (text.is(set, at, to)) {
                int end = rule.match(text, text.next(at), to);
                if (end > at) {
                    return end;
                }
            }
            return rule.match(text, at, to);
        };
    }

    /** {@code rule[set]*}. */
    static Rule then(Rule rule, int set) {
        return thenPerhaps(rule, run(set));
    }

    /** {@code first second}. */
    static Rule pair(Rule first, Rule second) {
        return (text, at, to) -> {
            int middle = first.match(text, at, to);
            return middle > at ? Math.max(NONE, second.match(text, middle, to)) : NONE;
        };
    }

    /** {@code rule(optional)?}. */
    static Rule thenPerhaps(Rule rule, Rule optional) {
        return (text, at, to) -> {
            int end = rule.match(text, at, to);
            return end > at ? Math.max(end, optional.match(text, end, to)) : NONE;
        };
    }

    /** {@code 's|'t|'re|'ve|'m|'ll|'d}, in any case or in small letters only. */
    static Rule contraction(boolean anyCase) {
        int fold = anyCase ? 'a' - 'A' : 0;
        return (text, at, to) -> {
            byte[] b = text.bytes;
            if (to - at < 2 || b[at] != '\'') {
                return NONE;
            }
            int first = b[at + 1] | fold;
            if (first == 's' || first == 't' || first == 'm' || first == 'd') {
                return at + 2;
            }
            int second = to - at < 3 ? 0 : b[at + 2] | fold;
            return first == 'r' && second == 'e' || first == 'v' && second == 'e' || first == 'l' && second == 'l' ? at + 3 : NONE;
        };
    }

    /**
     * {@code [^a-z]*[^A-Z]+|[^a-z]+[^A-Z]*} of letters: a word in CamelCase ends before the next capital. Only the 26
     * capitals and small letters count as such; any other letter is both.
     */
    static Rule camelCase() {
        return (text, at, to) -> {
            int small = text.skip(LETTER & ~SMALL, at, to);
            if (text.is(SMALL, small, to)) {
                return text.skip(LETTER & ~CAPITAL, small, to);
            }
            int end = small;
            while (end > at && text.is(CAPITAL, text.before(end), to)) {
                end = text.before(end);
            }
            return longer(at, end > at ? end : small);
        };
    }

    /** {@code \s*[\r\n]+}. */
    static Rule throughLastLineEnd() {
        return (text, at, to) -> {
            int end = NONE;
            for (int i = at; text.is(WHITE, i, to); i = text.next(i)) {
                if (text.is(LINE, i, to)) {
                    end = text.next(i);
                }
            }
            return end;
        };
    }

    /** {@code \s+(?!\S)}: white space but the last of it, which belongs to the word behind; all of it at the end. */
    static Rule spaceBeforeSpace() {
        return (text, at, to) -> {
            int end = text.skip(WHITE, at, to);
            return longer(at, end == at || end == to ? end : text.before(end));
        };
    }

    /** {@code \s+$}. */
    static Rule spaceAtEnd() {
        return (text, at, to) -> {
            int end = text.skip(WHITE, at, to);
            return end == at ? NONE : end == to ? end : ~end;
        };
    }

    /** {@code ' '?rule}. */
    static Rule spaced(Rule rule) {
        return perhaps(BLANK, rule);
    }

    private static int longer(int at, int end) {
        return end > at ? end : NONE;
    }
}
