package glimp.app;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Who reads along in the background, by flags and by cores. */
@Timeout(value = 60, unit = TimeUnit.SECONDS)
class SessionTest {
    private static final List<Path> PAIR = List.of(Path.of("models/glimp-s.gguf"), Path.of("models/glimp-l.gguf"));

    private static Set<Thread> followers() {
        return Thread.getAllStackTraces().keySet().stream().filter(thread -> thread.getName().equals("glimp-follower")).collect(Collectors.toSet());
    }

    /** How many threads for the background a session starts with these flags; they end with it. */
    private static int threads(String... flags) throws InterruptedException {
        PrintStream nowhere = new PrintStream(new ByteArrayOutputStream());
        Set<Thread> before = followers();
        Set<Thread> started;
        Options options = Options.parse(flags);
        try (Session session = new Session(PAIR, options, Terminal.plain(nowhere, nowhere))) {
            session.router(Settings.of(options, session.capacity()));
            session.router(Settings.of(options, session.capacity()));
            started = followers();
            started.removeAll(before);
        }
        for (Thread thread : started) {
            thread.join();
            assertTrue(!thread.isAlive());
        }
        return started.size();
    }

    @Test
    void bothModelsReadAlongUnlessTheSmallOneDrafts() throws InterruptedException {
        assertEquals(2, threads("--catch-up", "on", "--no-draft"));
        assertEquals(2, threads("--catch-up", "on", "--draft", "lookup"));
        assertEquals(1, threads("--catch-up", "on"));
        assertEquals(1, threads("--catch-up", "on", "--draft", "model"));
    }

    @Test
    void nobodyDoesWhereItIsOffOrNobodyTakesTurnsOrTextIsHandedOver() throws InterruptedException {
        assertEquals(0, threads("--catch-up", "off"));
        assertEquals(0, threads("--catch-up", "on", "--method", "large"));
        assertEquals(0, threads("--catch-up", "on", "--method", "small"));
        assertEquals(0, threads("--catch-up", "on", "--paper"));
    }

    @Test
    void autoNeedsACoreThatTheTeamLeavesFree() throws InterruptedException {
        int cores = Cores.physical();
        assertEquals(0, threads("--no-draft", "-t", "" + cores));
        assertEquals(0, threads("--no-draft", "-t", "0"));
        assertEquals(cores > 1 ? 2 : 0, threads("--no-draft", "-t", "1"));
        assertEquals(cores > 1 ? 1 : 0, threads("-t", "1"));
        assertEquals(0, threads("--no-draft", "-t", "1", "-s", "7"));
    }
}
