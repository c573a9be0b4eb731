package glimp.app;

import glimp.gguf.Gguf;
import glimp.model.Model;
import glimp.tensor.Team;
import glimp.text.Json;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.stream.DoubleStream;
import java.util.stream.IntStream;
import jdk.incubator.vector.FloatVector;

/**
 * Speed of a model, in llama-bench's table: tokens/s of a prompt run in batches (pp) and of tokens run one by one (tg), and
 * beside them how near they come to what the machine can do. Sampling is not part of it.
 *
 * <p>Beside a peer, the two take turns, A B B A, so that a machine that slows down or speeds up meanwhile favours neither.
 */
public final class Bench {
    private final Options options;
    private final Terminal terminal;
    private final Gguf file;
    private final Peer peer;
    private final List<Trial> trials;
    private final int repetitions;
    private final List<BenchRow> rows = new ArrayList<>();

    private Bench(Options options, Terminal terminal) {
        this.options = options;
        this.terminal = terminal;
        this.peer = options.has("--peer") ? new Peer(options.text("--peer")) : null;
        this.trials = trials(counts("--n-prompt"), counts("--n-gen"), counts("--n-depth"));
        this.repetitions = options.count("--repetitions", 1);
        this.file = Gguf.open(Path.of(options.has("--model") ? options.text("--model") : options.file()));
    }

    public static void run(Options options, Terminal terminal) {
        if (options.has("--startup")) {
            Startup.run(options, terminal);
        } else {
            new Bench(options, terminal).all();
        }
    }

    private void all() {
        int[] teams = Arrays.stream(counts("--threads")).map(n -> n == 0 ? Cores.physical() : n).toArray();
        double[] bandwidth = Arrays.stream(teams).mapToDouble(Bandwidth::measure).toArray();
        boolean json = options.has("--json");
        if (!json) {
            terminal.out.println(machine(teams, bandwidth) + "\n");
            terminal.out.print(BenchRow.heading(peer != null));
        }
        for (int i = 0; i < teams.length; i++) {
            try (Team team = new Team(teams[i])) {
                Model model = Model.load(file, team, Session.floatActivations(options));
                for (Trial trial : trials) {
                    BenchRow row = measure(model, team, trial, bandwidth[i]);
                    rows.add(row);
                    if (!json) {
                        terminal.out.println(row.line(peer != null));
                        terminal.flush();
                    }
                }
            }
        }
        if (!json) {
            rows.stream().map(BenchRow::stages).filter(Objects::nonNull).forEach(stages -> terminal.out.print("\n" + stages.table()));
        } else {
            terminal.out.println(Json.writeIndented(rows.stream().map(BenchRow::toMap).toList()));
        }
    }

    /** {@code 512-bit vectors; memory reads at 25.1 GB/s with 1 thread, at 38.4 GB/s with 2 threads}. */
    private static String machine(int[] teams, double[] bandwidth) {
        List<String> speeds = IntStream.range(0, teams.length).mapToObj(i -> BenchRow.fixed(1, bandwidth[i] / 1e9) + " GB/s with " + teams[i]
                + (teams[i] == 1 ? " thread" : " threads")).toList();
        return FloatVector.SPECIES_PREFERRED.vectorBitSize() + "-bit vectors" + (Checks.on() ? ", accesses checked" : "")
                + "; memory reads at " + String.join(", at ", speeds);
    }

    private static List<Trial> trials(int[] prompts, int[] generated, int[] depths) {
        List<Trial> trials = new ArrayList<>();
        for (int depth : depths) {
            Arrays.stream(prompts).filter(n -> n > 0).forEach(n -> trials.add(new Trial(n, 0, depth)));
            Arrays.stream(generated).filter(n -> n > 0).forEach(n -> trials.add(new Trial(0, n, depth)));
        }
        return trials;
    }

    private int[] counts(String flag) {
        try {
            int[] counts = Arrays.stream(options.text(flag).split(",")).mapToInt(n -> Integer.parseInt(n.strip())).toArray();
            if (Arrays.stream(counts).allMatch(n -> n >= 0)) {
                return counts;
            }
        } catch (NumberFormatException e) {
            // said below
        }
        throw options.bad(flag, "a number, or several with commas between them");
    }

    private BenchRow measure(Model model, Team team, Trial trial, double bandwidth) {
        Stopwatch stopwatch = new Stopwatch(model, trial, Session.cacheType(options, "--cache-type-k"),
                Session.cacheType(options, "--cache-type-v"));
        stopwatch.warmUp();
        double[] rates = stopwatch.rates(repetitions);
        long memory = BenchRow.residentBytes();
        double peerRate = Double.NaN;
        if (peer != null && peer.knows(trial)) {
            double first = peer.rate(trial, file.file(), team.size());
            double second = peer.rate(trial, file.file(), team.size());
            stopwatch.rates(1);   // the peer has taken the caches
            rates = DoubleStream.concat(Arrays.stream(rates), Arrays.stream(stopwatch.rates(repetitions))).toArray();
            peerRate = (first + second) / 2;
        }
        Stages stages = options.has("--profile") ? stopwatch.stages(team.size()) : null;
        return new BenchRow(file, trial, team.size(), rates, stopwatch.bytesRead(), trial.operations(model.config()), bandwidth, memory,
                file.bytes() + stopwatch.cacheBytes() + BenchRow.BESIDE, peerRate, stages);
    }
}
