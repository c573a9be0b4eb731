package glimp.app;

import glimp.route.Chain;
import glimp.route.Part;
import glimp.route.Result;
import glimp.route.Router;
import glimp.route.Trace;
import glimp.route.Usage;
import glimp.route.Writer;
import glimp.route.Writer.Until;
import glimp.route.Writer.Written;
import glimp.text.Json;
import glimp.text.Message;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** The main command: a question, or a chat, answered by a pair of models or by one alone. */
public final class Run {
    private final Options options;
    private final Terminal terminal;
    private final Session session;
    private final Settings settings;
    /** Null: none is wanted. */
    private final Path traceFile;
    private final boolean quiet;
    /** Exactly one of the two is used: the loop over a pair, or a model alone. */
    private final Router router;
    private final Writer alone;

    private Run(Options options, Terminal terminal, Session session, Path traceFile) {
        this.options = options;
        this.terminal = terminal;
        this.session = session;
        this.settings = Settings.of(options, session.capacity());
        this.traceFile = traceFile;
        this.quiet = options.has("--quiet");
        this.router = session.pair() ? session.router(settings) : null;
        this.alone = session.pair() ? null : session.alone(settings);
    }

    public static void run(Options options, Terminal terminal) {
        String question = Input.text(options);
        if (question != null && question.isBlank()) {
            throw new UsageException("the question is empty");
        }
        Path traceFile = Input.output(options, "--trace");
        Path cacheFile = Input.output(options, "--cache-file");
        Settings.of(options, 0);   // a flag that is wrong is said before the models are loaded
        try (Session session = new Session(Pair.or(options.files()), options, terminal)) {
            Run run = new Run(options, terminal, session, traceFile);
            if (cacheFile != null) {
                session.restore(cacheFile);
            }
            if (question == null) {
                new Chat(terminal, run.opening(), run::answer).talk();
            } else {
                List<Message> messages = run.opening();
                messages.add(Message.user(question));
                run.answer(messages);
            }
            if (cacheFile != null) {
                session.save(cacheFile);
            }
        }
    }

    /** The conversation before the user has said anything. */
    private List<Message> opening() {
        List<Message> messages = new ArrayList<>();
        if (options.text("--system-prompt") != null) {
            messages.add(new Message("system", options.text("--system-prompt")));
        }
        return messages;
    }

    /** Answers the last message, on the terminal. */
    private Answer answer(List<Message> messages) {
        try (Interrupt interrupt = Interrupt.listen(terminal)) {
            Transcript transcript = new Transcript(terminal, quiet, interrupt);
            return router == null ? plain(messages, transcript) : routed(messages, transcript);
        } finally {
            terminal.end();
            terminal.flush();
        }
    }

    private Answer routed(List<Message> messages, Transcript transcript) {
        Result result = router.run(new Chain(messages), transcript);
        terminal.out.println();
        String summary = Summary.of(result) + "; " + session.caches();
        if (!quiet) {
            terminal.err.println("\n" + terminal.faint(summary));
        }
        if (traceFile != null) {
            Input.write(traceFile, (Json.write(Trace.of(settings.toMap(), result)) + "\n").getBytes(StandardCharsets.UTF_8));
        }
        return new Answer(result.answer(), summary);
    }

    /** One model: everything that it writes is the answer. */
    private Answer plain(List<Message> messages, Transcript transcript) {
        transcript.answerBegins();
        long start = System.nanoTime();
        Usage before = alone.usage();
        Written written = alone.write(new Chain(messages), new Until(null, null, settings.limits().answer(), 0), transcript);
        double ms = (System.nanoTime() - start) / 1e6;
        terminal.out.println();
        String summary = Summary.written(alone.usage().since(before)) + String.format(java.util.Locale.ROOT, "; %.1f ms; ", ms) + session.caches();
        if (!quiet) {
            terminal.err.println("\n" + terminal.faint(summary));
        }
        return new Answer(afterThinking(written.part()), summary);
    }

    private static String afterThinking(Part part) {
        int end = part.text().indexOf("</think>");
        return (end < 0 ? part.text() : part.text().substring(end + "</think>".length())).strip();
    }

    /** An answer's text, for the history, and what it took. */
    record Answer(String text, String summary) {}
}
