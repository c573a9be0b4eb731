package glimp.app;

import java.io.IOException;
import java.util.concurrent.TimeUnit;

/**
 * Ctrl-C while an answer is written: it stops the answer, not the program.
 *
 * <p>Java has no portable way to catch the signal, so the terminal is asked not to send it ({@code stty -isig}) and the key
 * is read like any other. Where there is no terminal, or no {@code stty}, Ctrl-C ends the program as usual.
 */
final class Interrupt implements AutoCloseable {
    private static final int CTRL_C = 3;

    /** Where nobody can press a key. */
    static final Interrupt NEVER = new Interrupt(false);

    private final boolean listening;
    private final Thread restore = new Thread(() -> stty("icanon", "echo", "isig"));
    private boolean pressed;

    private Interrupt(boolean listening) {
        this.listening = listening;
    }

    /** Listens until it is closed, if a person sits at the terminal. */
    static Interrupt listen(Terminal terminal) {
        if (!terminal.interactive || !stty("-icanon", "-echo", "-isig")) {
            return NEVER;
        }
        Interrupt interrupt = new Interrupt(true);
        Runtime.getRuntime().addShutdownHook(interrupt.restore);
        return interrupt;
    }

    /** Whether Ctrl-C has been pressed since it listens. */
    boolean pressed() {
        try {
            while (listening && !pressed && System.in.available() > 0) {
                pressed = System.in.read() == CTRL_C;
            }
        } catch (IOException e) {
            // a terminal that cannot be read presses no keys
        }
        return pressed;
    }

    @Override
    public void close() {
        if (listening) {
            Runtime.getRuntime().removeShutdownHook(restore);
            restore.run();
        }
    }

    /** Sets the terminal that is standard input. */
    private static boolean stty(String... modes) {
        String[] command = new String[modes.length + 1];
        command[0] = "stty";
        System.arraycopy(modes, 0, command, 1, modes.length);
        try {
            Process process = new ProcessBuilder(command).redirectInput(ProcessBuilder.Redirect.INHERIT)
                    .redirectError(ProcessBuilder.Redirect.DISCARD).start();
            return process.waitFor(1, TimeUnit.SECONDS) && process.exitValue() == 0;
        } catch (IOException e) {
            return false;
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            return false;
        }
    }
}
