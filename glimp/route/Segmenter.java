package glimp.route;

/**
 * Finds where a step ends in text that comes in pieces of any size: at the delimiter, wherever the borders of the pieces
 * fall, or at the end of thinking.
 *
 * <p>A delimiter with nothing but blanks before it ends no step: {@code \n\n\n} is one delimiter, and empty steps are no
 * steps.
 */
final class Segmenter {
    private final String delimiter;
    private final String endOfThinking;
    private final StringBuilder text = new StringBuilder();
    /** The delimiter is sought from here on: what lies before is blank, or has been searched. */
    private int begin;
    private int searched;

    /** Why the step ended. */
    enum Mark { NONE, DELIMITER, END_OF_THINKING }

    private Mark mark = Mark.NONE;
    private int end;

    /** @param delimiter null: none @param endOfThinking null: none */
    Segmenter(String delimiter, String endOfThinking) {
        this.delimiter = delimiter;
        this.endOfThinking = endOfThinking;
    }

    /** Takes the next piece and says whether the step ends in it. */
    Mark add(String piece) {
        text.append(piece);
        int close = endOfThinking == null ? -1 : text.indexOf(endOfThinking, Math.max(0, searched - endOfThinking.length() + 1));
        int found = findDelimiter();
        searched = text.length();
        if (close >= 0 && (found < 0 || close < found)) {
            end = close;
            mark = Mark.END_OF_THINKING;
        } else if (found >= 0) {
            end = found;
            mark = Mark.DELIMITER;
        }
        return mark;
    }

    /** Where the delimiter that ends the step ends, newlines behind it in the same piece included; -1 if there is none yet. */
    private int findDelimiter() {
        if (delimiter == null) {
            return -1;
        }
        int from = Math.max(begin, searched - delimiter.length() + 1);
        for (int at = text.indexOf(delimiter, from); at >= 0; at = text.indexOf(delimiter, begin)) {
            int behind = at + delimiter.length();
            if (!text.substring(begin, at).isBlank()) {
                while (behind < text.length() && text.charAt(behind) == '\n') {
                    behind++;
                }
                return behind;
            }
            begin = behind;
        }
        return -1;
    }

    /** All text so far. */
    String text() {
        return text.toString();
    }

    /** Length of the text that is certain to belong to the step: what may be the beginning of the end of thinking is held back. */
    int settled() {
        if (mark != Mark.NONE || endOfThinking == null) {
            return end();
        }
        int held = Math.min(endOfThinking.length() - 1, text.length());
        while (held > 0 && !endOfThinking.startsWith(text.substring(text.length() - held))) {
            held--;
        }
        return text.length() - held;
    }

    /** Length of the text that belongs to the step: up to the delimiter's end, or up to the end of thinking. */
    int end() {
        return mark == Mark.NONE ? text.length() : end;
    }
}
