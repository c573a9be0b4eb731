package glimp.model;

import glimp.gguf.Gguf;
import glimp.gguf.GgufException;

/**
 * How positions are turned into rotations.
 *
 * @param interleaved     whether features 2i and 2i + 1 make a pair (else i and i + dimensions / 2)
 * @param dimensions      features of a head that are rotated, even; the rest of the head stays as it is
 * @param base            pair i turns by {@code base^(-2i / dimensions)} radians a position
 * @param scaling         how the model was stretched to longer contexts
 * @param factor          by how much, at least 1; 1 without scaling
 * @param originalContext tokens that the model could look back at before it was stretched (YaRN)
 * @param magnitude       by which YaRN multiplies rotated queries and keys
 * @param betaFast        pairs that turn at least this often within the original context keep their speed (YaRN)
 * @param betaSlow        pairs that turn at most this often are slowed down by the whole factor (YaRN)
 */
public record RopeConfig(boolean interleaved, int dimensions, double base, Scaling scaling, double factor, int originalContext,
        double magnitude, double betaFast, double betaSlow) {

    /** Linear: positions are divided. YaRN (arXiv 2309.00071): only the slow pairs are slowed down. */
    public enum Scaling { NONE, LINEAR, YARN }

    /** Rotation without scaling. */
    static RopeConfig plain(boolean interleaved, int dimensions, double base) {
        return new RopeConfig(interleaved, dimensions, base, Scaling.NONE, 1, 0, 1, 0, 0);
    }

    /** Reads {@code ARCHITECTURE.rope.*}. */
    static RopeConfig of(Gguf file, Architecture architecture, int headWidth, int contextLength) {
        String rope = architecture.key + ".rope.";
        boolean interleaved = architecture.interleavedRope;
        int dimensions = file.count(rope + "dimension_count", headWidth);
        if (dimensions < 2 || dimensions % 2 != 0 || dimensions > headWidth) {
            throw wrong(file, rope + "dimension_count", dimensions, "an even number from 2 to the head's width of " + headWidth);
        }
        double base = file.number(rope + "freq_base", 10000);
        if (!(base > 1 && Double.isFinite(base))) {
            throw wrong(file, rope + "freq_base", base, "more than 1");
        }
        double factor = file.number(rope + "scaling.factor", file.number(rope + "scale_linear", 1));
        factor = factor == 0 ? 1 : factor;
        if (!(factor >= 1 && factor < 1e6)) {
            throw wrong(file, rope + "scaling.factor", factor, "at least 1");
        }
        return switch (file.string(rope + "scaling.type", "linear")) {
            case "none" -> plain(interleaved, dimensions, base);
            case "linear" -> factor == 1 ? plain(interleaved, dimensions, base)
                    : new RopeConfig(interleaved, dimensions, base, Scaling.LINEAR, factor, 0, 1, 0, 0);
            case "yarn" -> yarn(file, rope + "scaling.", plain(interleaved, dimensions, base), factor, contextLength);
            case String other -> throw wrong(file, rope + "scaling.type", "\"" + other + "\"", "none, linear or yarn");
        };
    }

    private static RopeConfig yarn(Gguf file, String key, RopeConfig plain, double factor, int contextLength) {
        int originalContext = file.count(key + "original_context_length", contextLength);
        if (originalContext < 1) {
            throw wrong(file, key + "original_context_length", originalContext, "at least 1");
        }
        double betaFast = file.number(key + "yarn_beta_fast", 32);
        double betaSlow = file.number(key + "yarn_beta_slow", 1);
        if (!(betaSlow > 0 && betaFast >= betaSlow && betaFast < 1e6)) {
            throw wrong(file, key + "yarn_beta_fast", betaFast, "at least yarn_beta_slow (" + betaSlow + "), and both more than 0");
        }
        double attention = file.number(key + "attn_factor", 1);
        if (!(attention > 0 && attention < 1e3)) {
            throw wrong(file, key + "attn_factor", attention, "more than 0 and less than 1000");
        }
        double magnitude = attention * (1 + 0.1 * Math.log(factor));
        return new RopeConfig(plain.interleaved, plain.dimensions, plain.base, Scaling.YARN, factor, originalContext, magnitude, betaFast,
                betaSlow);
    }

    private static GgufException wrong(Gguf file, String key, Object value, String expected) {
        return new GgufException(file.file(), "metadata key \"" + key + "\" is " + value + ", expected " + expected);
    }
}
