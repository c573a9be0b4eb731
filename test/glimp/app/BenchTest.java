package glimp.app;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import glimp.gguf.Gguf;
import glimp.gguf.Tensor;
import glimp.model.Model;
import glimp.tensor.Team;
import glimp.text.Json;
import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What the bench prints, and what it reads from the program that it compares with. */
class BenchTest {
    private static final String SMALL = "models/glimp-s.gguf";

    /** As llama-bench prints it. */
    private static final String TABLE = """
            | model                          |       size |     params | backend    | threads |            test |                  t/s |
            | ------------------------------ | ---------: | ---------: | ---------- | ------: | --------------: | -------------------: |
            | qwen3 0.6B Q4_0                | 358.21 MiB |   596.05 M | CPU        |       2 |             pp4 |        131.50 ± 2.25 |
            | qwen3 0.6B Q4_0                | 358.21 MiB |   596.05 M | CPU        |       2 |       pp4 @ d16 |         12.41 ± 0.00 |

            build: Debian (11669)
            """;

    @TempDir
    Path folder;

    @Test
    void aPeersTableGivesTheMeanBehindTheTestsName() {
        assertEquals(131.5, Peer.rate(TABLE, "pp4"));
        assertEquals(12.41, Peer.rate(TABLE, "pp4 @ d16"));
    }

    @Test
    void aPeersLineGivesTheMeanOfItsRuns() {
        String lines = "my model.gguf pp512 123.4 125.0\nmy model.gguf tg64 60\r\n";
        assertEquals(124.2, Peer.rate(lines, "pp512"), 1e-9);
        assertEquals(60, Peer.rate(lines, "tg64"));
    }

    @Test
    void aPeerThatNamesNoSpeedIsAFailureThatShowsWhatItSaid() {
        for (String output : List.of("", TABLE, "m.gguf pp51 3\nm.gguf pp512x 4\nm.gguf pp512 fast\n")) {
            String said = assertThrows(FailureException.class, () -> Peer.rate(output, "pp512")).getMessage();
            assertTrue(said.contains("pp512"), said);
        }
    }

    @Test
    void aPeersCommandNamesItsPlaceholders() {
        Peer peer = new Peer("  bench  --model=/host{model} -t {t} -p {p} -n {n} -d {d} -r 1");
        assertEquals(List.of("bench", "--model=/host/a b/m.gguf", "-t", "2", "-p", "0", "-n", "64", "-d", "16", "-r", "1"),
                peer.command(new Trial(0, 64, 16), Path.of("/a b/m.gguf"), 2));
        assertTrue(peer.knows(new Trial(0, 64, 16)));
        Peer shallow = new Peer("bench {model} {t} {p} {n}");
        assertTrue(shallow.knows(new Trial(4, 0, 0)));
        assertFalse(shallow.knows(new Trial(4, 0, 16)));
        assertTrue(assertThrows(UsageException.class, () -> new Peer("llama-bench -m {model} -t {t} -p {p}")).getMessage().contains("{n}"));
    }

    @Test
    void theRatioIsOursOverThePeers() throws Exception {
        Path script = folder.resolve("peer.sh");
        Files.writeString(script, "[ $3 = 8 ] && echo \"$1 pp$3 100 300\" || echo \"| $1 | tg$4 | 50.00 ± 1 |\"\n");
        List<?> rows = (List<?>) Json.parse(bench("-p", "8", "-n", "4", "--json", "--peer", "sh " + script + " {model} {t} {p} {n}"));
        Map<?, ?> prompt = (Map<?, ?>) rows.get(0), decode = (Map<?, ?>) rows.get(1);
        assertEquals((double) prompt.get("avg_ts") / 200, (double) prompt.get("peer_ratio"), 1e-9);
        assertEquals((double) decode.get("avg_ts") / 50, (double) decode.get("peer_ratio"), 1e-9);
    }

    @Test
    void jsonRowsHaveLlamaBenchsNamesAndOurs() {
        List<?> rows = (List<?>) Json.parse(bench("-p", "8", "-n", "4", "-d", "0,16", "--json"));
        assertEquals(4, rows.size());
        Map<?, ?> prompt = (Map<?, ?>) rows.get(0), decode = (Map<?, ?>) rows.get(3);
        for (Object row : rows) {
            assertTrue(((Map<?, ?>) row).keySet().containsAll(Set.of("model_filename", "model_type", "n_threads", "n_prompt", "n_gen", "n_depth", "avg_ts",
                    "stddev_ts", "gb_s", "bandwidth_share", "gflops", "rss_bytes", "peer_ratio")));
            assertTrue((double) ((Map<?, ?>) row).get("avg_ts") > 0);
        }
        assertEquals(SMALL, prompt.get("model_filename"));
        assertEquals("qwen3 0.2M F16", prompt.get("model_type"));
        assertEquals(List.of(1L, 8L, 0L, 0L), List.of(prompt.get("n_threads"), prompt.get("n_prompt"), prompt.get("n_gen"), prompt.get("n_depth")));
        assertEquals(List.of(1L, 0L, 4L, 16L), List.of(decode.get("n_threads"), decode.get("n_prompt"), decode.get("n_gen"), decode.get("n_depth")));
        assertNull(prompt.get("gb_s"));
        assertNull(decode.get("gflops"));
        assertNull(decode.get("peer_ratio"));
        assertTrue((double) prompt.get("gflops") > 0 && (double) decode.get("bandwidth_share") > 0);
    }

    @Test
    void theProfileNamesTheStagesOfEachTrialAndItsSharesAreAll() {
        List<?> rows = (List<?>) Json.parse(bench("-p", "16", "-n", "4", "--json", "--profile"));
        for (Object row : rows) {
            Map<?, ?> profile = (Map<?, ?>) ((Map<?, ?>) row).get("profile");
            double shares = (double) profile.get("waiting"), ms = 0;
            List<Object> names = new ArrayList<>();
            for (Object each : (List<?>) profile.get("stages")) {
                Map<?, ?> stage = (Map<?, ?>) each;
                names.add(stage.get("stage"));
                shares += (double) stage.get("share");
                ms += (double) stage.get("ms");
            }
            assertEquals(List.of("q, k, v", "attention output", "gate, up", "down", "output matrix", "attention", "norms, rope, cache", "embedding, the rest"), names);
            assertEquals(1, shares, 1e-9);
            assertEquals((double) profile.get("ms"), ms, 1e-9);
        }
        String[] tables = bench("-p", "16", "-n", "4", "--profile").split("\n\n");
        assertTrue(tables[2].startsWith("| pp16, 1 thread") && tables[3].startsWith("| tg4, 1 thread"), String.join("\n\n", tables));
        assertTrue(tables[2].lines().anyMatch(line -> line.startsWith("| all ") && line.contains("| 100.0 % |")), tables[2]);
        assertFalse(bench("-p", "16", "-n", "4").contains("gate, up"));
    }

    @Test
    void moreMemoryThanTheFileTheCachesAndABitBearsAMark() {
        Gguf file = Gguf.open(Path.of(SMALL));
        for (long resident : new long[] {999, 1000, 1001}) {
            BenchRow row = new BenchRow(file, new Trial(0, 4, 0), 1, new double[] {1}, 1, 1, 1, resident, 1000, Double.NaN, null);
            assertEquals(resident > 1000, row.line(false).contains("!"), row.line(false));
        }
    }

    /** Of a model whose embedding is its output matrix, a token takes every matrix once; with attention to itself and two before. */
    @Test
    void operationsAreTwoForEachWeightAndAttention() {
        Gguf file = Gguf.open(Path.of(SMALL));
        long weights = file.tensors().values().stream().filter(tensor -> tensor.shape().length == 2).mapToLong(Tensor::elements).sum();
        try (Team team = new Team(1)) {
            int layers = 2, heads = 3, headWidth = 32;
            assertEquals(2.0 * weights + 2.0 * layers * heads * headWidth * 2 * 3, new Trial(1, 0, 2).operations(Model.load(file, team).config()));
        }
    }

    private static String bench(String... flags) {
        ByteArrayOutputStream out = new ByteArrayOutputStream(), err = new ByteArrayOutputStream();
        Terminal terminal = Terminal.plain(new PrintStream(out, false, StandardCharsets.UTF_8), new PrintStream(err, false, StandardCharsets.UTF_8));
        String[] all = new String[flags.length + 7];
        System.arraycopy(new String[] {"bench", "-m", SMALL, "-t", "1", "-r", "1"}, 0, all, 0, 7);
        System.arraycopy(flags, 0, all, 7, flags.length);
        int status = Failures.guard(terminal, () -> Bench.run(Options.parse(all), terminal));
        assertEquals(0, status, err.toString(StandardCharsets.UTF_8));
        return out.toString(StandardCharsets.UTF_8);
    }
}
