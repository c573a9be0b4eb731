package glimp.text;

import java.util.Arrays;

/** What two symbols merge into, and how soon: open addressing by the two ids in one long. */
final class PairTable {

    private final long[] keys;
    private final long[] unions;

    /** @param pairs how many to expect at most */
    PairTable(int pairs) {
        int slots = Integer.highestOneBit(Math.max(pairs, 8)) * 4;
        keys = new long[slots];
        unions = new long[slots];
        Arrays.fill(unions, Merger.NEVER);
    }

    /** The first rank given to a pair stays. */
    void add(int left, int right, int rank, int union) {
        int slot = slot(left, right);
        if (unions[slot] == Merger.NEVER) {
            keys[slot] = key(left, right);
            unions[slot] = (long) rank << 32 | union;
        }
    }

    /** Rank and symbol of the union, as {@link Merger#union}, or {@link Merger#NEVER}. */
    long find(int left, int right) {
        return unions[slot(left, right)];
    }

    private int slot(int left, int right) {
        long key = key(left, right);
        long hash = key * 0x9E37_79B9_7F4A_7C15L;
        int mask = keys.length - 1;
        int slot = (int) (hash >>> 40) & mask;
        while (unions[slot] != Merger.NEVER && keys[slot] != key) {
            slot = slot + 1 & mask;
        }
        return slot;
    }

    private static long key(int left, int right) {
        return (long) left << 32 | right;
    }
}
