package glimp.app;

import glimp.route.Chain;
import glimp.route.Listener;
import glimp.route.Result;
import glimp.route.Router;
import glimp.route.Usage;
import glimp.text.Message;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
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

    /** A method, and what its runs took. */
    private record Column(String name, Router router, List<Result> results, List<Double> ms) {}

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
                columns.add(new Column(name, session.router(settings), new ArrayList<>(), new ArrayList<>()));
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
            columns.forEach(column -> column.ms.clear());
            round(some);
            double ms = columns.stream().mapToDouble(column -> median(column.ms)).sum();
            boolean agree = Math.abs(ms - last) < AGREE * last;
            last = ms;
            if (agree) {
                break;
            }
        }
        columns.forEach(column -> {
            column.ms.clear();
            column.results.clear();
        });
    }

    private void round(List<Demo.Question> asked) {
        for (Demo.Question question : asked) {
            for (Column column : columns) {
                session.models.forEach(model -> model.context().cut(0));
                Result result = column.router.run(new Chain(List.of(Message.user(question.text()))), Listener.NONE);
                column.results.add(result);
                column.ms.add(result.ms());
            }
        }
    }

    private void print(Terminal terminal) {
        terminal.out.println("| method               | ms a question: median |   mean | prompt | glimpses | switches |      S |      L | steps by L |   right | tokens/L pass | accepted |");
        terminal.out.println("| -------------------- | --------------------: | -----: | -----: | -------: | -------: | -----: | -----: | ---------: | ------: | ------------: | -------: |");
        for (Column column : columns) {
            Usage small = column.results.stream().map(Result::small).reduce(Usage.NONE, Usage::plus);
            Usage large = column.results.stream().map(Result::large).reduce(Usage.NONE, Usage::plus);
            long right = 0, steps = 0, byLarge = 0;
            for (int i = 0; i < column.results.size(); i++) {
                Result result = column.results.get(i);
                right += questions.get(i % questions.size()).right(result.answer()) ? 1 : 0;
                steps += result.steps().size();
                byLarge += result.interventions();
            }
            Usage both = small.plus(large);
            int n = column.results.size();
            terminal.out.printf(Locale.ROOT, "| %-20s | %21.2f | %6.2f | %6.2f | %8.2f | %8.2f | %6.2f | %6.2f | %8.1f %% | %3d/%3d | %13.2f | %8s |%n", column.name,
                    median(column.ms), column.ms.stream().mapToDouble(ms -> ms).average().orElse(0), both.promptMs() / n, both.glimpseMs() / n,
                    both.switchMs() / n, small.writeMs() / n, large.writeMs() / n, 100.0 * byLarge / Math.max(1, steps), right, n,
                    (double) large.written() / Math.max(1, large.passes()), Summary.percent(large.accepted(), large.drafted()));
        }
        terminal.flush();
    }

    private static double median(List<Double> values) {
        double[] sorted = values.stream().mapToDouble(ms -> ms).toArray();
        Arrays.sort(sorted);
        return sorted.length == 0 ? 0 : (sorted[(sorted.length - 1) / 2] + sorted[sorted.length / 2]) / 2;
    }
}
