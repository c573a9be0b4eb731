package glimp.app;

import glimp.app.Settings.Drafts;
import glimp.decode.Draft;
import glimp.route.Chain;
import glimp.route.Listener;
import glimp.route.Result;
import glimp.route.Router;
import glimp.text.Message;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/**
 * Methods side by side: L alone and GlimpRouter (or the one that {@code --method} names), each with and without drafts, question
 * by question in turn, so that whatever else the machine does meanwhile hits all of them.
 *
 * <p>A warm-up comes first, until two passes over the beginnings of some answers take about the same time. Then nothing is
 * known of drafts any more: what it costs to find out how long they should be is part of the result. Every run begins with
 * empty contexts.
 */
public final class Compare {
    private static final double AGREE = 0.1;
    private static final int MOST_WARM_UPS = 8, WARM_UP_QUESTIONS = 10, WARM_UP_TOKENS = 64;

    /** A method, and its runs. */
    private record Column(String name, Router router, List<Result> results) {}

    private final Session session;
    private final List<Demo.Question> questions;
    private final List<String> methods;
    private final Settings settings;
    private final List<Drafts> drafts = new ArrayList<>();
    private List<Column> columns;

    private Compare(Session session, Options options, List<Demo.Question> questions, List<Integer> fixed) {
        this.session = session;
        this.questions = questions;
        this.methods = options.has("--method") ? List.of(options.text("--method")) : List.of("large", "glimp");
        this.settings = Settings.of(options, session.capacity());
        drafts.add(Drafts.NONE);
        drafts.add(settings.drafts());
        fixed.forEach(count -> drafts.add(settings.drafts().always(count)));
        this.columns = columns();
    }

    public static void run(Options options, Terminal terminal) {
        options.preset(Map.of("--temp", "0"));
        int rounds = options.count("--rounds", 1);
        String text = Input.text(options);
        List<Demo.Question> questions = text == null ? Demo.questions(options) : List.of(new Demo.Question(text, null));
        List<Integer> fixed = fixed(options);
        Settings.of(options, 0);
        try (Session session = new Session(Pair.or(options.files()), options, terminal)) {
            Compare compare = new Compare(session, options, questions, fixed);
            terminal.begin();
            compare.warmUp();
            for (int i = 0; i < rounds; i++) {
                terminal.progress("comparing", i, rounds);
                compare.round(questions, Integer.MAX_VALUE);
            }
            terminal.end();
            compare.print(terminal);
        }
    }

    /** Lengths of the drafts that are always as long. */
    private static List<Integer> fixed(Options options) {
        if (!options.has("--fixed")) {
            return List.of();
        }
        List<Integer> counts = new ArrayList<>();
        for (String count : options.text("--fixed").split(",")) {
            if (!count.strip().matches("[1-" + Draft.MOST + "]")) {
                throw options.bad("--fixed", "whole numbers from 1 to " + Draft.MOST + ", with commas between them");
            }
            counts.add(Integer.parseInt(count.strip()));
        }
        return counts;
    }

    private List<Column> columns() {
        List<Column> all = new ArrayList<>();
        for (String method : methods) {
            String name = switch (method) {
                case "large" -> "L alone";
                case "small" -> "S alone";
                default -> "GlimpRouter";
            };
            for (Drafts each : drafts) {
                String drafting = each == Drafts.NONE ? "" : each == drafts.get(1) ? " + drafts" : " + " + each.most() + " a draft";
                all.add(new Column(name + drafting, session.router(settings.with(method, each)), new ArrayList<>()));
            }
        }
        return all;
    }

    private void warmUp() {
        List<Demo.Question> some = questions.subList(0, Math.min(WARM_UP_QUESTIONS, questions.size()));
        double last = Double.MAX_VALUE;
        for (int i = 0; i < MOST_WARM_UPS; i++) {
            columns.forEach(column -> column.results.clear());
            round(some, WARM_UP_TOKENS);
            double ms = columns.stream().mapToDouble(column -> CompareRow.of(column.name, column.results, some).medianMs()).sum();
            boolean agree = Math.abs(ms - last) < AGREE * last;
            last = ms;
            if (agree) {
                break;
            }
        }
        columns = columns();
    }

    /** Asks each question once of each method. @param tokens most of them to be written */
    private void round(List<Demo.Question> asked, int tokens) {
        for (Demo.Question question : asked) {
            for (Column column : columns) {
                session.models.forEach(model -> model.context().cut(0));
                column.results.add(column.router.run(new Chain(List.of(Message.user(question.text()))), new UpTo(tokens)));
            }
        }
    }

    /** Stops a run after some tokens. */
    private static final class UpTo implements Listener {
        private int left;

        UpTo(int tokens) {
            left = tokens;
        }

        @Override
        public void piece(String text) {
            left--;
        }

        @Override
        public boolean cancelled() {
            return left <= 0;
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
