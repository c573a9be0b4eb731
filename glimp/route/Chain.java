package glimp.route;

import glimp.text.Message;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;

/**
 * A conversation and the thoughts about its last message so far: what both models continue.
 *
 * <p>It grows at its end, part by part, and says nothing of tokens or caches: how a writer brings itself in line with it is
 * the writer's own business.
 */
public final class Chain {
    private final List<Message> messages;
    private final List<Part> parts = new ArrayList<>();

    /** A chain without thoughts yet. @param messages the conversation; the last message is the one to think about */
    public Chain(List<Message> messages) {
        this.messages = List.copyOf(messages);
    }

    public List<Message> messages() {
        return messages;
    }

    public List<Part> parts() {
        return Collections.unmodifiableList(parts);
    }

    public void add(Part part) {
        parts.add(part);
    }

    /** The thoughts (and the answer) so far, without the conversation. */
    public String text() {
        StringBuilder text = new StringBuilder();
        parts.forEach(part -> text.append(part.text()));
        return text.toString();
    }

    /**
     * Ends the thinking: the thoughts end in one newline, and {@code </think>\n\n} follows, whether the model wrote the mark
     * itself, or was stopped.
     *
     * <p>The newline stays with the thought, because a model writes {@code .\n} as one token where it can; "." and a newline
     * behind it are other tokens, which it has not been trained on.
     */
    void closeThinking(String endOfThinking) {
        while (!parts.isEmpty()) {
            Part last = parts.removeLast();
            int length = last.text().length();
            while (length > 0 && last.text().charAt(length - 1) == '\n') {
                length--;
            }
            if (length > 0) {
                parts.add(length < last.text().length() ? last.cut(length + 1) : last.plus("\n"));
                break;
            }
        }
        parts.add(Part.markup((parts.isEmpty() ? "\n" : "") + endOfThinking + "\n\n"));
    }

    /** Takes the last thought out of a chain whose thinking has been closed; false if there is none. */
    boolean forgetLastThought() {
        if (parts.size() < 2) {
            return false;
        }
        parts.remove(parts.size() - 2);
        return true;
    }
}
