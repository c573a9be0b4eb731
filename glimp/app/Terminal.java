package glimp.app;

import java.io.Console;
import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;

/**
 * Where a command writes: what was asked for on standard output, all else on standard error; colour and progress only where
 * a person looks on. Always UTF-8, whatever the locale.
 */
public final class Terminal {
    private static final long PROGRESS_AFTER = 1_000_000_000L;

    final PrintStream out;
    final PrintStream err;
    /** A person sits at it: standard input and output are a terminal. */
    final boolean interactive;
    private final boolean colour;
    private boolean progress;
    private long busySince;

    private Terminal(PrintStream out, PrintStream err, boolean interactive) {
        this.out = out;
        this.err = err;
        this.interactive = interactive;
        this.colour = interactive && System.getenv("NO_COLOR") == null;
    }

    public static Terminal open() {
        Console console = System.console();
        return new Terminal(stream(FileDescriptor.out), stream(FileDescriptor.err), console != null && console.isTerminal());
    }

    /** Not a person's: everything goes to these streams, plain. */
    static Terminal plain(PrintStream out, PrintStream err) {
        return new Terminal(out, err, false);
    }

    private static PrintStream stream(FileDescriptor to) {
        return new PrintStream(new java.io.BufferedOutputStream(new FileOutputStream(to)), false, StandardCharsets.UTF_8);
    }

    String green(String text) {
        return colour ? "\033[32m" + text + "\033[0m" : text;
    }

    String orange(String text) {
        return colour ? "\033[33m" + text + "\033[0m" : text;
    }

    String red(String text) {
        return colour ? "\033[31m" + text + "\033[0m" : text;
    }

    String faint(String text) {
        return colour ? "\033[2m" + text + "\033[0m" : text;
    }

    /** Something begins that may take long. */
    void begin() {
        busySince = System.nanoTime();
    }

    /** It goes on: shown from its second second on, on one line that is written over. */
    void progress(String what, long done, long of) {
        if (interactive && System.nanoTime() - busySince > PROGRESS_AFTER) {
            err.printf("\r\033[K%s %d %%", what, of == 0 ? 100 : 100 * done / of);
            err.flush();
            progress = true;
        }
    }

    /** It has ended: its line goes. */
    void end() {
        if (progress) {
            err.print("\r\033[K");
            err.flush();
            progress = false;
        }
    }

    public void flush() {
        out.flush();
        err.flush();
    }
}
