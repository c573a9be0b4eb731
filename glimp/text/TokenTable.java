package glimp.text;

import java.util.Arrays;

/**
 * Finds tokens by their bytes, given as part of a longer array: open addressing over one pool of bytes, because a
 * vocabulary of 150,000 strings in a {@link java.util.HashMap} takes several times longer to build, and a substring to ask.
 */
final class TokenTable {

    private static final int NO_TOKEN = -1;

    private byte[] pool;
    private int pooled;
    /** By id: where in the pool its bytes end; they begin where the bytes of the id before end. */
    private int[] ends;
    private int size;
    private int longest;
    /** Hash in the upper half, id + 1 in the lower; 0 is free. At most half of the slots are taken. */
    private long[] slots;
    private int taken;

    /** @param ids how many to expect */
    TokenTable(int ids) {
        pool = new byte[8 * ids + 64];
        ends = new int[ids + 64];
        slots = new long[Integer.highestOneBit(Math.max(ids, 16)) * 4];
    }

    /** Ids given so far. */
    int size() {
        return size;
    }

    /** Bytes of the longest token that can be found. */
    int longest() {
        return longest;
    }

    /** Gives the next id to these bytes; of several ids with the same bytes, the first is found. */
    int add(byte[] bytes, int from, int to) {
        int length = to - from;
        int id = reserve(bytes, from, length);
        if (2 * (taken + 1) > slots.length) {
            grow();
        }
        int hash = hash(bytes, from, to);
        int slot = slot(hash, bytes, from, to);
        if (slots[slot] == 0) {
            slots[slot] = entry(hash, id);
            taken++;
            longest = Math.max(longest, length);
        }
        return id;
    }

    /** Gives the next id to nothing that could be found. */
    void skip() {
        reserve(pool, 0, 0);
    }

    /** The id of {@code text[from..to)}, or -1. */
    int find(byte[] text, int from, int to) {
        if (to - from > longest) {
            return NO_TOKEN;
        }
        return (int) slots[slot(hash(text, from, to), text, from, to)] - 1;
    }

    /** Whether this id was given to the first {@code length} of these bytes. */
    boolean is(int id, byte[] bytes, int length) {
        return id < size && ends[id] - start(id) == length && equals(id, bytes, 0, length);
    }

    private int reserve(byte[] bytes, int from, int length) {
        if (size == ends.length) {
            ends = Arrays.copyOf(ends, 2 * size);
        }
        if (pooled + length > pool.length) {
            pool = Arrays.copyOf(pool, Math.max(2 * pool.length, pooled + length));
        }
        System.arraycopy(bytes, from, pool, pooled, length);
        pooled += length;
        ends[size] = pooled;
        return size++;
    }

    /** Where these bytes are, or would be. */
    private int slot(int hash, byte[] text, int from, int to) {
        int mask = slots.length - 1;
        int slot = hash & mask;
        while (slots[slot] != 0 && !((int) (slots[slot] >>> 32) == hash && equals((int) slots[slot] - 1, text, from, to))) {
            slot = slot + 1 & mask;
        }
        return slot;
    }

    private boolean equals(int id, byte[] text, int from, int to) {
        return Arrays.equals(pool, start(id), ends[id], text, from, to);
    }

    private int start(int id) {
        return id == 0 ? 0 : ends[id - 1];
    }

    private void grow() {
        long[] old = slots;
        slots = new long[2 * old.length];
        int mask = slots.length - 1;
        for (long entry : old) {
            if (entry != 0) {
                int slot = (int) (entry >>> 32) & mask;
                while (slots[slot] != 0) {
                    slot = slot + 1 & mask;
                }
                slots[slot] = entry;
            }
        }
    }

    private static long entry(int hash, int id) {
        return (long) hash << 32 | id + 1;
    }

    private static int hash(byte[] text, int from, int to) {
        int hash = 0;
        for (int i = from; i < to; i++) {
            hash = 31 * hash + text[i];
        }
        hash *= 0x9E3779B1;
        return hash ^ hash >>> 15;
    }
}
