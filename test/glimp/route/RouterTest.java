package glimp.route;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import glimp.route.Result.Stop;
import glimp.route.Writer.Ending;
import glimp.text.Message;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

class RouterTest {
    private static final double TAU = 0.9;

    private final Scripted small = new Scripted("S");
    private final Scripted large = new Scripted("L");
    private final Chain chain = new Chain(List.of(new Message("user", "q")));
    private Limits limits = limits(512, 8192, 2);

    private static Limits limits(int step, int thinking, int repeatsFrom) {
        return new Limits("\n\n", "</think>", step, thinking, 2048, 0, repeatsFrom);
    }

    private Result run(Policy policy, Listener listener) {
        return new Router(policy, small, large, large, limits).run(chain, listener);
    }

    private Result run() {
        return run(new Policy.Glimp(small, large, TAU), Listener.NONE);
    }

    private static List<String> authors(Result result) {
        return result.steps().stream().map(step -> step.author().letter).toList();
    }

    @Test
    void theSmallModelWritesWhereItsEntropyIsAtMostTau() {
        small.glimpses(0.1, TAU, TAU + 1e-9, 0).writes("a\n\n").writes("b\n\n").writes("d\n", Ending.END_OF_THINKING);
        large.writes("c\n\n").writes("the answer", Ending.END_OF_TURN);
        Result result = run();
        assertEquals(List.of("S", "S", "L", "S"), authors(result));
        assertEquals(List.of("a", "b", "c", "d"), result.steps().stream().map(Step::text).toList());
        assertEquals("the answer", result.answer());
        assertEquals(Stop.END_OF_THINKING, result.stop());
        assertEquals(0.25, result.share());
        assertTrue(small.done() && large.done());
    }

    @Test
    void bothModelsSeeTheWholeChainAndTheAnswerFollowsTheClosedThinking() {
        small.glimpses(0.1, 2).writes("a.\n\n");
        large.writes("b", Ending.END_OF_THINKING).writes("42", Ending.END_OF_TURN);
        run();
        assertEquals(List.of("glimpse after ", "write after ", "glimpse after a.//"), small.asked);
        assertEquals(List.of("write after a.//", "write after a.//b/</think>//"), large.asked);
        assertEquals("a.\n\nb\n</think>\n\n42", chain.text());
    }

    @Test
    void theThinkingIsClosedTheSameWayHoweverItEnded() {
        small.glimpses(0, 0).writes("a\n\n").writes("a\n\n");
        large.writes("x", Ending.END_OF_TURN);
        assertEquals(Stop.REPEATED, run().stop());
        assertEquals("a\n\na\n</think>\n\nx", chain.text());
    }

    @Test
    void aBlankStepIsNoStep() {
        small.glimpses(0, 3, 0).writes("a\n\n").writes("a\n\n");
        large.writes("\n\n", Ending.LIMIT).writes("x", Ending.END_OF_TURN);
        Result result = run();
        assertEquals(List.of("S", "S"), authors(result));
        assertEquals(Stop.REPEATED, result.stop());
    }

    @Test
    void inThePublishedLoopTwoEqualStepsCountFromTheThirdOn() {
        limits = limits(512, 8192, 3);
        small.glimpses(0, 0, 0).writes("a\n\n").writes("a\n\n").writes("a\n\n");
        large.writes("x", Ending.END_OF_TURN);
        Result result = run();
        assertEquals(3, result.steps().size());
        assertEquals(Stop.REPEATED, result.stop());
    }

    @Test
    void theThinkingStopsAtItsLimitAndTheAnswerIsStillGiven() {
        limits = limits(512, 5, 2);
        small.glimpses(0, 0).writes("ab\n\n").writes("c", Ending.LIMIT);
        large.writes("x", Ending.END_OF_TURN);
        assertEquals(Stop.LIMIT, run().stop());
        assertEquals("ab\n\nc\n</think>\n\nx", chain.text());
    }

    @Test
    void aStepCutOffByItsLimitEndsInADelimiter() {
        small.glimpses(0, 0).writes("long", Ending.LIMIT).writes("b", Ending.END_OF_THINKING);
        large.writes("x", Ending.END_OF_TURN);
        run();
        assertEquals("long\n\nb\n</think>\n\nx", chain.text());
    }

    @Test
    void endOfTurnAndAFullContextEndTheThinking() {
        small.glimpses(0).writes("a", Ending.END_OF_TURN);
        large.writes("x", Ending.END_OF_TURN);
        assertEquals(Stop.END_OF_TURN, run().stop());
        small.glimpses(0).writes("a", Ending.CONTEXT_FULL);
        large.writes("x", Ending.END_OF_TURN);
        assertEquals(Stop.CONTEXT_FULL, run().stop());
    }

    @Test
    void aCancelledRunHasNoAnswer() {
        small.glimpses(0).writes("a", Ending.CANCELLED);
        Result result = run();
        assertEquals(Stop.CANCELLED, result.stop());
        assertEquals("", result.answer());
        assertTrue(large.asked.isEmpty());
    }

    @Test
    void oneModelAloneGoesThroughTheSameLoopWithoutGlimpses() {
        large.writes("a\n\n").writes("b", Ending.END_OF_THINKING).writes("x", Ending.END_OF_TURN);
        Result result = run(new Policy.Alone(Author.LARGE, large), Listener.NONE);
        assertEquals(List.of("L", "L"), authors(result));
        assertEquals(1.0, result.share());
        assertTrue(small.asked.isEmpty());
    }

    @Test
    void handOversAreTimedByKind() {
        small.glimpses(0, 0, 2, 0).writes("a\n\n").writes("b\n\n").writes("d", Ending.END_OF_THINKING);
        large.writes("c\n\n").writes("x", Ending.END_OF_TURN);
        Result result = run();
        assertEquals(List.of("SS", "SL", "LS"), result.handOvers().stream().map(h -> h.from().letter + h.to().letter).toList());
        assertTrue(result.handOvers().stream().allMatch(h -> h.ms() >= 0 && h.ms() <= result.ms()));
        assertEquals(result.handOvers().get(1).ms(), result.handOver(Author.SMALL, Author.LARGE));
        assertTrue(Double.isNaN(result.handOver(Author.LARGE, Author.LARGE)));
    }

    @Test
    void theListenerHearsTheRunInOrder() {
        small.glimpses(0, 2).writes("a\n\n");
        large.writes("b", Ending.END_OF_THINKING).writes("x", Ending.END_OF_TURN);
        List<String> heard = new ArrayList<>();
        run(new Policy.Glimp(small, large, TAU), new Listener() {
            @Override
            public void stepBegins(Author author, Glimpse glimpse) {
                heard.add("begin " + author.letter + " " + glimpse.entropy());
            }

            @Override
            public void piece(String text) {
                heard.add(text.strip());
            }

            @Override
            public void stepEnds(Step step) {
                heard.add("end");
            }

            @Override
            public void answerBegins() {
                heard.add("answer");
            }
        });
        assertEquals(List.of("begin S 0.0", "a", "end", "begin L 2.0", "b", "end", "answer", "x"), heard);
    }
}
