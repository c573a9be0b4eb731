package glimp.model;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import glimp.model.KvCache.Type;
import org.junit.jupiter.api.Test;

class KvCacheTest {
    private static final Config CONFIG = new Config("test", 3, 64, 1, 4, 2, 32, 1, 4096, 0, 0, 0, RopeConfig.plain(false, 32, 10000));

    @Test
    void memoryGrowsWithTheTokensUpToTheCapacity() {
        KvCache cache = new KvCache(CONFIG, 5000, Type.F16, Type.F32);
        assertEquals(0, cache.bytes());
        cache.reserve(1);
        assertTrue(cache.bytes() <= 256 * perToken(), cache.bytes() + " bytes for a token");
        cache.reserve(300);
        assertTrue(cache.bytes() >= 300 * perToken() && cache.bytes() <= 512 * perToken());
        cache.reserve(5000);
        assertEquals(5056 * perToken(), cache.bytes());
    }

    private static long perToken() {
        return 3 * 2 * 32 * (2 + 4);
    }

    @Test
    void isCutAtOnce() {
        KvCache cache = new KvCache(CONFIG, 100, Type.F16, Type.F16);
        cache.reserve(50);
        cache.appended(50);
        cache.cut(20);
        assertEquals(20, cache.length());
        assertThrows(IllegalArgumentException.class, () -> cache.cut(21));
        assertThrows(IllegalArgumentException.class, () -> cache.cut(-1));
    }

    @Test
    void aCapacityBeyondTheMemoryIsRefusedWithTheFigures() {
        long most = Runtime.getRuntime().maxMemory();
        for (int capacity : new int[] {Math.toIntExact(most / (3 * 2 * 32 * 4)) + 100, Integer.MAX_VALUE}) {
            String message = assertThrows(CacheMemoryException.class, () -> new KvCache(CONFIG, capacity, Type.F16, Type.F16)).getMessage();
            long needed = (3L * 2 * 32 * 4 * capacity) >> 20;
            assertTrue(message.contains("context of " + capacity + " tokens"), message);
            assertTrue(message.matches(".*needs (" + needed + "|" + (needed + 1) + ") MB.*may use " + ((most + (1 << 20) - 1) >> 20) + " MB.*"), message);
        }
    }
}
