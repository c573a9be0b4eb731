package glimp.decode;

/** Proposes how a text goes on, for a model to verify: another, faster model, or a look back. */
public interface Drafter {

    /**
     * Proposes the tokens that follow, one by one, into the draft until it wants no more, or there are none to propose.
     *
     * @param text the tokens so far, in the verifying model's vocabulary; only the first {@code length} count
     * @param progress hears of long computations and may stop them, which ends the draft; may be null
     */
    void propose(int[] text, int length, Draft draft, Context.Progress progress);

    /** How many tokens it has to read before it can propose what follows this text; only the first {@code length} count. */
    default int behind(int[] text, int length) {
        return 0;
    }

    /** The text has become this one: what was read beyond it is forgotten. */
    void keep(int[] text, int length);
}
