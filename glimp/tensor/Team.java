package glimp.tensor;

import java.util.concurrent.locks.LockSupport;

/**
 * The worker team: threads that run one piece of work together, again and again, a few hundred times a token.
 *
 * <p>A region (one {@link #run}) must cost well under a microsecond, since a forward pass has five a layer. So the
 * workers spin on a counter between regions (0.1 us to start one; parking costs 45, an executor 35) and park only when
 * nothing has come for {@value #IDLE_MILLIS} ms, so that a program that waits for its user uses no processor at all.
 *
 * <p>One thread at a time leads: it calls {@link #run} and takes part as worker 0. All models of a program share one
 * team, because two teams that spin on the same cores take them from each other.
 */
public final class Team implements AutoCloseable {
    private static final int IDLE_MILLIS = 10;
    private static final int SPINS_BETWEEN_CLOCK_READINGS = 2000;

    /** What each worker does in a region; {@code worker} is 0 .. size - 1. */
    @FunctionalInterface
    public interface Work {
        void run(int worker);
    }

    private final Worker[] workers;
    private final boolean crowded;
    private Work work;
    private volatile long region;
    private volatile boolean closed;
    /** Written between regions, read by workers within one: the counter of regions makes it visible. */
    private boolean timed;
    private long leaderWaited;

    /** @param size threads in all, the leader included; at least 1 */
    public Team(int size) {
        crowded = size > Runtime.getRuntime().availableProcessors();
        workers = new Worker[size - 1];
        for (int i = 0; i < workers.length; i++) {
            workers[i] = new Worker(i + 1);
            workers[i].start();
        }
    }

    /** Threads in the team, the leader included. */
    public int size() {
        return workers.length + 1;
    }

    /** From the next region on, whether the time at work is taken: a reading of the clock before and after each worker's share. */
    public void timed(boolean timed) {
        this.timed = timed;
    }

    /**
     * Nanoseconds that the team's threads have been at work, all together, while {@link #timed}: the leader's is all of the
     * wall clock but where it waited for a worker at the end of a region. What counts is how much it grows; the most that it
     * can is the wall clock's growth times {@link #size}. For the leader, between regions.
     *
     * @param clock {@link System#nanoTime} now
     */
    public long workNanos(long clock) {
        long nanos = clock - leaderWaited;
        for (Worker w : workers) {
            nanos += w.worked;
        }
        return nanos;
    }

    /** Runs the work on every worker and returns when all are done; what one throws is thrown here. */
    public void run(Work work) {
        if (workers.length == 0) {
            work.run(0);
            return;
        }
        this.work = work;
        long now = region + 1;
        region = now;
        for (Worker w : workers) {
            if (w.parked) {
                LockSupport.unpark(w);
            }
        }
        Throwable thrown = null;
        try {
            work.run(0);
        } catch (Throwable t) {
            thrown = t;
        }
        long begin = timed ? System.nanoTime() : 0;
        for (Worker w : workers) {
            for (int spins = 1; w.done != now; spins++) {
                relax(spins);
            }
            if (w.thrown != null) {
                thrown = w.thrown;
                w.thrown = null;
            }
        }
        if (timed) {
            leaderWaited += System.nanoTime() - begin;
        }
        switch (thrown) {
            case null -> { }
            case Error e -> throw e;
            case RuntimeException e -> throw e;
            default -> throw new IllegalStateException(thrown);
        }
    }

    /** Ends the workers; the team must not be used afterwards. */
    @Override
    public void close() {
        closed = true;
        for (Worker w : workers) {
            LockSupport.unpark(w);
        }
    }

    /** With more threads than processors a spinning thread may hold the very core that its partner needs. */
    private void relax(int spins) {
        if (crowded || spins % 100_000 == 0) {
            Thread.yield();
        }
    }

    /** The fields that other threads write or watch stand apart from each other by more than a cache line. */
    private final class Worker extends Thread {
        private final int number;
        private Throwable thrown;
        /** Nanoseconds. */
        private long worked;
        private long p0, p1, p2, p3, p4, p5, p6, p7, p8, p9, p10, p11, p12, p13, p14, p15;
        private volatile long done;
        private long q0, q1, q2, q3, q4, q5, q6, q7, q8, q9, q10, q11, q12, q13, q14, q15;
        private volatile boolean parked;

        Worker(int number) {
            super("glimp-worker-" + number);
            this.number = number;
            setDaemon(true);
        }

        @Override
        public void run() {
            for (long next = 1; await(next); next++) {
                long begin = timed ? System.nanoTime() : 0;
                try {
                    work.run(number);
                } catch (Throwable t) {
                    thrown = t;
                }
                if (timed) {
                    worked += System.nanoTime() - begin;
                }
                done = next;
            }
        }

        /** Waits for a region to begin; false when the team is closed. */
        private boolean await(long next) {
            long idleSince = 0;
            for (int spins = 1; region != next; spins++) {
                relax(spins);
                if (spins % SPINS_BETWEEN_CLOCK_READINGS == 0) {
                    long now = System.nanoTime();
                    idleSince = idleSince == 0 ? now : idleSince;
                    if (now - idleSince > IDLE_MILLIS * 1_000_000L) {
                        park(next);
                        idleSince = 0;
                    }
                    if (closed) {
                        return false;
                    }
                }
            }
            return true;
        }

        /** The flag goes up before the last look at the counter, and the leader looks at it after moving the counter: no wake-up is lost. */
        private void park(long next) {
            parked = true;
            while (region != next && !closed) {
                LockSupport.park(this);
            }
            parked = false;
        }
    }
}
