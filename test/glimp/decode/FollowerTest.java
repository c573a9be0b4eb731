package glimp.decode;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import glimp.gguf.Gguf;
import glimp.model.KvCache.Type;
import glimp.model.Model;
import glimp.tensor.Products;
import glimp.tensor.Team;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.Timeout.ThreadMode;

/** What a background has read is what a single thread would have read, whatever happened when. */
@Timeout(value = 120, unit = TimeUnit.SECONDS, threadMode = ThreadMode.SEPARATE_THREAD)
class FollowerTest {
    private static final Path SMALL = Path.of("models/glimp-s.gguf");
    private static final int BATCH = Products.SMALL, CAPACITY = 160;

    private final Team team = new Team(1);
    private final Context context = new Context(Model.load(Gguf.open(SMALL), team), CAPACITY);
    private final Follower follower = new Follower(context);
    private final int[] text = new Random(3).ints(2 * CAPACITY, 0, context.model().config().vocabulary()).toArray();

    @AfterEach
    void close() {
        follower.close();
        team.close();
    }

    private static void awaitFollowed(Follower follower, long tokens) {
        while (follower.followed() < tokens) {
            LockSupport.parkNanos(10_000);
        }
    }

    private void awaitIdle() {
        while (follower.thread().getState() != Thread.State.WAITING) {
            LockSupport.parkNanos(10_000);
        }
    }

    @Test
    void runsFullBatchesAndLeavesTheRestAndTheLastTokenToTheOwner() {
        follower.follow(text, 1);
        for (int length = 2; length <= 48; length++) {
            follower.add(text[length - 1]);
            awaitFollowed(follower, (length - 1) / BATCH * BATCH);
        }
        awaitIdle();
        assertSame(context, follower.take());
        assertArrayEquals(Arrays.copyOf(text, 40), context.tokens());
        context.advance(text, 48, null);
        assertEquals(48, context.evaluated());
        assertEquals(0, context.recomputed());
    }

    @Test
    void neverRunsATokenWhoseLogitsAreAtHand() {
        float[] logits = context.advance(text, 20, null).clone();
        follower.follow(text, 20);
        follower.add(text[20]);
        follower.take();
        assertEquals(20, context.length());
        assertArrayEquals(logits, context.advance(text, 20, null));
        assertEquals(20, context.evaluated());
    }

    @Test
    void theContextStandsStillOnceItIsTaken() {
        follower.follow(text, 40);
        follower.take();
        int length = context.length();
        for (int i = 40; i < 100; i++) {
            follower.add(text[i]);
        }
        awaitIdle();
        assertEquals(length, context.length());
        follower.take();
        assertEquals(length, context.length());
    }

    @Test
    void stopsAtTheCapacity() {
        follower.follow(text, 2 * CAPACITY);
        awaitFollowed(follower, CAPACITY);
        follower.add(1);
        assertEquals(CAPACITY, follower.take().length());
        assertThrows(ContextFullException.class, () -> context.advance(text, CAPACITY + 1, null));
        int[] other = text.clone();
        other[100]++;
        assertEquals(100, context.commonPrefix(other, CAPACITY));
        follower.follow(other, CAPACITY - 3);
        awaitFollowed(follower, CAPACITY + 7 * BATCH);
        assertArrayEquals(Arrays.copyOf(other, CAPACITY - 4), follower.take().tokens());
    }

    @Test
    void waitsWithoutSpinning() {
        awaitIdle();
        follower.follow(text, 64);
        awaitFollowed(follower, 56);
        awaitIdle();
        int waiting = 0;
        for (int i = 0; i < 50; i++) {
            LockSupport.parkNanos(100_000);
            waiting += follower.thread().getState() == Thread.State.WAITING ? 1 : 0;
        }
        assertTrue(waiting > 40, waiting + " of 50 looks found it waiting");
        follower.take();
    }

    @Test
    void whatGoesWrongInTheBackgroundComesOutWhereTheContextIsTaken() {
        int[] bad = text.clone();
        bad[20] = -1;
        follower.follow(bad, 30);
        awaitFollowed(follower, 16);
        // The next batch fails at once, but perhaps not before the context is taken for the first time.
        IllegalArgumentException thrown = null;
        while (thrown == null) {
            try {
                follower.take();
                follower.follow(bad, 30);
                LockSupport.parkNanos(100_000);
            } catch (IllegalArgumentException e) {
                thrown = e;
            }
        }
        assertTrue(thrown.getMessage().contains("token -1"), thrown.getMessage());
        assertArrayEquals(Arrays.copyOf(text, 16), follower.take().tokens());
        follower.follow(text, 30);
        awaitFollowed(follower, 24);
        assertArrayEquals(Arrays.copyOf(text, 24), follower.take().tokens());
    }

    @Test
    void closingEndsTheThreadWhateverItIsDoing() throws InterruptedException {
        Random random = new Random(1);
        for (int i = 0; i < 200; i++) {
            Context lent = new Context(context.model(), CAPACITY);
            Follower closed = new Follower(lent);
            closed.follow(text, 1 + random.nextInt(100));
            LockSupport.parkNanos(random.nextInt(300_000));
            closed.close();
            int length = lent.length();
            closed.add(text[0]);
            closed.thread().join();
            assertFalse(closed.thread().isAlive());
            assertEquals(length, closed.take().length());
        }
    }

    @Test
    void anInterruptedOwnerStillWaitsForTheBatchInFlight() {
        for (int i = 0; i < 200; i++) {
            follower.follow(text, 100 + i % 50);
            LockSupport.parkNanos(10_000);
            Thread.currentThread().interrupt();
            follower.take();
            assertTrue(Thread.interrupted(), "the interrupt is not lost");
            int length = context.length();
            awaitIdle();
            assertEquals(length, context.length());
            context.cut(0);
        }
    }

    @Test
    void anyScheduleGivesTheLogitsOfASingleThreadOnTheShippedModel() {
        compareSchedules(SMALL, 1, 400);
    }

    @Test
    void anyScheduleGivesTheLogitsOfASingleThreadOnADenseModel() {
        compareSchedules(Path.of("../shared/golden/qwen3-F32.gguf"), 1, 1000);
        compareSchedules(Path.of("../shared/golden/llama-Q8_0.gguf"), 2, 300);
    }

    @Test
    void anyScheduleGivesTheLogitsOfASingleThreadOnAMixtureOfExperts() {
        compareSchedules(Path.of("../shared/golden/qwen3moe-Q8_0.gguf"), 1, 600);
    }

    /** @param threads of the owner's team; the twin has one */
    private static void compareSchedules(Path path, int threads, int schedules) {
        assumeTrue(Files.exists(path), path + " is not there");
        Gguf file = Gguf.open(path);
        try (Team team = new Team(threads); Team one = new Team(1)) {
            for (Type type : new Type[] {Type.F16, Type.Q8_0}) {
                Context context = new Context(Model.load(file, team), CAPACITY, type, type);
                Context twin = new Context(Model.load(file, one), CAPACITY, type, type);
                try (Follower follower = new Follower(context)) {
                    Schedules run = new Schedules(context, follower, twin);
                    for (int seed = 0; seed < schedules / 2; seed++) {
                        run.schedule(seed);
                    }
                    assertTrue(follower.followed() > schedules, "the background did something: " + follower.followed());
                }
            }
        }
    }

    /** A text that grows, is cut and changes, followed by a context in the background and read by its twin on this thread alone. */
    private static final class Schedules {
        private final Context context;
        private final Follower follower;
        private final Context twin;
        private final int vocabulary;
        private Random random;
        private int[] text = new int[CAPACITY];
        private int length = 1;
        private boolean lent;

        Schedules(Context context, Follower follower, Context twin) {
            this.context = context;
            this.follower = follower;
            this.twin = twin;
            this.vocabulary = context.model().config().vocabulary();
        }

        void schedule(int seed) {
            random = new Random(seed);
            for (int i = 0; i < 12; i++) {
                switch (random.nextInt(8)) {
                    case 0 -> follow();
                    case 1, 2, 3 -> write(1 + random.nextInt(12));
                    case 4 -> pause();
                    case 5 -> rollBack();
                    case 6 -> cancel();
                    default -> read("seed " + seed + ", action " + i);
                }
            }
            read("seed " + seed);
        }

        private void follow() {
            follower.follow(text, length);
            lent = true;
        }

        /** A step, or some of it. */
        private void write(int tokens) {
            for (int i = 0; i < tokens && length < CAPACITY; i++) {
                text[length] = random.nextInt(vocabulary);
                if (lent) {
                    follower.add(text[length]);
                }
                length++;
                if (random.nextInt(4) == 0) {
                    pause();
                }
            }
        }

        private void pause() {
            switch (random.nextInt(4)) {
                case 0 -> Thread.yield();
                case 1 -> LockSupport.parkNanos(random.nextInt(100_000));
                default -> {
                    for (int spins = random.nextInt(3_000); spins > 0; spins--) {
                        Thread.onSpinWait();
                    }
                }
            }
        }

        /** The end of the text becomes another one, as when a step is cut or forgotten; or all of it, for another question. */
        private void rollBack() {
            length = random.nextInt(6) == 0 ? 1 : Math.max(1, length - random.nextInt(20));
            text[length - 1] = random.nextInt(vocabulary);
            follow();
            write(random.nextInt(6));
        }

        /** The owner takes the context in the middle of it, and does nothing, or cuts it. */
        private void cancel() {
            follower.take();
            lent = false;
            if (random.nextBoolean()) {
                context.cut(random.nextInt(context.length() + 1));
            }
            if (random.nextBoolean()) {
                follow();
            }
        }

        /** The owner takes the context and reads the text to its end; every logit from where it begins to read is compared. */
        private void read(String when) {
            follower.take();
            lent = false;
            int same = context.commonPrefix(text, length);
            int from = Math.min(same, random.nextInt(length));
            context.cut(from);
            twin.cut(Math.min(twin.commonPrefix(text, length), from));
            twin.verify(text, from, 1);
            while (context.length() < length) {
                int next = Math.min(length, context.length() + 1 + random.nextInt(BATCH)), first = context.length();
                context.verify(text, next, next - first);
                twin.verify(text, next, next - first);
                for (int i = first; i < next; i++) {
                    assertArrayEquals(twin.logits(i), context.logits(i), when + ", position " + i);
                }
            }
            assertArrayEquals(Arrays.copyOf(text, length), context.tokens(), when);
            assertEquals(0, context.recomputed());
        }
    }
}
