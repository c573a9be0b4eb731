package glimp.app;

import glimp.route.Author;
import glimp.route.Glimpse;
import glimp.route.Listener;
import glimp.route.Step;
import java.util.Locale;

/** Prints a run as it is written: each step behind a mark that says who writes it and what H_init was, then the answer. */
final class Transcript implements Listener {
    private static final String MARGIN = " ".repeat(8) + "| ";

    private final Terminal terminal;
    private final boolean answerOnly;
    private final Interrupt interrupt;
    private int steps;
    private boolean answering;
    private boolean begun;
    /** Stands before the first text: a step that stays empty leaves no trace. */
    private String mark = "";
    private int newlines;

    Transcript(Terminal terminal, boolean answerOnly, Interrupt interrupt) {
        this.terminal = terminal;
        this.answerOnly = answerOnly;
        this.interrupt = interrupt;
        terminal.begin();
    }

    @Override
    public void stepBegins(Author author, Glimpse glimpse) {
        terminal.end();
        if (!answerOnly) {
            String h = glimpse == null ? "  -  " : String.format(Locale.ROOT, "%5.3f", glimpse.entropy());
            String name = author.letter + " " + h + " ";
            mark = (author == Author.SMALL ? terminal.green(name) : terminal.orange(name)) + "| ";
        }
        begun = false;
        newlines = 0;
    }

    @Override
    public void answerBegins() {
        terminal.end();
        mark = steps == 0 ? "" : "\n";
        answering = true;
        begun = false;
        newlines = 0;
    }

    /** Newlines wait until text follows them: those around a step are not part of it, and those inside it are indented. */
    @Override
    public void piece(String text) {
        terminal.end();
        if (answerOnly && !answering) {
            return;
        }
        for (String line : text.splitWithDelimiters("\n", -1)) {
            if (line.equals("\n")) {
                newlines++;
            } else if (!line.isEmpty()) {
                String before = begun ? ("\n" + (answering ? "" : MARGIN)).repeat(newlines) : mark;
                terminal.out.print(before + line);
                begun = true;
                newlines = 0;
            }
        }
        terminal.out.flush();
    }

    @Override
    public void stepEnds(Step step) {
        if (!answerOnly) {
            terminal.out.println();
            terminal.out.flush();
            steps++;
        }
        terminal.begin();
    }

    @Override
    public void prefill(int done, int of) {
        terminal.progress("reading", done, of);
    }

    @Override
    public boolean cancelled() {
        return interrupt.pressed();
    }
}
