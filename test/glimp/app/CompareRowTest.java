package glimp.app;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import glimp.route.Author;
import glimp.route.Part;
import glimp.route.Result;
import glimp.route.Step;
import glimp.route.Usage;
import glimp.route.Writer;
import java.util.List;
import org.junit.jupiter.api.Test;

/** The table of the comparison against runs whose sums can be done in the head. */
class CompareRowTest {
    private static final List<Demo.Question> QUESTIONS = List.of(new Demo.Question("What is 1+1?", "2"), new Demo.Question("What is 2+2?", "4"));

    /** @param times all of the times and counts are so many times those of one */
    private static Result result(double ms, String answer, int times, Author... authors) {
        List<Step> steps = List.of(authors).stream()
                .map(author -> new Step(author, null, new Writer.Written(Part.text("so\n\n"), Writer.Ending.DELIMITER, 2), 1)).toList();
        Usage small = new Usage(8 * times, 4 * times, times, 0.5 * times, 0, 0, 5, 0.25 * times, 0, 0, 0, 0, 0, 0);
        Usage large = new Usage(6 * times, 5 * times, 0, 0, 9, 3 * times, 5, 0.75 * times, 0, 0, 2 * times, 5 * times, 4 * times, 1);
        return new Result(steps, List.of(), answer, Result.Stop.END_OF_THINKING, Writer.Ending.END_OF_TURN, small, large, ms);
    }

    private static CompareRow row() {
        return CompareRow.of("all", List.of(
                result(10, "The answer is 2.", 1, Author.SMALL, Author.LARGE),
                result(40, "The answer is 5.", 3, Author.SMALL, Author.SMALL),
                result(20, "The answer is 3.", 1, Author.SMALL),
                result(50, "The answer is 4.", 3, Author.LARGE, Author.SMALL, Author.SMALL)), QUESTIONS);
    }

    @Test
    void partsAreMeansOverTheQuestionsAndSharesAreOverAll() {
        assertEquals(new CompareRow("all", 30, 30, 2, 1, 6, 8, 10, 0.25, 2, 4, 1200, 3, 0.8), row());
    }

    @Test
    void theMedianOfAnOddNumberIsTheOneInTheMiddle() {
        assertEquals(20, CompareRow.of("odd", List.of(result(900, "", 1), result(20, "", 1), result(1, "", 1)), QUESTIONS).medianMs());
    }

    @Test
    void aLineSaysHowMuchLessItTookThanTheFirst() {
        CompareRow first = CompareRow.of("L alone", List.of(result(40, "", 1)), QUESTIONS);
        assertEquals("| all                    |                 30.00 |  25.0 % |  30.00 |   2.00 |     1.00 |     6.00 |   8.00 |  10.00 |     25.0 % |   2/  4 |    1200.00 |          3.00 |   80.0 % |",
                row().line(first));
        CompareRow none = CompareRow.of("none", List.of(new Result(List.of(), List.of(), "", Result.Stop.LIMIT, Writer.Ending.LIMIT, Usage.NONE, Usage.NONE, 60)), QUESTIONS);
        assertTrue(none.line(first).startsWith("| none                   |                 60.00 | -50.0 % |"), none.line(first));
        assertTrue(none.line(first).endsWith("|          0.00 |        - |"), none.line(first));
    }

    @Test
    void nothingIsSaidOfAnswersThatNobodyKnows() {
        String line = CompareRow.of("text", List.of(result(10, "The answer is 2.", 1)), List.of(new Demo.Question("Go on!", null))).line(row());
        assertTrue(line.contains("|       - |"), line);
    }

    @Test
    void linesAreAsWideAsTheHeader() {
        for (String line : CompareRow.HEADER.split("\n")) {
            assertEquals(row().line(row()).length(), line.length());
        }
    }
}
