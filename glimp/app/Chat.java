package glimp.app;

import glimp.text.Message;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Function;

/** A conversation: a line read, an answer written, both remembered. */
final class Chat {
    private final Terminal terminal;
    private final List<Message> opening;
    private final Function<List<Message>, Run.Answer> answer;
    private final BufferedReader lines = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
    private String lastSummary = "nothing has been asked yet";

    /** @param opening messages that stand before everything @param answer answers the last of the messages, on the terminal */
    Chat(Terminal terminal, List<Message> opening, Function<List<Message>, Run.Answer> answer) {
        this.terminal = terminal;
        this.opening = opening;
        this.answer = answer;
    }

    /** Talks until the input ends or the user types {@code /quit}. */
    void talk() {
        if (terminal.interactive) {
            terminal.err.println("Ask, and the models think together. /clear forgets, /stats shows what the last answer took, /quit ends.");
        }
        List<Message> messages = new ArrayList<>(opening);
        for (String line = read(); line != null && !line.equals("/quit"); line = read()) {
            if (line.startsWith("/")) {
                command(line, messages);
            } else if (!line.isEmpty()) {
                ask(line, messages);
            }
        }
    }

    private void command(String line, List<Message> messages) {
        switch (line) {
            case "/clear" -> {
                messages.clear();
                messages.addAll(opening);
            }
            case "/stats" -> terminal.err.println(lastSummary);
            default -> terminal.err.println("unknown command " + line + "; there are /quit, /clear and /stats");
        }
    }

    /** A question that was not answered, because it was cancelled or the context is full, is taken back, and the chat goes on. */
    private void ask(String line, List<Message> messages) {
        messages.add(Message.user(line));
        try {
            Run.Answer got = answer.apply(messages);
            lastSummary = got.summary();
            if (got.text().isEmpty()) {
                messages.removeLast();
            } else {
                messages.add(Message.assistant(got.text()));
            }
        } catch (RuntimeException e) {
            messages.removeLast();
            terminal.err.println(Failures.line(e));
        }
    }

    private String read() {
        if (terminal.interactive) {
            terminal.err.print("\n> ");
        }
        terminal.flush();
        try {
            String line = lines.readLine();
            return line == null ? null : line.strip();
        } catch (IOException e) {
            throw new FailureException("cannot read the input: " + Input.reason(e));
        }
    }
}
