package glimp.decode;

/**
 * Drafts without a model: what followed the last time that the text ended like this. Reasoning repeats itself, and its
 * question (prompt lookup; A. Saxena, 2023).
 */
public final class LookupDrafter implements Drafter {
    /** Tokens that must agree, and that are enough. */
    private static final int SHORTEST = 2, LONGEST = 16;

    @Override
    public void propose(int[] text, int length, Draft draft, Context.Progress progress) {
        int best = 0, found = -1;
        for (int end = length - 1; end >= SHORTEST && best < LONGEST; end--) {
            int agree = agree(text, end, length, best);
            if (agree > best) {
                best = agree;
                found = end;
            }
        }
        if (best < SHORTEST) {
            return;
        }
        // What is drafted stands behind the text: it may be copied in its turn.
        double confidence = best / (best + 1.0);
        while (draft.add(text[found], confidence)) {
            found++;
        }
    }

    /** How many tokens before {@code end} are those before {@code length}, if more than {@code best}. */
    private static int agree(int[] text, int end, int length, int best) {
        if (best > 0 && (end <= best || text[end - 1 - best] != text[length - 1 - best])) {
            return 0;
        }
        int agree = 0;
        while (agree < LONGEST && agree < end && text[end - 1 - agree] == text[length - 1 - agree]) {
            agree++;
        }
        return agree;
    }

    @Override
    public void keep(int[] text, int length) {
        // remembers nothing
    }
}
