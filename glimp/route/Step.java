package glimp.route;

/**
 * A step of a chain.
 *
 * @param author who wrote it
 * @param glimpse the small model's glimpse before it; null where the policy took none
 * @param written what was written
 * @param ms time for it, glimpse and switch included
 */
public record Step(Author author, Glimpse glimpse, Writer.Written written, double ms) {
    /** What it says, without the delimiter and the blank lines around it. */
    public String text() {
        return strip(written.part().text());
    }

    static String strip(String text) {
        int from = 0, to = text.length();
        while (from < to && text.charAt(from) == '\n') {
            from++;
        }
        while (to > from && text.charAt(to - 1) == '\n') {
            to--;
        }
        return text.substring(from, to);
    }
}
