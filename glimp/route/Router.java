package glimp.route;

import glimp.decode.ContextFullException;
import glimp.route.Result.HandOver;
import glimp.route.Result.Stop;
import glimp.route.Writer.Ending;
import glimp.route.Writer.Until;
import glimp.route.Writer.Written;
import java.util.ArrayList;
import java.util.List;

/**
 * The loop of the method: step by step until the thinking ends, then the answer.
 *
 * <p>Who writes a step is the policy's choice; the loop is the same for all of them, so that methods are compared and not
 * programs.
 */
public final class Router {
    private final Policy policy;
    private final Writer small;
    private final Writer large;
    private final Writer answerer;
    private final Limits limits;

    /** @param answerer who writes the answer, one of the two writers */
    public Router(Policy policy, Writer small, Writer large, Writer answerer, Limits limits) {
        this.policy = policy;
        this.small = small;
        this.large = large;
        this.answerer = answerer;
        this.limits = limits;
    }

    /**
     * Thinks about the chain's last message and answers it. The chain then holds the thoughts and the answer, and both writers
     * are at rest, however the run ends.
     */
    public Result run(Chain chain, Listener listener) {
        long start = System.nanoTime();
        Usage smallBefore = small.usage();
        Usage largeBefore = large.usage();
        List<Step> steps = new ArrayList<>();
        List<HandOver> handOvers = new ArrayList<>();
        Stop stop;
        Written answer;
        try {
            stop = think(chain, steps, handOvers, listener);
            answer = stop == Stop.CANCELLED ? new Written(Part.text(""), Ending.CANCELLED, 0) : answer(chain, listener);
        } finally {
            rest();
        }
        return new Result(List.copyOf(steps), List.copyOf(handOvers), answer.part().text().strip(), stop, answer.ending(), small.usage().since(smallBefore),
                large.usage().since(largeBefore), (System.nanoTime() - start) / 1e6);
    }

    private void rest() {
        try {
            small.rest();
        } finally {
            large.rest();
        }
    }

    private Stop think(Chain chain, List<Step> steps, List<HandOver> handOvers, Listener listener) {
        int left = limits.thinking();
        long ended = System.nanoTime();
        while (left > 0) {
            Until until = new Until(limits.delimiter(), limits.endOfThinking(), Math.min(limits.step(), left), limits.reserve());
            Step step;
            FirstText first = new FirstText(listener);
            try {
                step = policy.next(chain, until, first);
            } catch (CancelledException e) {
                return Stop.CANCELLED;
            } catch (ContextFullException e) {
                if (steps.isEmpty()) {
                    throw e;
                }
                return Stop.CONTEXT_FULL;
            }
            left -= step.written().tokens();
            chain.add(delimited(step.written()));
            if (!step.text().isBlank()) {
                if (!steps.isEmpty()) {
                    handOvers.add(new HandOver(steps.getLast().author(), step.author(), (first.at - ended) / 1e6));
                }
                ended = System.nanoTime();
                steps.add(step);
                listener.stepEnds(step);
            }
            switch (step.written().ending()) {
                case END_OF_THINKING -> { return Stop.END_OF_THINKING; }
                case END_OF_TURN -> { return Stop.END_OF_TURN; }
                case CONTEXT_FULL -> { return Stop.CONTEXT_FULL; }
                case CANCELLED -> { return Stop.CANCELLED; }
                case DELIMITER, LIMIT -> {
                    if (repeated(steps)) {
                        return Stop.REPEATED;
                    }
                }
            }
        }
        return Stop.LIMIT;
    }

    /** A step that was cut off by its limit ends like any other. */
    private Part delimited(Written written) {
        return written.ending() == Ending.LIMIT ? written.part().plus(limits.delimiter()) : written.part();
    }

    /** Tells a listener everything, and notes when the first text came. */
    private static final class FirstText implements Listener {
        private final Listener listener;
        private long at;

        FirstText(Listener listener) {
            this.listener = listener;
        }

        @Override
        public void stepBegins(Author author, Glimpse glimpse) {
            listener.stepBegins(author, glimpse);
        }

        @Override
        public void piece(String text) {
            at = at == 0 ? System.nanoTime() : at;
            listener.piece(text);
        }

        @Override
        public void prefill(int done, int of) {
            listener.prefill(done, of);
        }

        @Override
        public boolean cancelled() {
            return listener.cancelled();
        }
    }

    private boolean repeated(List<Step> steps) {
        int n = steps.size();
        return n >= 2 && n >= limits.repeatsFrom() && steps.get(n - 1).text().equals(steps.get(n - 2).text());
    }

    /** The answerer's context may be smaller than that of whoever thought: then the latest thoughts are forgotten until it fits. */
    private Written answer(Chain chain, Listener listener) {
        chain.closeThinking(limits.endOfThinking());
        listener.answerBegins();
        while (true) {
            try {
                Written answer = answerer.write(chain, new Until(null, null, limits.answer(), 0), listener);
                chain.add(answer.part());
                return answer;
            } catch (ContextFullException e) {
                if (!chain.forgetLastThought()) {
                    throw e;
                }
            }
        }
    }
}
