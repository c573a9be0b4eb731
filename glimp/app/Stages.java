package glimp.app;

import glimp.model.Profile;
import glimp.model.Profile.Stage;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/**
 * Where the time of a trial goes, for a table or JSON.
 *
 * @param passes what the times are divided by: tokens that ran one by one, or prompts
 */
record Stages(Trial trial, int threads, Profile profile, int passes) {

    /**
     * A row a stage: milliseconds of the clock, and as shares of the team's time, how long its threads are at work on it and
     * how long they wait for each other meanwhile. The last row but one sums up the waiting, and with it the shares are all.
     */
    String table() {
        String title = trial.name() + ", " + threads + (threads == 1 ? " thread" : " threads");
        StringBuilder text = new StringBuilder(String.format(Locale.ROOT, "| %-20s | %s | %7s | %7s | %6s | %7s |%n", title,
                trial.oneByOne() ? " ms a token" : "ms a prompt", "share", "waits", "GB/s", "GFLOP/s"));
        text.append(String.format("| -------------------- | ----------: | ------: | ------: | -----: | ------: |%n"));
        for (Stage stage : stages()) {
            text.append(line(stage.label, ms(stage), profile.share(stage), profile.waiting(stage), gigabytes(stage), gigaflops(stage)));
        }
        text.append(line("waiting", Double.NaN, profile.waiting(), Double.NaN, Double.NaN, Double.NaN));
        text.append(line("all", 1000 * profile.seconds() / passes, 1, profile.waiting(), Double.NaN, Double.NaN));
        return text.toString();
    }

    private static String line(String label, double ms, double share, double waits, double gigabytes, double gigaflops) {
        return String.format(Locale.ROOT, "| %-20s | %11s | %7s | %7s | %6s | %7s |%n", label, BenchRow.or(3, ms), percent(share), percent(waits),
                BenchRow.or(1, gigabytes), BenchRow.or(1, gigaflops));
    }

    private static String percent(double share) {
        return Double.isNaN(share) ? "" : BenchRow.fixed(1, 100 * share) + " %";
    }

    Map<String, Object> toMap() {
        List<Object> stages = new ArrayList<>();
        for (Stage stage : stages()) {
            Map<String, Object> map = new LinkedHashMap<>();
            map.put("stage", stage.label);
            map.put("ms", ms(stage));
            map.put("share", profile.share(stage));
            map.put("waiting", profile.waiting(stage));
            map.put("gb_s", gigabytes(stage));
            map.put("gflops", gigaflops(stage));
            stages.add(map);
        }
        Map<String, Object> map = new LinkedHashMap<>();
        map.put("stages", stages);
        map.put("waiting", profile.waiting());
        map.put("ms", 1000 * profile.seconds() / passes);
        return map;
    }

    /** Those that the model has. */
    private List<Stage> stages() {
        return Arrays.stream(Stage.values()).filter(stage -> profile.seconds(stage) > 0).toList();
    }

    private double ms(Stage stage) {
        return 1000 * profile.seconds(stage) / passes;
    }

    private double gigabytes(Stage stage) {
        return profile.bytesPerSecond(stage) / 1e9;
    }

    private double gigaflops(Stage stage) {
        return profile.operationsPerSecond(stage) / 1e9;
    }
}
