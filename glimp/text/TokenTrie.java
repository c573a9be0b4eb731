package glimp.text;

import java.util.HashMap;
import java.util.Map;

/** Finds the longest token that a text goes on with. */
final class TokenTrie {

    /** What was read so far; a token if the reading may end here. */
    static final class Node {
        private final Map<Byte, Node> next = new HashMap<>();
        /** Bytes read. */
        final int length;
        int token = -1;

        private Node(int length) {
            this.length = length;
        }
    }

    private final Node root = new Node(0);
    private final boolean[] begins = new boolean[256];

    void add(byte[] bytes, int token) {
        Node node = root;
        for (byte b : bytes) {
            Node before = node;
            node = node.next.computeIfAbsent(b, key -> new Node(before.length + 1));
        }
        if (node != root && node.token < 0) {
            node.token = token;
            begins[bytes[0] & 255] = true;
        }
    }

    /** The longest token that {@code text} has at {@code at} and that ends at {@code to} or before, or null. */
    Node longest(byte[] text, int at, int to) {
        if (at >= to || !begins[text[at] & 255]) {
            return null;
        }
        Node found = null;
        Node node = root;
        for (int i = at; i < to; i++) {
            node = node.next.get(text[i]);
            if (node == null) {
                break;
            }
            if (node.token >= 0) {
                found = node;
            }
        }
        return found;
    }
}
