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
public record Result(List<Step> steps, List<HandOver> handOvers, String answer, Stop stop, Writer.Ending answerEnding, Usage small, Usage large, double ms) {

    /** From one step to the next. @param ms from the end of the one to the first text of the other */
    public record HandOver(Author from, Author to, double ms) {}

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

    /** Median time from the end of a step of the one to the first text of the other's, in ms; NaN if that never was. */
    public double handOver(Author from, Author to) {
        double[] ms = handOvers.stream().filter(h -> h.from == from && h.to == to).mapToDouble(HandOver::ms).sorted().toArray();
        return ms.length == 0 ? Double.NaN : (ms[(ms.length - 1) / 2] + ms[ms.length / 2]) / 2;
    }

    /** Share of the steps written by the large model, 0 .. 1. */
    public double share() {
        return steps.isEmpty() ? 0 : (double) interventions() / steps.size();
    }
}
