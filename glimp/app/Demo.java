package glimp.app;

import glimp.route.Chain;
import glimp.route.Result;
import glimp.route.Router;
import glimp.text.Json;
import glimp.text.Message;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;

/** Built-in questions, routed one after the other: is the answer right, and how many steps did the large model write? */
public final class Demo {
    private static final Pattern NUMBER = Pattern.compile("\\d+");

    private Demo() {}

    /** A question with its answer. @param answer null: not known */
    record Question(String text, String answer) {
        /** An answer is right when it names the expected numbers, in order, and no others. */
        boolean right(String given) {
            return numbers(given).equals(numbers(answer));
        }

        private static List<String> numbers(String text) {
            return NUMBER.matcher(text).results().map(MatchResult::group).toList();
        }
    }

    /** The first of the built-in questions, as many as are asked for. */
    static List<Question> questions(Options options) {
        List<Question> questions = new ArrayList<>();
        for (String line : Pair.questions()) {
            if (questions.size() < options.count("--questions", 1)) {
                Map<?, ?> item = (Map<?, ?>) Json.parse(line);
                questions.add(new Question((String) item.get("question"), (String) item.get("answer")));
            }
        }
        return questions;
    }

    public static void run(Options options, Terminal terminal) {
        List<Question> questions = questions(options);
        Settings.of(options, 0);
        int right = 0;
        long steps = 0, byLarge = 0;
        try (Session session = new Session(Pair.or(options.files()), options, terminal)) {
            Router router = session.router(Settings.of(options, session.capacity()));
            for (Question question : questions) {
                terminal.out.println(question.text + "\n");
                Result result = router.run(new Chain(List.of(Message.user(question.text))), new Transcript(terminal, options.has("--quiet"), Interrupt.NEVER));
                boolean correct = question.right(result.answer());
                terminal.out.println("\n" + (correct ? "  " + terminal.green("right") : "  " + terminal.red("wrong") + ", it is " + question.answer));
                terminal.out.println();
                terminal.err.println(terminal.faint(Summary.of(result)) + "\n");
                terminal.flush();
                right += correct ? 1 : 0;
                steps += result.steps().size();
                byLarge += result.interventions();
            }
        }
        terminal.out.printf(Locale.ROOT, "right %d of %d, steps by L %.1f %%%n", right, questions.size(), 100.0 * byLarge / Math.max(1, steps));
    }
}
