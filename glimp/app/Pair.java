package glimp.app;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/** The trained pair that comes with the program: in {@code models/} of a checkout, or inside the jar. */
final class Pair {
    private static final List<String> NAMES = List.of("glimp-s.gguf", "glimp-l.gguf");

    private Pair() {}

    /** The files that the command line names, or the pair where it names none. */
    static List<Path> or(List<String> named) {
        return named.isEmpty() ? NAMES.stream().map(Pair::file).toList() : named.stream().map(Path::of).toList();
    }

    /** The questions that come with it, one JSON object a line. */
    static List<String> questions() {
        try (BufferedReader lines = new BufferedReader(new InputStreamReader(Files.newInputStream(file("questions.jsonl")), StandardCharsets.UTF_8))) {
            return lines.lines().toList();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** In the folder, or copied out of the jar: a file in a jar cannot be mapped into memory. */
    private static Path file(String name) {
        Path inFolder = Path.of("models", name);
        try (InputStream inJar = Pair.class.getResourceAsStream("/models/" + name)) {
            if (inJar == null) {
                if (!Files.exists(inFolder)) {
                    throw new UsageException("name one or two models: there is no " + inFolder + " here");
                }
                return inFolder;
            }
            // Not by createTempFile, which makes its names by the cryptographic generator: that is 25 ms of the start.
            Path copy = Path.of(System.getProperty("java.io.tmpdir"), "glimprouter-" + ProcessHandle.current().pid() + "-" + System.nanoTime() + "-" + name);
            copy.toFile().deleteOnExit();
            Files.copy(inJar, copy);
            return copy;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
