package glimp.model;

import glimp.model.RopeConfig.Scaling;
import glimp.tensor.Ops;
import java.util.Arrays;

/**
 * Rotary position embedding (arXiv 2104.09864): the features of a head are taken in pairs, and each pair is turned by an
 * angle proportional to the position, so that the product of a query and a key depends on their distance only.
 */
final class Rope {
    private final RopeConfig config;
    /** Radians a position, for each pair: {@code double[dimensions / 2]}. */
    private final double[] speeds;
    /** Of the positions asked for so far; null elsewhere. */
    private float[][] turns = new float[0][];

    /** @param factors the model's own divisors of the speeds, {@code float[dimensions / 2]}, or null */
    Rope(RopeConfig config, float[] factors) {
        this.config = config;
        this.speeds = speeds(config, factors);
    }

    private static double[] speeds(RopeConfig c, float[] factors) {
        double[] speeds = new double[c.dimensions() / 2];
        for (int i = 0; i < speeds.length; i++) {
            double speed = Math.pow(c.base(), -2.0 * i / c.dimensions()) / (factors == null ? 1 : factors[i]);
            double slowed = speed / c.factor();
            double kept = c.scaling() == Scaling.YARN ? keptByYarn(c, i) : 0;
            speeds[i] = slowed * (1 - kept) + speed * kept;
        }
        return speeds;
    }

    /** How much of its own speed a pair keeps: 1 for the fast ones, 0 for the slow ones, a ramp over the pairs between. */
    private static double keptByYarn(RopeConfig c, int pair) {
        double first = Math.max(0, Math.floor(pairThatTurns(c, c.betaFast())));
        double last = Math.min(c.dimensions() - 1, Math.ceil(pairThatTurns(c, c.betaSlow())));
        double slow = (pair - first) / Math.max(0.001, last - first);
        return 1 - Math.clamp(slow, 0, 1);
    }

    /** The pair, as a fraction, that turns so many times within the original context. */
    private static double pairThatTurns(RopeConfig c, double times) {
        return c.dimensions() * Math.log(c.originalContext() / (times * 2 * Math.PI)) / (2 * Math.log(c.base()));
    }

    /** Makes the tables of positions {@code [from, to)}; call it before workers rotate. */
    void prepare(int from, int to) {
        if (turns.length < to) {
            turns = Arrays.copyOf(turns, Math.max(to, 2 * turns.length));
        }
        for (int position = from; position < to; position++) {
            if (turns[position] == null) {
                turns[position] = turn(position);
            }
        }
    }

    /** {@code cos[dimensions]} and {@code sin[dimensions]} as {@link Ops#rotate} wants them. */
    private float[] turn(int position) {
        int n = config.dimensions();
        float[] turn = new float[2 * n];
        for (int i = 0; i < n / 2; i++) {
            int a = config.interleaved() ? 2 * i : i;
            int b = config.interleaved() ? 2 * i + 1 : i + n / 2;
            float cos = (float) (Math.cos(position * speeds[i]) * config.magnitude());
            float sin = (float) (Math.sin(position * speeds[i]) * config.magnitude());
            turn[a] = cos;
            turn[b] = cos;
            turn[n + a] = -sin;
            turn[n + b] = sin;
        }
        return turn;
    }

    /** Turns one head, in place, to a prepared position. */
    void rotate(float[] head, int at, int position) {
        if (config.interleaved()) {
            Ops.rotateNeighbours(head, at, turns[position], config.dimensions());
        } else {
            Ops.rotateHalves(head, at, turns[position], config.dimensions());
        }
    }
}
