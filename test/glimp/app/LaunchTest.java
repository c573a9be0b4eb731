package glimp.app;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import glimp.text.Json;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import jdk.incubator.vector.FloatVector;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** How the program gets the flags that it needs, and the classes, however it is started. */
class LaunchTest {
    private static final String FILE = "jdk.launcher.sourcefile", RAN = "glimp.test.ran";

    @TempDir
    Path root;

    @Test
    void aFlagsFileHoldsCommentsAndWordsAndAsksForTheModule() throws IOException {
        assertEquals(List.of("--add-modules", "a.b", "-XX:X=y,z.*::*,0.1"), Relaunch.flags("# what\n--add-modules a.b\n\n-XX:X=y,z.*::*,0.1\n"));
        List<String> real = Relaunch.flags(Files.readString(Path.of(".java-flags")));
        assertEquals("jdk.incubator.vector", real.get(real.indexOf("--add-modules") + 1));
    }

    @Test
    void theOtherMachineGetsOurFlagsThenTheUsersThenTheArguments() {
        List<String> command = Relaunch.command(List.of("--ours"), new String[] {"-Xmx1g", "-jar", "g.jar", "-p", "a b"}, "-p", "a b");
        assertTrue(command.getFirst().endsWith("java"));
        assertEquals(List.of("--ours", "-Xmx1g", "-jar", "g.jar", "-p", "a b"), command.subList(1, command.size()));
    }

    @Test
    void whereTheSystemDoesNotTellOrCutsOffTheArgumentsAreStillWhole() {
        for (String[] own : new String[][] {{}, {"-jar", "g.jar", "-p", "a"}, {"a b"}}) {
            List<String> command = Relaunch.command(List.of("--ours"), own, "-p", "a b");
            assertEquals(List.of("--ours", "-cp", System.getProperty("java.class.path"), "GlimpRouter", "-p", "a b"), command.subList(1, command.size()));
        }
    }

    @Test
    void whatTheUserTypedIsWhatStandsBeforeTheArgumentsAndBehindOurOwnFlags() {
        List<String> ours = List.of("--add-modules", "x"), args = List.of("bench", "a b");
        assertEquals(List.of("-Xmx1g", "-jar", "g.jar"), Relaunch.asStarted(ours, new String[] {"--add-modules", "x", "-Xmx1g", "-jar", "g.jar", "bench", "a b"}, args));
        assertEquals(List.of("-Xmx1g", "-jar", "g.jar"), Relaunch.asStarted(ours, new String[] {"-Xmx1g", "-jar", "g.jar", "bench", "a b"}, args));
        assertEquals(List.of("--add-modules", "x", "G.java"), Relaunch.asStarted(ours, new String[] {"--add-modules", "x", "G.java", "bench", "a b"}, args));
        assertThrows(FailureException.class, () -> Relaunch.asStarted(ours, new String[0], args));
    }

    @Test
    void theBenchStartsTheProgramAnewAsItWasStartedUntilItsFirstToken() throws Exception {
        String said = program("bench", "--startup", "-m", "models/glimp-s.gguf", "--json");
        Map<?, ?> row = (Map<?, ?>) ((List<?>) Json.parse(said)).getFirst();
        double least = (double) row.get("startup_ms_least"), median = (double) row.get("startup_ms");
        assertTrue(0 < least && least <= median && median <= (double) row.get("startup_ms_most"), said);
        assertEquals("models/glimp-s.gguf", row.get("model_filename"));
    }

    @Test
    void theBenchStartsTheModelThatIsNamedWithTheFlagsOfTheMachine() {
        Options options = Options.parse("bench", "--startup", "-r", "1", "-t", "1", "-ctk", "q8_0", "--checked");
        List<String> command = Startup.command(List.of("java", "-jar", "g.jar"), List.of(Path.of("m.gguf")), options);
        assertEquals(List.of("java", "-jar", "g.jar", "m.gguf", "-p"), command.subList(0, 5));
        assertEquals(List.of("--threads", "1", "--cache-type-k", "q8_0", "--checked"), command.subList(command.size() - 5, command.size()));
    }

    @Test
    void accessesToVectorsAreCheckedWhereTheUserAsksForItAndInTests() throws Exception {
        String[] bench = {"bench", "-m", "models/glimp-s.gguf", "-p", "0", "-n", "1", "-r", "1", "-t", "1", "--checked"};
        assertTrue(program(bench).contains("accesses checked"));
        assertFalse(program(Arrays.copyOf(bench, bench.length - 1)).contains("accesses checked"));
        FloatVector.fromArray(FloatVector.SPECIES_PREFERRED, new float[FloatVector.SPECIES_PREFERRED.length()], 0);
        assertThrows(IndexOutOfBoundsException.class,
                () -> FloatVector.fromArray(FloatVector.SPECIES_PREFERRED, new float[FloatVector.SPECIES_PREFERRED.length()], 1));
    }

    /** What the program, in a Java machine of its own, prints. */
    private static String program(String... args) throws Exception {
        String classes = Path.of(Options.class.getProtectionDomain().getCodeSource().getLocation().toURI()).toString();
        List<String> command = new ArrayList<>(List.of(Path.of(System.getProperty("java.home"), "bin", "java").toString(), "--add-modules",
                "jdk.incubator.vector", "-cp", classes, "GlimpRouter"));
        command.addAll(Arrays.asList(args));
        Process process = new ProcessBuilder(command).redirectError(ProcessBuilder.Redirect.DISCARD).start();
        String said = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertEquals(0, process.waitFor(), said);
        return said;
    }

    @Test
    void aSourceLaunchCompilesOnceAndAgainAfterAChange() throws IOException {
        write("first");
        assertEquals("first x", launch("x"));
        FileTime compiled = Files.getLastModifiedTime(main());
        assertEquals("first y", launch("y"));
        assertEquals(compiled, Files.getLastModifiedTime(main()));
        write("second");
        Files.setLastModifiedTime(root.resolve("glimp/Word.java"), FileTime.fromMillis(compiled.toMillis() + 5000));
        assertEquals("second z", launch("z"));
    }

    @Test
    void whatDoesNotCompileIsLeftToTheJdkAndLeavesNothingBehind() throws IOException {
        write("first");
        Files.writeString(root.resolve("glimp/Word.java"), "package glimp; no class");
        System.setProperty(FILE, root.resolve("GlimpRouter.java").toString());
        assertFalse(SourceLaunch.run("x"));
        try (Stream<Path> left = Files.list(root.resolve(".build"))) {
            assertEquals(0, left.count());
        }
    }

    @Test
    void aProgramThatIsNotLaunchedFromSourceIsLeftAlone() {
        assertFalse(SourceLaunch.run("x"));
    }

    /** A program of two files. */
    private void write(String word) throws IOException {
        Files.createDirectories(root.resolve("glimp"));
        Files.writeString(root.resolve("glimp/Word.java"), "package glimp; public class Word { public static String word() { return \"" + word + "\"; } }");
        Files.writeString(root.resolve("GlimpRouter.java"),
                "public class GlimpRouter { public static void main(String[] a) { System.setProperty(\"" + RAN + "\", glimp.Word.word() + \" \" + a[0]); } }");
        // Not in the very millisecond in which a launch may begin: that would count as a change.
        FileTime past = FileTime.fromMillis(System.currentTimeMillis() - 10_000);
        for (String name : new String[] {"glimp/Word.java", "glimp", "GlimpRouter.java"}) {
            Files.setLastModifiedTime(root.resolve(name), past);
        }
    }

    private String launch(String arg) {
        System.setProperty(FILE, root.resolve("GlimpRouter.java").toString());
        assertTrue(SourceLaunch.run(arg));
        return System.clearProperty(RAN);
    }

    private Path main() {
        return root.resolve(".build").resolve("classes-" + Runtime.version()).resolve("GlimpRouter.class");
    }
}
