package glimp.model;

import glimp.tensor.Products;
import glimp.tensor.Team;
import java.util.Arrays;

/**
 * Where the time of a model's passes goes, stage by stage, and how much of it the team's threads spend on waiting for each
 * other.
 *
 * <p>The model says when a stage ends, and all that has grown since the stage before is that stage's: the wall clock, the
 * team's time at work, the weights read, the operations. One reading of the clock a stage (25 ns) and two a region are all
 * that it costs, and nothing where no profile is taken.
 */
public final class Profile implements AutoCloseable {
    /** What a pass consists of. */
    public enum Stage {
        QKV("q, k, v"), ATTENTION_OUT("attention output"), GATE_UP("gate, up"), DOWN("down"), EXPERTS("experts"), OUTPUT("output matrix"),
        ATTENTION("attention"), NORMS("norms, rope, cache"), REST("embedding, the rest");

        /** For a table. */
        public final String label;

        Stage(String label) {
            this.label = label;
        }
    }

    /** What has been used up: by the clock and of all threads together, nanoseconds; bytes of weights and operations. */
    private record Used(long wall, long work, long bytes, double operations) {
        private static final Used NOTHING = new Used(0, 0, 0, 0);

        private Used plus(Used more) {
            return new Used(wall + more.wall, work + more.work, bytes + more.bytes, operations + more.operations);
        }

        private Used minus(Used less) {
            return new Used(wall - less.wall, work - less.work, bytes - less.bytes, operations - less.operations);
        }
    }

    private final Team team;
    private final Products products;
    private final Runnable end;
    /** By stage. */
    private final Used[] used = new Used[Stage.values().length];
    /** When the last stage ended. */
    private Used before;

    /** @param end takes the profile out of the model again */
    Profile(Team team, Products products, Runnable end) {
        this.team = team;
        this.products = products;
        this.end = end;
        Arrays.fill(used, Used.NOTHING);
        team.timed(true);
    }

    /** What has been used since the last pass belongs to no stage. */
    void passBegins() {
        before = now();
    }

    void ended(Stage stage) {
        Used now = now();
        used[stage.ordinal()] = used[stage.ordinal()].plus(now.minus(before));
        before = now;
    }

    private Used now() {
        long clock = System.nanoTime();
        return new Used(clock, team.workNanos(clock), products.bytes(), products.operations());
    }

    /** Seconds of all passes, by the clock. */
    public double seconds() {
        return Arrays.stream(used).mapToLong(Used::wall).sum() / 1e9;
    }

    /** Seconds of a stage, by the clock. */
    public double seconds(Stage stage) {
        return used[stage.ordinal()].wall / 1e9;
    }

    /** The share of the team's time in which a thread is at work on the stage; with {@link #waiting()}, all shares sum to 1. */
    public double share(Stage stage) {
        return used[stage.ordinal()].work / 1e9 / seconds() / team.size();
    }

    /** The share of the team's time in which a thread waits for another one during the stage. */
    public double waiting(Stage stage) {
        return seconds(stage) / seconds() - share(stage);
    }

    /** The share of the team's time in which a thread waits for another one. */
    public double waiting() {
        return Arrays.stream(Stage.values()).mapToDouble(this::waiting).sum();
    }

    /** Bytes of weights that the stage's products go through a second; NaN if it has none, or never came. */
    public double bytesPerSecond(Stage stage) {
        long bytes = used[stage.ordinal()].bytes;
        return bytes == 0 ? Double.NaN : bytes / seconds(stage);
    }

    /** Floating-point operations a second of the stage's products; NaN if it has none, or never came. */
    public double operationsPerSecond(Stage stage) {
        double operations = used[stage.ordinal()].operations;
        return operations == 0 ? Double.NaN : operations / seconds(stage);
    }

    /** Ends it: later passes are not measured. */
    @Override
    public void close() {
        team.timed(false);
        end.run();
    }
}
