package glimp.route;

/**
 * The frame that a chain is written in.
 *
 * @param delimiter ends a step
 * @param endOfThinking ends the thinking
 * @param step most tokens of a step
 * @param thinking most tokens of all steps
 * @param answer most tokens of the answer
 * @param reserve tokens of the contexts that the thinking leaves to the answer
 * @param repeatsFrom the thinking ends when a step equals the one before it and there are at least so many steps
 */
public record Limits(String delimiter, String endOfThinking, int step, int thinking, int answer, int reserve, int repeatsFrom) {}
