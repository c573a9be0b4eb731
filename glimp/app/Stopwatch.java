package glimp.app;

import glimp.decode.Context;
import glimp.model.KvCache;
import glimp.model.Model;
import glimp.model.Profile;
import java.util.Random;

/** Runs a trial on a model, again and again, and takes its time. */
final class Stopwatch {
    /** The JVM compiles the kernels while they run: a trial is warm when two runs in a row agree this well. */
    private static final double AGREE = 0.03;
    private static final int MOST_WARM_UPS = 12;
    /** A trial that is over sooner is repeated until it has lasted this long: a single millisecond says little. */
    private static final double SECONDS = 0.2;

    private final Model model;
    private final Trial trial;
    private final Context context;
    private final int[] tokens;
    /** Keys and values of a token. */
    private final double cachedBytes;

    Stopwatch(Model model, Trial trial, KvCache.Type keys, KvCache.Type values) {
        this.model = model;
        this.trial = trial;
        this.context = new Context(model, trial.depth() + trial.tokens(), keys, values);
        this.tokens = new Random(1).ints(trial.depth() + trial.tokens(), 0, model.config().vocabulary()).toArray();
        this.cachedBytes = model.cache(1, keys, values).savedBytes(1024) / 1024.0;
    }

    void warmUp() {
        double last = Double.MAX_VALUE;
        for (int i = 0; i < MOST_WARM_UPS; i++) {
            double rate = rate();
            if (Math.abs(rate - last) < AGREE * last) {
                return;
            }
            last = rate;
        }
    }

    /** Tokens/s of each of so many runs. */
    double[] rates(int runs) {
        double[] rates = new double[runs];
        for (int i = 0; i < runs; i++) {
            rates[i] = rate();
        }
        return rates;
    }

    /** Where the time of the trial goes. It is warmed up once more: the JVM has compiled a pass that nobody profiles. */
    Stages stages(int threads) {
        try (Profile warm = model.profile()) {
            warmUp();
        }
        try (Profile profile = model.profile()) {
            double seconds = 0;
            int runs = 0;
            for (; seconds < SECONDS; runs++) {
                seconds += once();
            }
            return new Stages(trial, threads, profile, runs * Math.max(1, trial.generated()));
        }
    }

    private double rate() {
        double seconds = 0;
        long tokens = 0;
        while (seconds < SECONDS) {
            seconds += once();
            tokens += trial.tokens();
        }
        return tokens / seconds;
    }

    /** Seconds for the tokens behind the depth; those before are in the context already, or run before the clock starts. */
    private double once() {
        context.advance(tokens, trial.depth(), null);
        long start = System.nanoTime();
        if (trial.oneByOne()) {
            for (int i = trial.depth(); i < tokens.length; i++) {
                context.append(tokens[i]);
            }
        } else {
            context.advance(tokens, tokens.length, null);
        }
        return (System.nanoTime() - start) / 1e9;
    }

    /** Bytes of the cache at the moment. */
    long cacheBytes() {
        return context.cache().bytes();
    }

    /** Bytes that a token reads, when it runs alone: weights, and the keys and values of those before it. */
    double bytesRead() {
        return model.bytes() + cachedBytes * (trial.depth() + (trial.tokens() + 1) / 2.0);
    }
}
