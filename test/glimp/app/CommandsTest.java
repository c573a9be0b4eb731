package glimp.app;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import glimp.text.Json;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.InputStream;
import java.io.PrintStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The commands as a user runs them, on the shipped pair: what is printed where, exit statuses, files written. */
class CommandsTest {
    private static final String SMALL = "models/glimp-s.gguf", LARGE = "models/glimp-l.gguf";
    private static final String QUESTION = "What is 12+31?";

    @TempDir
    Path folder;

    private record Outcome(int status, String out, String err) {}

    private static Outcome run(String... args) {
        ByteArrayOutputStream out = new ByteArrayOutputStream(), err = new ByteArrayOutputStream();
        Terminal terminal = Terminal.plain(stream(out), stream(err));
        int status = Failures.guard(terminal, () -> {
            Options options = Options.parse(args);
            switch (options.command()) {
                case "run" -> Run.run(options, terminal);
                case "demo" -> Demo.run(options, terminal);
                case "compare" -> Compare.run(options, terminal);
                case "bench" -> Bench.run(options, terminal);
                case "inspect" -> Inspect.run(options, terminal);
                case "tokenize" -> Tokenize.run(options, terminal);
                case "glimpse" -> GlimpseOnce.run(options, terminal);
                default -> throw new AssertionError(options.command());
            }
        });
        return new Outcome(status, out.toString(StandardCharsets.UTF_8), err.toString(StandardCharsets.UTF_8));
    }

    private static PrintStream stream(ByteArrayOutputStream to) {
        return new PrintStream(to, false, StandardCharsets.UTF_8);
    }

    /** The command fails with this status and one line that says these things. */
    private static void assertRefused(int status, List<String> said, String... args) {
        Outcome outcome = run(args);
        assertEquals(status, outcome.status, String.join(" ", args) + ": " + outcome.err);
        assertEquals(1, outcome.err.lines().count(), outcome.err);
        assertEquals("", outcome.out);
        for (String word : said) {
            assertTrue(outcome.err.contains(word), outcome.err);
        }
    }

    @Test
    void aRoutedQuestionPrintsEachStepWithItsAuthorAndEntropyThenTheAnswerThenASummary() {
        Outcome outcome = run(SMALL, LARGE, "-p", QUESTION, "--temp", "0");
        assertEquals(0, outcome.status, outcome.err);
        List<String> lines = outcome.out.lines().toList();
        Pattern step = Pattern.compile("([SL]) (\\d+\\.\\d{3}) \\| (.+)");
        int byLarge = 0;
        for (String line : lines.subList(0, lines.size() - 2)) {
            Matcher matcher = step.matcher(line);
            assertTrue(matcher.matches(), line);
            assertEquals(Double.parseDouble(matcher.group(2)) > 0.9 ? "L" : "S", matcher.group(1), line);
            byLarge += matcher.group(1).equals("L") ? 1 : 0;
        }
        assertTrue(byLarge > 0);
        assertEquals(List.of("", "The answer is 43."), lines.subList(lines.size() - 2, lines.size()));
        for (String said : List.of("steps", "by L", "tokens/s", "glimpses", "switches", "recomputed")) {
            assertTrue(outcome.err.contains(said), outcome.err);
        }
    }

    /** S has 2 layers and 1 key head of 32, and takes room for 256 tokens: 2 * 32 * (2 + 2) * 256 bytes, with q8_0 keys less. */
    @Test
    void theSummaryNamesTheCachesAndTheirMemory() {
        assertTrue(run(SMALL, LARGE, "-p", QUESTION, "--temp", "0").err.matches("(?s).*caches: S f16 0\\.1 MB, L f16 \\d+\\.\\d MB\\s+"));
        assertTrue(run(SMALL, "-p", QUESTION, "--temp", "0", "-ctk", "q8_0").err.matches("(?s).*caches: keys q8_0, values f16 0\\.1 MB\\s+"));
    }

    @Test
    void quietLeavesOnlyTheAnswer() {
        Outcome outcome = run(SMALL, LARGE, "-p", QUESTION, "--temp", "0", "--quiet");
        assertEquals("The answer is 43.\n", outcome.out);
        assertEquals("", outcome.err);
    }

    @Test
    void oneModelWritesPlainText() {
        Outcome outcome = run(LARGE, "-p", QUESTION, "--temp", "0");
        assertTrue(outcome.out.startsWith("Let us work out 12+31"), outcome.out);
        assertTrue(outcome.out.endsWith("</think>\n\nThe answer is 43.\n"), outcome.out);
    }

    @Test
    void theSameSeedGivesTheSameText() {
        String[] args = {SMALL, LARGE, "-p", "What is 60-49+58+1-23-34?", "--temp", "1.5", "--top-p", "1", "-s", "11"};
        String first = run(args).out;
        assertEquals(first, run(args).out);
        args[args.length - 1] = "12";
        assertNotEquals(first, run(args).out);
    }

    @Test
    void methodsDecideWhoWrites() {
        assertTrue(run(SMALL, LARGE, "-p", QUESTION, "--method", "large").out.lines().noneMatch(line -> line.startsWith("S ")));
        assertTrue(run(SMALL, LARGE, "-p", QUESTION, "--method", "small").out.lines().noneMatch(line -> line.startsWith("L ")));
    }

    @Test
    void theTraceTellsEverythingAboutTheRun() throws Exception {
        Path file = folder.resolve("trace.json");
        run(SMALL, LARGE, "-p", QUESTION, "--temp", "0", "--trace", file.toString());
        Map<?, ?> trace = (Map<?, ?>) Json.parse(Files.readString(file));
        assertEquals("end_of_thinking", trace.get("stop"));
        assertEquals("The answer is 43.", trace.get("answer"));
        assertEquals(0.9, ((Map<?, ?>) trace.get("settings")).get("tau"));
        List<?> steps = (List<?>) trace.get("steps");
        for (Object each : steps) {
            Map<?, ?> step = (Map<?, ?>) each;
            assertTrue(step.get("author").equals("S") || step.get("author").equals("L"));
            assertTrue((double) step.get("entropy") >= 0);
            assertEquals(5, ((List<?>) step.get("top")).size());
            assertTrue((long) step.get("tokens") > 0);
            assertTrue(((Number) step.get("ms")).doubleValue() > 0);
            assertTrue(!((String) step.get("text")).isBlank());
        }
        Map<?, ?> totals = (Map<?, ?>) trace.get("totals");
        assertEquals((long) steps.size(), totals.get("steps"));
        assertEquals(0L, totals.get("recomputed_tokens"));
    }

    @Test
    void aChatRemembersAndObeysItsCommands() {
        InputStream before = System.in;
        try {
            System.setIn(new ByteArrayInputStream(("/stats\n" + QUESTION + "\n/what\n\n/stats\n/clear\nWhat is 5*9?\n/quit\nWhat is 1+1?\n").getBytes(StandardCharsets.UTF_8)));
            Outcome outcome = run(SMALL, LARGE, "--temp", "0", "--quiet");
            assertEquals("The answer is 43.\nThe answer is 45.\n", outcome.out);
            assertTrue(outcome.err.contains("/what"), outcome.err);
            assertTrue(outcome.err.contains("recomputed"), outcome.err);
        } finally {
            System.setIn(before);
        }
    }

    @Test
    void aQuestionTooLongForTheContextDoesNotEndAChat() {
        InputStream before = System.in;
        try {
            System.setIn(new ByteArrayInputStream(("1+".repeat(800) + "\n" + QUESTION + "\n").getBytes(StandardCharsets.UTF_8)));
            Outcome outcome = run(SMALL, LARGE, "--temp", "0", "--quiet");
            assertEquals("The answer is 43.\n", outcome.out);
            assertTrue(outcome.err.contains("context"), outcome.err);
        } finally {
            System.setIn(before);
        }
    }

    @Test
    void theDemoCountsWhatIsRight() {
        Outcome outcome = run("demo", "--questions", "10", "--temp", "0");
        String last = outcome.out.lines().toList().getLast();
        Matcher matcher = Pattern.compile("right (\\d+) of 10, steps by L (\\d+\\.\\d) %").matcher(last);
        assertTrue(matcher.matches(), last);
        assertEquals(outcome.out.lines().filter("  right"::equals).count(), Long.parseLong(matcher.group(1)));
        assertTrue(Integer.parseInt(matcher.group(1)) >= 9, last);
        double share = Double.parseDouble(matcher.group(2));
        assertTrue(share > 10 && share < 50, last);
    }

    @Test
    void compareTakesBuiltInQuestionsOrAnyText() {
        Outcome outcome = run("compare", "--questions", "2", "--rounds", "1");
        assertEquals(0, outcome.status, outcome.err);
        List<String> lines = outcome.out.lines().skip(2).toList();
        assertEquals(List.of("L alone", "L alone + drafts", "GlimpRouter", "GlimpRouter + drafts"), lines.stream().map(line -> line.split("\\|")[1].strip()).toList());
        assertTrue(lines.stream().allMatch(line -> line.contains("/  2 |")), outcome.out);
        outcome = run("compare", SMALL, LARGE, "-p", "Tell me a story.", "--thinking-tokens", "0", "-n", "20", "--rounds", "1", "--method", "large", "--fixed", "1,3");
        lines = outcome.out.lines().skip(2).toList();
        assertEquals(List.of("L alone", "L alone + drafts", "L alone + 1 a draft", "L alone + 3 a draft"), lines.stream().map(line -> line.split("\\|")[1].strip()).toList());
        assertTrue(lines.stream().allMatch(line -> line.contains("|       - |")), outcome.out);
    }

    @Test
    void tokenizePrintsIdsAndPieces() {
        assertEquals("[263, 48, 56]\n", run("tokenize", SMALL, "-p", "12+3").out);
        assertEquals("[0, 263]\n", run("tokenize", SMALL, "--bos", "-p", "12").out);
        assertEquals("[2]\n", run("tokenize", SMALL, "--special", "-p", "<|im_end|>").out);
        assertTrue(run("tokenize", SMALL, "-p", "<|im_end|>").out.split(",").length > 3);
        assertTrue(run("tokenize", SMALL, "--show", "-p", "12").out.contains("     263  12"));
    }

    @Test
    void glimpsePrintsTheDistributionAndWritesTheLogits() throws Exception {
        Path file = folder.resolve("logits.f32");
        Outcome outcome = run("glimpse", LARGE, "--ids", "1,416,15,455", "--top", "3", "--logits", file.toString());
        assertEquals(4, outcome.out.lines().count(), outcome.out);
        float[] logits = new float[736];
        ByteBuffer.wrap(Files.readAllBytes(file)).order(ByteOrder.LITTLE_ENDIAN).asFloatBuffer().get(logits);
        double z = 0;
        int best = 0;
        for (int i = 0; i < logits.length; i++) {
            z += Math.exp(logits[i]);
            best = logits[i] > logits[best] ? i : best;
        }
        Matcher first = Pattern.compile("\\s*(\\d+)\\s+([\\d.]+)\\s+.*").matcher(outcome.out.lines().toList().get(1));
        assertTrue(first.matches());
        assertEquals(best, Integer.parseInt(first.group(1)));
        assertEquals(Math.exp(logits[best]) / z, Double.parseDouble(first.group(2)), 1e-5);
        String byText = run("glimpse", LARGE, "-p", "<|im_start|>user\nWhat", "--top", "3").out;
        assertArrayEquals(outcome.out.lines().toArray(), byText.lines().toArray(), "the same tokens as text");
    }

    @Test
    void whatWasReadIsKeptInACacheFile() throws Exception {
        String file = folder.resolve("read").toString(), trace = folder.resolve("trace.json").toString();
        String first = run(SMALL, LARGE, "-p", QUESTION, "--temp", "0", "--cache-file", file, "--trace", trace).out;
        long before = promptTokens(trace);
        assertEquals(first, run(SMALL, LARGE, "-p", QUESTION, "--temp", "0", "--cache-file", file, "--trace", trace).out);
        assertTrue(promptTokens(trace) < before / 2, before + " tokens of the prompt, then " + promptTokens(trace));
    }

    private static long promptTokens(String trace) throws Exception {
        Map<?, ?> totals = (Map<?, ?>) ((Map<?, ?>) Json.parse(Files.readString(Path.of(trace)))).get("totals");
        return (long) totals.get("tokens_prompt");
    }

    @Test
    void benchPrintsATable() {
        Outcome outcome = run("bench", "-m", SMALL, "-p", "16", "-n", "4", "-r", "1");
        assertEquals(0, outcome.status, outcome.err);
        assertTrue(outcome.out.lines().anyMatch(line -> line.contains("pp16")) && outcome.out.lines().anyMatch(line -> line.contains("tg4")), outcome.out);
    }

    @Test
    void whatIsWrongIsSaidInOneLine() throws Exception {
        Path text = folder.resolve("text.gguf");
        Files.writeString(text, "this is no model");
        Path cut = folder.resolve("cut.gguf");
        byte[] bytes = Files.readAllBytes(Path.of(SMALL));
        Files.write(cut, java.util.Arrays.copyOf(bytes, bytes.length / 2));
        assertRefused(1, List.of("nowhere.gguf"), "nowhere.gguf", LARGE, "-p", "x");
        assertRefused(1, List.of("text.gguf", "GGUF"), text.toString(), "-p", "x");
        assertRefused(1, List.of("cut.gguf"), SMALL, cut.toString(), "-p", "x");
        assertRefused(1, List.of(folder.toString()), folder.toString(), "-p", "x");
        assertRefused(1, List.of("context", "-c"), SMALL, LARGE, "-c", "16", "-p", QUESTION);
        assertRefused(1, List.of("no/such/file"), SMALL, "-f", "no/such/file");
        assertRefused(2, List.of("--tau"), SMALL, LARGE, "--tua", "1", "-p", "x");
        assertRefused(2, List.of("--temp"), SMALL, LARGE, "--temp", "-1", "-p", "x");
        assertRefused(2, List.of("--method", "glimp"), SMALL, LARGE, "--method", "magic", "-p", "x");
        assertRefused(2, List.of("not 3"), SMALL, LARGE, "third.gguf", "-p", "x");
        assertRefused(2, List.of("tokenize"), "tokenize", SMALL);
        assertRefused(2, List.of("--ids"), "glimpse", SMALL, "--ids", "1,99999");
        assertRefused(2, List.of("-t"), SMALL, LARGE, "-t", "x", "-p", "x");
        assertRefused(2, List.of("-t", "1024"), SMALL, LARGE, "-t", "100000", "-p", "x");
        assertRefused(2, List.of("a small and a large"), "demo", LARGE);
        assertRefused(2, List.of("--fixed", "1 to 8"), "compare", "--fixed", "3,9");
        assertRefused(2, List.of("empty"), SMALL, LARGE, "-p", " ");
        assertRefused(1, List.of("cannot write"), SMALL, LARGE, "-p", "x", "--trace", folder.resolve("no/where.json").toString());
        assertRefused(1, List.of("cannot write"), "glimpse", SMALL, "-p", "x", "--logits", folder.toString());
        assertRefused(1, List.of("context file"), SMALL, LARGE, "-p", "x", "--cache-file", text.toString());
    }
}
