package glimp.route;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;

/** A writer that says what a test tells it to, and remembers what it was asked. */
final class Scripted implements Writer {
    final List<String> asked = new ArrayList<>();
    private final Deque<Double> entropies = new ArrayDeque<>();
    private final Deque<Written> lines = new ArrayDeque<>();
    private final String name;

    Scripted(String name) {
        this.name = name;
    }

    /** The next glimpses have these entropies. */
    Scripted glimpses(double... values) {
        for (double value : values) {
            entropies.add(value);
        }
        return this;
    }

    /** The next thing it writes. */
    Scripted writes(String text, Ending ending) {
        lines.add(new Written(Part.text(text), ending, text.length()));
        return this;
    }

    Scripted writes(String text) {
        return writes(text, Ending.DELIMITER);
    }

    @Override
    public Glimpse glimpse(Chain chain, Listener listener) {
        asked.add("glimpse after " + chain.text().replace("\n", "/"));
        return new Glimpse(entropies.remove(), 0.5, List.of());
    }

    @Override
    public Written write(Chain chain, Until until, Listener listener) {
        asked.add("write after " + chain.text().replace("\n", "/"));
        if (lines.isEmpty()) {
            throw new AssertionError(name + " was asked to write once more than its script has");
        }
        Written written = lines.remove();
        listener.piece(written.part().text());
        return written;
    }

    @Override
    public Usage usage() {
        return Usage.NONE;
    }

    /** Everything in its script has been used. */
    boolean done() {
        return lines.isEmpty() && entropies.isEmpty();
    }
}
