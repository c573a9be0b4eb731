package glimp.app;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * Starts the program again where {@code java -jar glimprouter.jar} has not been told what it must be: a jar cannot ask for an
 * incubator module, nor for the flags with which the kernels are compiled soon. Costs about 50 ms.
 *
 * <p>A Java machine that has the module is left as it is: whoever gave one flag has chosen the others too.
 */
public final class Relaunch {
    private Relaunch() {}

    public static boolean needed() {
        try {
            Class.forName("jdk.incubator.vector.Vector", false, null);   // asking the boot layer takes 5 ms longer
            return false;
        } catch (ClassNotFoundException e) {
            return true;
        }
    }

    /**
     * Runs the program in another Java machine, with this one's standard input, output and error, and its flags.
     *
     * @return its exit status
     */
    public static int run(String... args) {
        try {
            List<String> command = command(flags(), ProcessHandle.current().info().arguments().orElse(new String[0]), args);
            Process process = new ProcessBuilder(command).inheritIO().start();
            Runtime.getRuntime().addShutdownHook(new Thread(() -> end(process)));
            return process.waitFor();
        } catch (IOException e) {
            System.err.println("glimprouter: cannot start Java with --add-modules jdk.incubator.vector, give it that flag: " + e.getMessage());
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
        return 1;
    }

    /**
     * @param own what this Java machine was started with, the program's arguments last; anything else where the system does not
     *     tell, and then the flags that the user gave it are lost
     */
    static List<String> command(List<String> flags, String[] own, String... args) {
        List<String> command = new ArrayList<>();
        command.add(java());
        command.addAll(flags);
        if (mine(own, args) > 0) {
            command.addAll(Arrays.asList(own));
        } else {
            command.addAll(List.of("-cp", System.getProperty("java.class.path"), "GlimpRouter"));
            command.addAll(Arrays.asList(args));
        }
        return command;
    }

    /**
     * The command that started this program, up to its arguments, as the user gave it: without what {@link #run} put before.
     *
     * @throws FailureException if the system does not tell
     */
    static List<String> asStarted(List<String> args) {
        ProcessHandle.Info info = ProcessHandle.current().info();
        try {
            List<String> command = asStarted(flags(), info.arguments().orElse(new String[0]), args);
            command.addFirst(info.command().orElse(java()));
            return command;
        } catch (IOException e) {
            throw new FailureException("cannot read the program's flags: " + e.getMessage());
        }
    }

    static List<String> asStarted(List<String> flags, String[] own, List<String> args) {
        int mine = mine(own, args.toArray(new String[0]));
        if (mine == 0) {
            throw new FailureException("this system does not tell how the program was started");
        }
        List<String> words = Arrays.asList(own).subList(0, mine);
        boolean again = mine > flags.size() && words.subList(0, flags.size()).equals(flags) && words.contains("-jar");
        return new ArrayList<>(words.subList(again ? flags.size() : 0, mine));
    }

    private static String java() {
        return Path.of(System.getProperty("java.home"), "bin", "java").toString();
    }

    /** How many of a Java machine's own words stand before the program's arguments; 0 if these are not its end. */
    private static int mine(String[] own, String[] args) {
        int mine = own.length - args.length;
        return mine > 0 && Arrays.equals(own, mine, own.length, args, 0, args.length) ? mine : 0;
    }

    /** Those of {@code .java-flags}, which is in the jar. */
    private static List<String> flags() throws IOException {
        try (InputStream in = Relaunch.class.getResourceAsStream("/.java-flags")) {
            return in == null ? List.of("--add-modules", "jdk.incubator.vector") : flags(new String(in.readAllBytes(), StandardCharsets.UTF_8));
        }
    }

    static List<String> flags(String file) {
        List<String> flags = new ArrayList<>();
        for (String line : file.split("\n")) {
            if (!line.startsWith("#") && !line.isBlank()) {
                flags.addAll(Arrays.asList(line.strip().split(" ")));
            }
        }
        return flags;
    }

    /** Whoever ends this process means the other one, which may have a terminal to restore first. */
    private static void end(Process process) {
        process.destroy();
        try {
            process.waitFor();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
