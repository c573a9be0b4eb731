package glimp.route;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;

import glimp.route.Segmenter.Mark;
import org.junit.jupiter.api.Test;

class SegmenterTest {

    /** Feeds pieces until the step ends; the step's text, then the mark. */
    private static String segment(String... pieces) {
        Segmenter segmenter = new Segmenter("\n\n", "</think>");
        Mark mark = Mark.NONE;
        for (int i = 0; i < pieces.length && mark == Mark.NONE; i++) {
            mark = segmenter.add(pieces[i]);
        }
        return segmenter.text().substring(0, segmenter.end()).replace("\n", "/") + " " + mark;
    }

    @Test
    void findsTheDelimiterAsATokenOfItsOwn() {
        assertEquals("one.// DELIMITER", segment("one", ".", "\n\n", "two"));
    }

    @Test
    void findsTheDelimiterInsideAToken() {
        assertEquals("one.// DELIMITER", segment("one", ".\n\n", "two"));
        assertEquals("one.// DELIMITER", segment("one", ".\n\ntwo"));
    }

    @Test
    void findsTheDelimiterAcrossTokens() {
        assertEquals("one.// DELIMITER", segment("one", ".\n", "\n", "two"));
    }

    @Test
    void everySplitOfATextGivesTheSameStep() {
        String text = "\n\n\none\ntwo\n\nthree";
        for (int i = 0; i <= text.length(); i++) {
            for (int j = i; j <= text.length(); j++) {
                assertEquals("///one/two// DELIMITER", segment(text.substring(0, i), text.substring(i, j), text.substring(j)));
            }
        }
    }

    @Test
    void aSingleNewlineEndsNothing() {
        assertEquals("one/two NONE", segment("one\n", "two"));
    }

    @Test
    void threeNewlinesAreOneDelimiter() {
        assertEquals("one/// DELIMITER", segment("one", "\n\n\n"));
        assertEquals("/one// DELIMITER", segment("\n", "one\n\n"));
    }

    @Test
    void blanksBeforeADelimiterAreNoStep() {
        assertEquals("// //one// DELIMITER", segment("\n\n", " \n\n", "one", "\n\n"));
    }

    @Test
    void findsTheEndOfThinkingWithinAndAcrossTokens() {
        assertEquals("done/ END_OF_THINKING", segment("done\n</think>"));
        assertEquals("done/ END_OF_THINKING", segment("done\n", "</", "think", ">", "\n\n"));
        assertEquals(" END_OF_THINKING", segment("</think>\n\n"));
    }

    @Test
    void whicheverComesFirstEndsTheStep() {
        assertEquals("a// DELIMITER", segment("a\n\n</think>"));
        assertEquals("a END_OF_THINKING", segment("a</think>\n\n"));
    }

    @Test
    void holdsBackWhatMayBecomeTheEndOfThinking() {
        Segmenter segmenter = new Segmenter("\n\n", "</think>");
        segmenter.add("a < b");
        assertEquals(5, segmenter.settled());
        segmenter.add("</thi");
        assertEquals(5, segmenter.settled());
        segmenter.add("s");
        assertEquals(11, segmenter.settled());
    }

    @Test
    void withoutADelimiterNothingEnds() {
        Segmenter segmenter = new Segmenter(null, null);
        assertEquals(Mark.NONE, segmenter.add("a\n\nb</think>"));
        assertEquals(12, segmenter.end());
        assertFalse(segmenter.text().isEmpty());
    }

    @Test
    void aDelimiterMayBeAnyText() {
        Segmenter segmenter = new Segmenter("---", null);
        segmenter.add("a-");
        segmenter.add("-");
        assertEquals(Mark.DELIMITER, segmenter.add("-b"));
        assertEquals(4, segmenter.end());
    }
}
