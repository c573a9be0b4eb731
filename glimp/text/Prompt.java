package glimp.text;

import java.util.ArrayList;
import java.util.List;

/**
 * Text made for a model, in runs that are trusted (markup of a chat template, in which control tokens are recognised) and
 * runs that are not (what somebody typed, which never becomes a control token).
 *
 * <p>Immutable: each method gives a new prompt. The border between two runs is no border between words: the tokenizer
 * cuts the text as if it came in one piece.
 */
public final class Prompt {

    /** A stretch of text of one kind. */
    record Run(String text, boolean trusted) {}

    private static final Prompt EMPTY = new Prompt(List.of());

    private final List<Run> runs;

    private Prompt(List<Run> runs) {
        this.runs = runs;
    }

    /** The empty prompt. */
    public static Prompt of() {
        return EMPTY;
    }

    /** This prompt with markup at its end. */
    public Prompt trusted(String text) {
        return with(text, true);
    }

    /** This prompt with text at its end that is text and nothing else, whatever it spells. */
    public Prompt plain(String text) {
        return with(text, false);
    }

    /** This prompt and another one after it. */
    public Prompt append(Prompt other) {
        Prompt joined = this;
        for (Run run : other.runs) {
            joined = joined.with(run.text, run.trusted);
        }
        return joined;
    }

    /** The whole text, as the model reads it. */
    public String text() {
        StringBuilder text = new StringBuilder();
        runs.forEach(run -> text.append(run.text));
        return text.toString();
    }

    /** Neighbours differ in kind, none is empty. */
    List<Run> runs() {
        return runs;
    }

    private Prompt with(String text, boolean trusted) {
        if (text.isEmpty()) {
            return this;
        }
        List<Run> longer = new ArrayList<>(runs);
        Run last = runs.isEmpty() ? null : runs.getLast();
        if (last != null && last.trusted == trusted) {
            longer.set(longer.size() - 1, new Run(last.text + text, trusted));
        } else {
            longer.add(new Run(text, trusted));
        }
        return new Prompt(List.copyOf(longer));
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof Prompt prompt && runs.equals(prompt.runs);
    }

    @Override
    public int hashCode() {
        return runs.hashCode();
    }

    @Override
    public String toString() {
        return text();
    }
}
