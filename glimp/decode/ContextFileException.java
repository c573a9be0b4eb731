package glimp.decode;

import java.nio.file.Path;

/** A context file cannot be used; the message is one line that says why. Nothing has been changed. */
public final class ContextFileException extends RuntimeException {
    private static final long serialVersionUID = 1;

    ContextFileException(Path file, String why) {
        super(file + " " + why);
    }
}
