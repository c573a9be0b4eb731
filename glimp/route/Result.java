package glimp.route;

import java.util.List;

/**
 * A finished run.
 *
 * @param steps the chain of thought
 * @param answer text of the answer; empty when the run was cancelled before it
 * @param stop why the thinking ended
 * @param answerEnding why the answer ended
 * @param small what the small model did in this run @param large what the large one did
 * @param ms time for everything
 */
public record Result(List<Step> steps, String answer, Stop stop, Writer.Ending answerEnding, Usage small, Usage large, double ms) {

    /** Why the thinking ended. */
    public enum Stop {
        END_OF_THINKING("the end of thinking was written"),
        END_OF_TURN("the end of the turn was written"),
        REPEATED("two equal steps in a row"),
        LIMIT("the limit for thinking was reached"),
        CONTEXT_FULL("the context is full"),
        CANCELLED("cancelled");

        /** For people. */
        public final String reason;

        Stop(String reason) {
            this.reason = reason;
        }
    }

    /** Steps written by the large model. */
    public long interventions() {
        return steps.stream().filter(step -> step.author() == Author.LARGE).count();
    }

    /** Share of the steps written by the large model, 0 .. 1. */
    public double share() {
        return steps.isEmpty() ? 0 : (double) interventions() / steps.size();
    }
}
