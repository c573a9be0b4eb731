package glimp.app;

import glimp.text.Json;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/**
 * How long a user waits from the start of the program to the first text of an answer: the program is started anew, in the
 * way in which this one was (a jar, an installed command, a checkout), and ended when it has written something.
 */
final class Startup {
    private static final int STARTS = 5;
    private static final List<String> QUESTION = List.of("-p", "What is 12+31?", "-n", "1", "--temp", "0");

    private Startup() {}

    static void run(Options options, Terminal terminal) {
        List<Path> files = Pair.or(options.has("--model") ? List.of(options.text("--model")) : options.files());
        List<String> command = command(Relaunch.asStarted(options.arguments()), files, options);
        double[] ms = new double[STARTS];
        for (int i = 0; i < STARTS; i++) {
            ms[i] = once(command);
        }
        Arrays.sort(ms);
        if (options.has("--json")) {
            Map<String, Object> row = new LinkedHashMap<>();
            row.put("model_filename", String.join(" ", files.stream().map(Path::toString).toList()));
            row.put("startup_ms", ms[STARTS / 2]);
            row.put("startup_ms_least", ms[0]);
            row.put("startup_ms_most", ms[STARTS - 1]);
            terminal.out.println(Json.writeIndented(List.of(row)));
        } else {
            terminal.out.printf(Locale.ROOT, "%.0f ms from the start of the program to its first token (median of %d; %.0f to %.0f)%n", ms[STARTS / 2], STARTS,
                    ms[0], ms[STARTS - 1]);
        }
    }

    /** @param start how the program is started, up to its arguments */
    static List<String> command(List<String> start, List<Path> files, Options options) {
        List<String> command = new ArrayList<>(start);
        files.forEach(file -> command.add(file.toString()));
        command.addAll(QUESTION);
        for (String flag : List.of("--threads", "--ctx-size", "--cache-type-k", "--cache-type-v", "--activations")) {
            if (options.has(flag)) {
                command.addAll(List.of(flag, options.text(flag)));
            }
        }
        if (options.has("--checked")) {
            command.add("--checked");
        }
        return command;
    }

    /** Milliseconds to the first byte on standard output. */
    private static double once(List<String> command) {
        try {
            long start = System.nanoTime();
            Process process = new ProcessBuilder(command).redirectError(ProcessBuilder.Redirect.DISCARD).start();
            process.getOutputStream().close();
            int first = process.getInputStream().read();
            double ms = (System.nanoTime() - start) / 1e6;
            process.destroy();
            process.waitFor();
            if (first < 0) {
                throw new FailureException("the program ended without a word: " + String.join(" ", command));
            }
            return ms;
        } catch (IOException e) {
            throw new FailureException("cannot start " + command.getFirst() + ": " + e.getMessage());
        } catch (InterruptedException e) {
            throw new FailureException("interrupted while the program started");
        }
    }
}
