package glimp.app;

import glimp.route.Chain;
import glimp.route.Listener;
import glimp.route.Result;
import glimp.route.Router;
import glimp.text.Message;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/**
 * Methods side by side: L alone and GlimpRouter, each with and without drafts, question by question in turn, so that
 * whatever else the machine does meanwhile hits all of them.
 *
 * <p>A warm-up comes first, until two passes over some questions take about the same time. Every run begins with empty
 * contexts.
 */
public final class Compare {
    private static final double AGREE = 0.1;
    private static final int MOST_WARM_UPS = 8, WARM_UP_QUESTIONS = 10;

    /** A method, and its runs. */
    private record Column(String name, Router router, List<Result> results) {}

    private final Session session;
    private final List<Demo.Question> questions;
    private final List<Column> columns = new ArrayList<>();

    private Compare(Session session, Options options, List<Demo.Question> questions) {
        this.session = session;
        this.questions = questions;
        for (String method : List.of("large", "glimp")) {
            for (boolean drafts : new boolean[] {false, true}) {
                Settings settings = Settings.of(options, session.capacity()).with(method, drafts);
                String name = (method.equals("large") ? "L alone" : "GlimpRouter") + (drafts ? " + drafts" : "");
                columns.add(new Column(name, session.router(settings), new ArrayList<>()));
            }
        }
    }

    public static void run(Options options, Terminal terminal) {
        options.preset(Map.of("--temp", "0"));
        int rounds = options.count("--rounds", 1);
        List<Demo.Question> questions = Demo.questions(options);
        Settings.of(options, 0);
        try (Session session = new Session(Pair.or(options.files()), options, terminal)) {
            Compare compare = new Compare(session, options, questions);
            terminal.begin();
            compare.warmUp();
            for (int i = 0; i < rounds; i++) {
                terminal.progress("comparing", i, rounds);
                compare.round(questions);
            }
            terminal.end();
            compare.print(terminal);
        }
    }

    private void warmUp() {
        List<Demo.Question> some = questions.subList(0, Math.min(WARM_UP_QUESTIONS, questions.size()));
        double last = Double.MAX_VALUE;
        for (int i = 0; i < MOST_WARM_UPS; i++) {
            columns.forEach(column -> column.results.clear());
            round(some);
            double ms = columns.stream().mapToDouble(column -> CompareRow.of(column.name, column.results, some).medianMs()).sum();
            boolean agree = Math.abs(ms - last) < AGREE * last;
            last = ms;
            if (agree) {
                break;
            }
        }
        columns.forEach(column -> column.results.clear());
    }

    private void round(List<Demo.Question> asked) {
        for (Demo.Question question : asked) {
            for (Column column : columns) {
                session.models.forEach(model -> model.context().cut(0));
                column.results.add(column.router.run(new Chain(List.of(Message.user(question.text()))), Listener.NONE));
            }
        }
    }

    private void print(Terminal terminal) {
        terminal.out.println(CompareRow.HEADER);
        CompareRow first = null;
        for (Column column : columns) {
            CompareRow row = CompareRow.of(column.name, column.results, questions);
            first = first == null ? row : first;
            terminal.out.println(row.line(first));
        }
        terminal.flush();
    }
}
