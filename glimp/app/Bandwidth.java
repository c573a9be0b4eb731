package glimp.app;

import glimp.tensor.Team;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteOrder;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorSpecies;

/** How fast the machine reads memory: what a decode step, which is nothing but reading weights, is measured against. */
final class Bandwidth {
    private static final VectorSpecies<Float> F = FloatVector.SPECIES_PREFERRED;
    private static final ByteOrder ORDER = ByteOrder.nativeOrder();
    /** More than the caches of any processor hold. */
    private static final long BYTES = 1L << 29;
    /** The first ones let the JVM compile the loop; the fastest counts, since others may want the memory as well. */
    private static final int PASSES = 20;

    private Bandwidth() {}

    /** Bytes/s that so many threads read together from a buffer larger than the caches. */
    static double measure(int threads) {
        try (Arena arena = Arena.ofShared(); Team team = new Team(threads)) {
            MemorySegment buffer = arena.allocate(BYTES, 64);
            float[] sums = new float[threads * 32];
            long part = BYTES / threads / 128 * 128;
            long best = Long.MAX_VALUE;
            for (int i = 0; i < PASSES; i++) {
                long start = System.nanoTime();
                team.run(worker -> sums[worker * 32] = read(buffer, worker * part, part));
                best = Math.min(best, System.nanoTime() - start);
            }
            return 1e9 * part * threads / best;
        }
    }

    /**
     * The sum of a stretch, so that the reads cannot be left out. Both halves are walked together, as the kernels walk rows:
     * one stream alone does not keep the memory busy.
     */
    private static float read(MemorySegment s, long from, long bytes) {
        FloatVector a = FloatVector.zero(F), b = a, c = a, d = a;
        long half = bytes / 2, step = F.vectorByteSize();
        for (long q = from, end = from + half - 2 * step; q <= end; q += 2 * step) {
            a = a.add(FloatVector.fromMemorySegment(F, s, q, ORDER));
            b = b.add(FloatVector.fromMemorySegment(F, s, q + step, ORDER));
            c = c.add(FloatVector.fromMemorySegment(F, s, q + half, ORDER));
            d = d.add(FloatVector.fromMemorySegment(F, s, q + half + step, ORDER));
        }
        return a.add(b).add(c.add(d)).lane(0);
    }
}
