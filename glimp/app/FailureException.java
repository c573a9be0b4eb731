package glimp.app;

/** Something outside the program went wrong; the message says what in one line. Exit status 1. */
final class FailureException extends RuntimeException {
    private static final long serialVersionUID = 1;

    FailureException(String message) {
        super(message);
    }
}
