package glimp.app;

import glimp.route.Chain;
import glimp.route.Result;
import glimp.route.Router;
import glimp.text.Json;
import glimp.text.Message;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;

/** Built-in questions, routed one after the other: is the answer right, and how many steps did the large model write? */
public final class Demo {
    private static final Pattern NUMBER = Pattern.compile("\\d+");

    private Demo() {}

    public static void run(Options options, Terminal terminal) {
        int count = options.count("--questions", 1);
        List<String> questions = Pair.questions();
        Settings.of(options, 0);
        int right = 0, asked = 0;
        long steps = 0, byLarge = 0;
        try (Session session = new Session(Pair.or(options.files()), options, terminal)) {
            Router router = session.router(Settings.of(options, session.capacity()));
            for (String line : questions.subList(0, Math.min(count, questions.size()))) {
                @SuppressWarnings("unchecked")
                Map<String, Object> item = (Map<String, Object>) Json.parse(line);
                String question = (String) item.get("question");
                String expected = (String) item.get("answer");
                terminal.out.println(question + "\n");
                Result result = router.run(new Chain(List.of(new Message("user", question))), new Transcript(terminal, options.has("--quiet"), Interrupt.NEVER));
                boolean correct = numbers(result.answer()).equals(numbers(expected));
                terminal.out.println("\n" + (correct ? "  " + terminal.green("right") : "  " + terminal.red("wrong") + ", it is " + expected));
                terminal.out.println();
                terminal.err.println(terminal.faint(Summary.of(result)) + "\n");
                terminal.flush();
                asked++;
                right += correct ? 1 : 0;
                steps += result.steps().size();
                byLarge += result.interventions();
            }
        }
        terminal.out.printf(Locale.ROOT, "right %d of %d, steps by L %.1f %%%n", right, asked, 100.0 * byLarge / Math.max(1, steps));
    }

    /** An answer is right when it names the expected numbers, in order, and no others. */
    private static List<String> numbers(String text) {
        return NUMBER.matcher(text).results().map(MatchResult::group).toList();
    }
}
