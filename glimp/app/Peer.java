package glimp.app;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Another program, that measures itself in the same trial.
 *
 * <p>It is given as a command line, in which {@code {model}}, {@code {t}}, {@code {p}}, {@code {n}} and {@code {d}} stand for
 * the file, the threads, and the trial's tokens; for example {@code llama-bench -m {model} -t {t} -p {p} -n {n} -d {d} -r 2}.
 * Blanks part its words; there is no quoting, and no shell. Its output is llama-bench's table, or lines of words such as
 * {@code NAME pp512 123.4 125.0}: a test's name, and tokens/s of each run behind it.
 */
final class Peer {
    private final List<String> words;

    /** @throws UsageException if the command does not say where model, threads and tokens go */
    Peer(String command) {
        for (String needed : List.of("{model}", "{t}", "{p}", "{n}")) {
            if (!command.contains(needed)) {
                throw new UsageException("--peer takes a command with {model}, {t}, {p}, {n} and, if it can, {d} in it, such as"
                        + " \"llama-bench -m {model} -t {t} -p {p} -n {n} -d {d}\"; " + needed + " is missing in \"" + command + "\"");
            }
        }
        this.words = Arrays.asList(command.strip().split("\\s+"));
    }

    /** Whether it can run the trial: a command without {@code {d}} begins with an empty context only. */
    boolean knows(Trial trial) {
        return trial.depth() == 0 || words.stream().anyMatch(word -> word.contains("{d}"));
    }

    /** Tokens/s, by its own account. @throws FailureException if it cannot be run or does not say */
    double rate(Trial trial, Path model, int threads) {
        List<String> command = command(trial, model, threads);
        try {
            Process process = new ProcessBuilder(command).redirectError(ProcessBuilder.Redirect.INHERIT).start();
            process.getOutputStream().close();
            String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
            int status = process.waitFor();
            if (status != 0) {
                throw new FailureException("the peer ended with status " + status + ": " + String.join(" ", command));
            }
            return rate(output, trial.name());
        } catch (IOException e) {
            throw new FailureException("cannot run the peer: " + e.getMessage());
        } catch (InterruptedException e) {
            throw new FailureException("interrupted while the peer ran");
        }
    }

    List<String> command(Trial trial, Path model, int threads) {
        return words.stream().map(word -> word.replace("{t}", Integer.toString(threads)).replace("{p}", Integer.toString(trial.prompt()))
                .replace("{n}", Integer.toString(trial.generated())).replace("{d}", Integer.toString(trial.depth()))
                .replace("{model}", model.toAbsolutePath().toString())).toList();
    }

    /**
     * What stands behind the test's name: in a table the next column's first number, in a line of words the mean of all of them.
     *
     * @throws FailureException if there is no such line
     */
    static double rate(String output, String test) {
        String number = "\\d+(?:\\.\\d+)?";
        Matcher found = Pattern.compile("(?m)(?:^|[|\\h])" + Pattern.quote(test) + "(?:\\h*\\|\\h*(" + number + ")\\b|((?:\\h+" + number + ")+)\\h*$)").matcher(output);
        if (!found.find()) {
            throw new FailureException("the peer's output names no speed of " + test + ": " + (output.isBlank() ? "it is empty" : output.strip()));
        }
        String rates = found.group(1) == null ? found.group(2).strip() : found.group(1);
        return Arrays.stream(rates.split("\\h+")).mapToDouble(Double::parseDouble).average().orElseThrow();
    }
}
