package glimp.app;

/**
 * Whether the Vector API checks the bounds of each access: off, unless the user asks for it, since every tensor's extent is
 * checked against its file on loading, and the checks cost up to half of the speed. Tests, which run no {@code main}, have
 * them on.
 */
public final class Checks {
    private static final String PROPERTY = "jdk.incubator.vector.VECTOR_ACCESS_OOB_CHECK";
    private static final String OFF = "0", ON = "2";

    private Checks() {}

    /** The first vector class reads it, once: call this before any is loaded. A property that the user has set stands. */
    public static void choose(Options options) {
        System.getProperties().putIfAbsent(PROPERTY, options.has("--checked") ? ON : OFF);
    }

    static boolean on() {
        return !OFF.equals(System.getProperty(PROPERTY));
    }
}
