package glimp.text;

import java.util.Arrays;

/** A set of characters. */
final class Ranges {

    private final int[] first;
    private final int[] last;

    /** @param ranges code points and ranges of them in hexadecimal, ascending: {@code "41-5A 5F 61-7A"} */
    Ranges(String ranges) {
        String[] parts = ranges.split(" ");
        first = new int[parts.length];
        last = new int[parts.length];
        for (int i = 0; i < parts.length; i++) {
            int hyphen = parts[i].indexOf('-');
            first[i] = Integer.parseInt(hyphen < 0 ? parts[i] : parts[i].substring(0, hyphen), 16);
            last[i] = Integer.parseInt(parts[i].substring(hyphen + 1), 16);
        }
    }

    boolean contains(int point) {
        int at = Arrays.binarySearch(first, point);
        return at >= 0 || at < -1 && point <= last[-at - 2];
    }
}
