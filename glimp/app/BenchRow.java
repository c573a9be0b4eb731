package glimp.app;

import glimp.gguf.GgmlType;
import glimp.gguf.Gguf;
import glimp.gguf.Tensor;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import jdk.incubator.vector.FloatVector;

/**
 * What a trial gave: a row of the table, or an object of the JSON, whose first names are llama-bench's.
 *
 * @param rates tokens/s of each run
 * @param bytesRead that a token reads when it runs alone
 * @param operations of all the tokens of a run
 * @param bandwidth bytes/s that so many threads read at most
 * @param resident bytes of memory that the process holds, the mapped file's included; -1 if the system does not tell
 * @param needed bytes of memory that are in order: the file, the caches, and what Java and the buffers take
 * @param peer tokens/s of the peer; NaN without one
 * @param stages where the time goes; null if nobody asked
 */
record BenchRow(Gguf file, Trial trial, int threads, double[] rates, double bytesRead, double operations, double bandwidth, long resident, long needed,
        double peer, Stages stages) {
    /** What a run may hold beside the file and the caches. */
    static final long BESIDE = 300L << 20;

    static String heading(boolean beside) {
        return "| model                        |       size |     params | threads |          test |              t/s |   GB/s |  share | GFLOP/s |      memory |"
                + (beside ? "     peer | ratio |" : "")
                + "\n| ---------------------------- | ---------: | ---------: | ------: | ------------: | ---------------: | -----: | -----: | ------: | ----------: |"
                + (beside ? " -------: | ----: |" : "") + "\n";
    }

    String line(boolean beside) {
        String row = String.format(Locale.ROOT, "| %-28s | %10s | %8.2f M | %7d | %13s | %8.2f ± %5.2f | %6s | %6s | %7s | %11s |", describe(), size(file.bytes()),
                elements() / 1e6, threads, trial.name(), mean(), spread(), or(1, gigabytes()), share(), or(1, gigaflops()), memory());
        return beside ? row + String.format(Locale.ROOT, " %8s | %5s |", or(2, peer), or(2, ratio())) : row;
    }

    /** In JSON, what does not apply is null. */
    Map<String, Object> toMap() {
        Map<String, Object> map = new LinkedHashMap<>();
        map.put("model_filename", file.file().toString());
        map.put("model_type", describe());
        map.put("model_size", file.bytes());
        map.put("model_n_params", elements());
        map.put("n_threads", threads);
        map.put("n_prompt", trial.prompt());
        map.put("n_gen", trial.generated());
        map.put("n_depth", trial.depth());
        map.put("avg_ts", mean());
        map.put("stddev_ts", spread());
        map.put("gb_s", gigabytes());
        map.put("bandwidth_share", gigabytes() * 1e9 / bandwidth);
        map.put("gflops", gigaflops());
        map.put("rss_bytes", resident < 0 ? null : resident);
        map.put("peer_ts", peer);
        map.put("peer_ratio", ratio());
        map.put("vector_bits", FloatVector.SPECIES_PREFERRED.vectorBitSize());
        if (stages != null) {
            map.put("profile", stages.toMap());
        }
        return map;
    }

    double mean() {
        return Arrays.stream(rates).average().orElse(0);
    }

    /** Standard deviation. */
    double spread() {
        double mean = mean();
        return Math.sqrt(Arrays.stream(rates).map(r -> (r - mean) * (r - mean)).sum() / Math.max(1, rates.length - 1));
    }

    private double gigabytes() {
        return trial.oneByOne() ? mean() * bytesRead / 1e9 : Double.NaN;
    }

    private double gigaflops() {
        return trial.oneByOne() ? Double.NaN : mean() * operations / trial.tokens() / 1e9;
    }

    private String share() {
        return trial.oneByOne() ? fixed(0, 100e9 * gigabytes() / bandwidth) + " %" : "";
    }

    /** More than is in order bears a mark. */
    private String memory() {
        return resident < 0 ? "" : size(resident) + (resident > needed ? " !" : "");
    }

    private double ratio() {
        return mean() / peer;
    }

    private long elements() {
        return file.tensors().values().stream().mapToLong(Tensor::elements).sum();
    }

    /** Architecture, size and the type that most bytes have: {@code qwen3 0.6B Q8_0}. */
    private String describe() {
        Map<GgmlType, Long> bytes = new HashMap<>();
        for (Tensor tensor : file.tensors().values()) {
            bytes.merge(tensor.type(), tensor.data().byteSize(), Long::sum);
        }
        GgmlType most = bytes.entrySet().stream().max(Map.Entry.comparingByValue()).map(Map.Entry::getKey).orElse(GgmlType.F32);
        double n = elements();
        return file.string("general.architecture") + " " + (n >= 1e8 ? fixed(1, n / 1e9) + "B " : fixed(1, n / 1e6) + "M ") + most;
    }

    private static String size(long bytes) {
        return bytes >= 1 << 30 ? fixed(2, bytes / 1073741824.0) + " GiB" : fixed(2, bytes / 1048576.0) + " MiB";
    }

    static String or(int digits, double value) {
        return Double.isNaN(value) ? "" : fixed(digits, value);
    }

    static String fixed(int digits, double value) {
        return String.format(Locale.ROOT, "%." + digits + "f", value);
    }

    /** Memory that this process holds now, where the system tells (Linux); -1 elsewhere. */
    static long residentBytes() {
        try {
            for (String line : Files.readAllLines(Path.of("/proc/self/status"))) {
                if (line.startsWith("VmRSS:")) {
                    return 1024 * Long.parseLong(line.replaceAll("\\D", ""));
                }
            }
        } catch (IOException e) {
            // not Linux
        }
        return -1;
    }
}
