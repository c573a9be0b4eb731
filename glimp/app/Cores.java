package glimp.app;

import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.Set;

/** How many threads a worker team should have. */
final class Cores {
    private Cores() {}

    /**
     * Physical cores, as far as this process may use them. Two threads on one core share its arithmetic and its way to
     * memory, which one thread saturates.
     */
    static int physical() {
        int usable = Runtime.getRuntime().availableProcessors();
        Set<String> siblings = new HashSet<>();
        try (DirectoryStream<Path> cpus = Files.newDirectoryStream(Path.of("/sys/devices/system/cpu"), "cpu[0-9]*")) {
            for (Path cpu : cpus) {
                siblings.add(Files.readString(cpu.resolve("topology/thread_siblings_list")).strip());
            }
        } catch (IOException e) {
            return usable;   // not Linux, or not told: all that there are
        }
        return siblings.isEmpty() ? usable : Math.min(usable, siblings.size());
    }
}
