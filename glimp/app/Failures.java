package glimp.app;

import glimp.decode.ContextFileException;
import glimp.decode.ContextFullException;
import glimp.gguf.GgufException;
import glimp.model.CacheMemoryException;

/** Everything that can go wrong, as one line and an exit status. */
public final class Failures {
    private Failures() {}

    /** Runs the program; the exit status is 0, 1 for a failure, 2 for a command line that cannot be understood. */
    public static int guard(Terminal terminal, Runnable program) {
        int status = 0;
        try {
            program.run();
        } catch (UsageException e) {
            terminal.err.println(line(e));
            status = 2;
        } catch (RuntimeException | OutOfMemoryError e) {
            terminal.err.println(line(e));
            status = 1;
        }
        terminal.flush();
        return status;
    }

    /** One line that says what was wrong. */
    static String line(Throwable e) {
        return "glimprouter: " + switch (e) {
            case UsageException u -> u.getMessage();
            case FailureException f -> f.getMessage();
            case GgufException g -> g.getMessage();
            case ContextFullException c -> c.getMessage();
            case ContextFileException c -> c.getMessage();
            case CacheMemoryException c -> c.getMessage();
            case OutOfMemoryError o -> "out of memory: Java may use " + (Runtime.getRuntime().maxMemory() >> 20)
                    + " MB; give it more with -Xmx, or a smaller context with -c";
            default -> "internal error, please report it: " + e + " at " + (e.getStackTrace().length > 0 ? e.getStackTrace()[0] : "an unknown place");
        };
    }
}
