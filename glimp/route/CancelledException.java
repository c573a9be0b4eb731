package glimp.route;

/** The listener cancelled a run while a cache was being brought up to date; contexts are consistent. */
final class CancelledException extends RuntimeException {
    private static final long serialVersionUID = 1;

    CancelledException() {
        super("cancelled", null, false, false);
    }
}
