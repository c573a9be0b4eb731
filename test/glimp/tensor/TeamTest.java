package glimp.tensor;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.lang.management.ManagementFactory;
import java.lang.management.ThreadMXBean;
import java.util.HashSet;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class TeamTest {
    /** Also with more workers than processors; what workers wrote is there when the region has ended. */
    @ParameterizedTest
    @ValueSource(ints = {1, 2, 3, 7})
    void everyWorkerRunsEveryRegionOnce(int size) {
        try (Team team = new Team(size)) {
            int[] runs = new int[size];
            for (int region = 1; region <= 500; region++) {
                team.run(worker -> runs[worker]++);
                for (int worker = 0; worker < size; worker++) {
                    assertEquals(region, runs[worker], "worker " + worker);
                }
            }
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {0, 1, 2})
    void rethrowsWhatAWorkerThrewAndGoesOn(int culprit) {
        try (Team team = new Team(3)) {
            for (Throwable problem : new Throwable[] {new IllegalArgumentException("no"), new StackOverflowError()}) {
                int[] runs = new int[3];
                Throwable thrown = assertThrows(Throwable.class, () -> team.run(worker -> {
                    runs[worker]++;
                    if (worker == culprit) {
                        TeamTest.<RuntimeException>sneak(problem);
                    }
                }));
                assertSame(problem, thrown);
                team.run(worker -> runs[worker]++);
                for (int r : runs) {
                    assertEquals(2, r);
                }
            }
        }
    }

    @Test
    void idleWorkersUseNoProcessorAndWakeUp() throws InterruptedException {
        Set<Thread> before = workers();
        try (Team team = new Team(3)) {
            Set<Thread> started = workers();
            started.removeAll(before);
            assertEquals(2, started.size());
            for (int round = 0; round < 3; round++) {
                int[] runs = new int[3];
                team.run(worker -> runs[worker]++);
                assertEquals(3, runs[0] + runs[1] + runs[2]);
                awaitParked(started);
                long used = cpuNanos(started);
                Thread.sleep(100);
                assertTrue(cpuNanos(started) - used < 2_000_000, "idle workers used " + (cpuNanos(started) - used) + " ns");
            }
        }
    }

    /** The work of each at least, of all threads at most all the time, and less than that by the time that one waits. */
    @Test
    void countsTheTimeThatItsThreadsAreAtWork() {
        for (int idle = 0; idle < 2; idle++) {
            int other = 1 - idle;
            long saved = 0;
            try (Team team = new Team(2)) {
                team.timed(true);
                for (int tries = 0; saved < 2_000_000 && tries < 100; tries++) {
                    long[] inside = new long[2];
                    long begin = System.nanoTime(), before = team.workNanos(begin);
                    team.run(worker -> {
                        long start = System.nanoTime();
                        while (worker == other && System.nanoTime() - start < 4_000_000) { }
                        inside[worker] = System.nanoTime() - start;
                    });
                    long end = System.nanoTime(), work = team.workNanos(end) - before;
                    assertTrue(work >= inside[0] + inside[1] && work <= 2 * (end - begin), work + " ns");
                    saved = 2 * (end - begin) - work;
                }
            }
            assertTrue(saved >= 2_000_000, "worker " + idle + " waited " + saved + " ns");
        }
    }

    @Test
    void closingEndsTheThreads() throws InterruptedException {
        Set<Thread> before = workers();
        Team team = new Team(3);
        Set<Thread> started = workers();
        started.removeAll(before);
        team.run(worker -> { });
        team.close();
        for (Thread thread : started) {
            thread.join(10_000);
            assertFalse(thread.isAlive(), thread + " still runs");
        }
    }

    /** On a busy machine a worker may get its processor late, so wait for what should happen within 50 ms. */
    private static void awaitParked(Set<Thread> threads) throws InterruptedException {
        for (int tries = 0; threads.stream().anyMatch(t -> t.getState() != Thread.State.WAITING); tries++) {
            assertTrue(tries < 1000, "workers still spin");
            Thread.sleep(10);
        }
    }

    private static long cpuNanos(Set<Thread> threads) {
        ThreadMXBean clock = ManagementFactory.getThreadMXBean();
        return threads.stream().mapToLong(t -> clock.getThreadCpuTime(t.threadId())).sum();
    }

    private static Set<Thread> workers() {
        Set<Thread> found = new HashSet<>(Thread.getAllStackTraces().keySet());
        found.removeIf(t -> !t.getName().startsWith("glimp-worker-"));
        return found;
    }

    @SuppressWarnings("unchecked")
    private static <T extends Throwable> void sneak(Throwable t) throws T {
        throw (T) t;
    }
}
