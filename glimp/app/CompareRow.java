package glimp.app;

import glimp.route.Result;
import glimp.route.Usage;
import java.util.List;
import java.util.Locale;

/**
 * What a method took and gave: a line of {@link Compare}'s table.
 *
 * @param medianMs of a question @param meanMs likewise; the following five are parts of it: reading the prompt, glimpses,
 *        reading what the other model wrote, and what each model took to write
 * @param largeShare share of the steps written by L, 0 .. 1
 * @param right answers of {@code questions}, those whose answer is known
 * @param tokensPerSecond of L, while it writes @param tokensPerPass likewise
 * @param accepted share of the drafted tokens, 0 .. 1; NaN where nothing was drafted
 */
record CompareRow(String name, double medianMs, double meanMs, double promptMs, double glimpseMs, double switchMs, double smallMs, double largeMs,
        double largeShare, int right, int questions, double tokensPerSecond, double tokensPerPass, double accepted) {
    static final String HEADER = """
            | method                 | ms a question: median |    less |   mean | prompt | glimpses | switches |      S |      L | steps by L |   right | L tokens/s | tokens/L pass | accepted |
            | ---------------------- | --------------------: | ------: | -----: | -----: | -------: | -------: | -----: | -----: | ---------: | ------: | ---------: | ------------: | -------: |""";

    /** @param results one or more, of the questions in turn, again and again */
    static CompareRow of(String name, List<Result> results, List<Demo.Question> questions) {
        Usage small = results.stream().map(Result::small).reduce(Usage.NONE, Usage::plus);
        Usage large = results.stream().map(Result::large).reduce(Usage.NONE, Usage::plus);
        Usage both = small.plus(large);
        int n = results.size(), right = 0, known = 0;
        long steps = 0, byLarge = 0;
        for (int i = 0; i < n; i++) {
            Result result = results.get(i);
            Demo.Question question = questions.get(i % questions.size());
            known += question.answer() != null ? 1 : 0;
            right += question.answer() != null && question.right(result.answer()) ? 1 : 0;
            steps += result.steps().size();
            byLarge += result.interventions();
        }
        double[] ms = results.stream().mapToDouble(Result::ms).sorted().toArray();
        double sum = results.stream().mapToDouble(Result::ms).sum();
        return new CompareRow(name, (ms[(n - 1) / 2] + ms[n / 2]) / 2, sum / n, both.promptMs() / n, both.glimpseMs() / n, both.switchMs() / n,
                small.writeMs() / n, large.writeMs() / n, (double) byLarge / Math.max(1, steps), right, known,
                large.written() == 0 ? 0 : 1000 * large.written() / large.writeMs(), (double) large.written() / Math.max(1, large.passes()), (double) large.accepted() / large.drafted());
    }

    /** As the header has it. @param first whose median this one's is compared with */
    String line(CompareRow first) {
        return String.format(Locale.ROOT, "| %-22s | %21.2f | %5.1f %% | %6.2f | %6.2f | %8.2f | %8.2f | %6.2f | %6.2f | %8.1f %% | %7s | %10.2f | %13.2f | %8s |",
                name, medianMs, 100 * (1 - medianMs / first.medianMs), meanMs, promptMs, glimpseMs, switchMs, smallMs, largeMs, 100 * largeShare,
                questions == 0 ? "-" : String.format(Locale.ROOT, "%3d/%3d", right, questions), tokensPerSecond, tokensPerPass, Summary.percent(accepted));
    }
}
