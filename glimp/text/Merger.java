package glimp.text;

import java.util.Arrays;

/**
 * Cuts words into tokens by merging: starts from their characters and joins, again and again, the two neighbours whose
 * union ranks first (the leftmost of equals), until no two can be joined. What byte-pair encoding (Sennrich et al. 2016,
 * arXiv:1508.07909) and SentencePiece's variant of it have in common; they differ in what a symbol is and how unions rank.
 *
 * <p>Neighbours are a linked list and candidates a heap, so that a word of n characters takes n log n steps. Most words are
 * tokens themselves and are found in one look. One merger serves one call; it is not for several threads.
 */
abstract class Merger {

    /** Rank of two symbols that cannot be joined. */
    static final long NEVER = Long.MAX_VALUE;

    private static final byte UNKNOWN = 0, WHOLE = 1, SPLIT = 2;

    protected final byte[] text;
    private final TokenTable tokens;
    private final byte[] wholes;
    protected final Ids out;

    /** By place: the symbol, where its text begins, its neighbours' places, and the union with the right one. */
    private int[] symbols = new int[32];
    private int[] starts = new int[33];
    private int[] left = new int[32];
    private int[] right = new int[32];
    private long[] unions = new long[32];
    private int places;
    /** Candidates: rank in the upper half, place of the left symbol in the lower. */
    private long[] heap = new long[64];
    private int candidates;

    /**
     * @param wholes by token, remembers from call to call whether merging the token's text makes that token; may be shared by
     *     threads, since all of them would write the same
     */
    Merger(byte[] text, TokenTable tokens, byte[] wholes, Ids out) {
        this.text = text;
        this.tokens = tokens;
        this.wholes = wholes;
        this.out = out;
    }

    static byte[] wholes(TokenTable tokens) {
        return new byte[tokens.size()];
    }

    /** Calls {@link #place} for each symbol the word starts from. */
    protected abstract void spell(int from, int to);

    /** The union of two neighbours: its rank in the upper half (lower is sooner), its symbol in the lower; or {@link #NEVER}. */
    protected abstract long union(int left, int right, int from, int to);

    /** Adds the token or tokens of a symbol that is left. */
    protected abstract void emit(int symbol, int from, int to);

    /** Whether text that is this token needs no merging to become it. */
    protected abstract boolean isWord(int token);

    /** Adds the tokens of one word of the text. */
    final void word(int from, int to) {
        int token = tokens.find(text, from, to);
        if (token >= 0 && (wholes[token] == WHOLE || isWord(token))) {
            out.add(token);
            return;
        }
        places = 0;
        spell(from, to);
        starts[places] = to;
        merge();
        if (token >= 0 && wholes[token] == UNKNOWN) {
            wholes[token] = symbols[0] == token && right[0] == places ? WHOLE : SPLIT;
        }
        for (int at = 0; at < places; at = right[at]) {
            emit(symbols[at], starts[at], starts[right[at]]);
        }
    }

    /** Adds a symbol to what the word starts from. */
    protected final void place(int symbol, int start) {
        if (places == symbols.length) {
            grow();
        }
        symbols[places] = symbol;
        starts[places] = start;
        left[places] = places - 1;
        right[places] = ++places;
    }

    private void merge() {
        candidates = 0;
        for (int at = 0; at < places; at++) {
            consider(at);
        }
        while (candidates > 0) {
            long best = poll();
            int at = (int) best;
            // A candidate is out of date when a neighbour took part in another union meanwhile.
            if (unions[at] != NEVER && unions[at] >> 32 == best >> 32) {
                join(at);
            }
        }
    }

    private void join(int at) {
        int gone = right[at];
        symbols[at] = (int) unions[at];
        unions[gone] = NEVER;
        right[at] = right[gone];
        if (right[at] < places) {
            left[right[at]] = at;
        }
        consider(at);
        if (left[at] >= 0) {
            consider(left[at]);
        }
    }

    private void consider(int at) {
        int next = right[at];
        unions[at] = next < places ? union(symbols[at], symbols[next], starts[at], starts[right[next]]) : NEVER;
        if (unions[at] != NEVER) {
            offer(unions[at] & 0xFFFF_FFFF_0000_0000L | at);
        }
    }

    private void offer(long candidate) {
        if (candidates == heap.length) {
            heap = Arrays.copyOf(heap, 2 * candidates);
        }
        int at = candidates++;
        while (at > 0 && heap[at - 1 >> 1] > candidate) {
            heap[at] = heap[at - 1 >> 1];
            at = at - 1 >> 1;
        }
        heap[at] = candidate;
    }

    private long poll() {
        long first = heap[0];
        long last = heap[--candidates];
        int at = 0;
        for (int child = 1; child < candidates; child = 2 * at + 1) {
            if (child + 1 < candidates && heap[child + 1] < heap[child]) {
                child++;
            }
            if (heap[child] >= last) {
                break;
            }
            heap[at] = heap[child];
            at = child;
        }
        heap[at] = last;
        return first;
    }

    private void grow() {
        int more = 2 * places;
        symbols = Arrays.copyOf(symbols, more);
        starts = Arrays.copyOf(starts, more + 1);
        left = Arrays.copyOf(left, more);
        right = Arrays.copyOf(right, more);
        unions = Arrays.copyOf(unions, more);
    }
}
