package glimp.app;

import java.io.IOException;
import java.nio.charset.CharacterCodingException;
import java.nio.file.AccessDeniedException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;

/** The text that a command works on. */
final class Input {
    private Input() {}

    /** What {@code -p} or {@code -f} gives; null where neither is given. */
    static String text(Options options) {
        if (options.has("--prompt") && options.has("--file")) {
            throw new UsageException("-p or -f, not both");
        }
        if (!options.has("--file")) {
            return options.text("--prompt");
        }
        Path file = Path.of(options.text("--file"));
        try {
            return Files.readString(file);
        } catch (IOException e) {
            throw new FailureException("cannot read " + file + ": " + reason(e));
        }
    }

    /** The file that a flag names, to be written at the end; null where it is not given. A file that cannot be is refused before any work is done. */
    static Path output(Options options, String flag) {
        if (!options.has(flag)) {
            return null;
        }
        Path file = Path.of(options.text(flag));
        Path folder = file.toAbsolutePath().getParent();
        if (folder == null || !Files.isWritable(folder) || Files.isDirectory(file) || Files.exists(file) && !Files.isWritable(file)) {
            throw new FailureException("cannot write " + file + ": " + (Files.isDirectory(file) ? "it is a folder" : "its folder is not there, or may not be written to"));
        }
        return file;
    }

    /** Writes a file that {@link #output} has looked at. */
    static void write(Path file, byte[] bytes) {
        try {
            Files.write(file, bytes);
        } catch (IOException e) {
            throw new FailureException("cannot write " + file + ": " + reason(e));
        }
    }

    /** A file's trouble in words; Java's message is often only its name. */
    static String reason(IOException e) {
        return switch (e) {
            case NoSuchFileException n -> "there is no such file or folder";
            case AccessDeniedException a -> "permission denied";
            case CharacterCodingException c -> "it is not UTF-8 text";
            default -> e.getMessage() == null ? e.getClass().getSimpleName() : e.getMessage();
        };
    }
}
