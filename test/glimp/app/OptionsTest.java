package glimp.app;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;

class OptionsTest {

    private static String refusal(String... args) {
        return assertThrows(UsageException.class, () -> Options.parse(args)).getMessage();
    }

    @Test
    void withoutACommandItRuns() {
        Options options = Options.parse("s.gguf", "l.gguf", "-p", "why?", "--tau", "0.5");
        assertEquals("run", options.command());
        assertEquals(List.of("s.gguf", "l.gguf"), options.files());
        assertEquals("why?", options.text("--prompt"));
        assertEquals(0.5, options.number("--tau", 0, 10));
    }

    @Test
    void aFlagMayCarryItsValueBehindAnEqualsSign() {
        assertEquals("a=b", Options.parse("--prompt=a=b").text("--prompt"));
    }

    @Test
    void aValueMayLookLikeAFlag() {
        assertEquals("-1", Options.parse("-s", "-1").text("--seed"));
        assertEquals("--tau", Options.parse("-p", "--tau").text("--prompt"));
    }

    @Test
    void flagsThatAreNotGivenHaveTheirDefaults() {
        Options options = Options.parse("x.gguf");
        assertEquals(0.9, options.number("--tau", 0, 10));
        assertFalse(options.has("--tau"));
        assertEquals(2048, options.count("--predict", 1));
    }

    @Test
    void anUnknownFlagNamesTheNearestOne() {
        assertTrue(refusal("--tua", "1").contains("--tau"));
        assertTrue(refusal("--top_p", "1").contains("--top-p"));
        assertTrue(refusal("bench", "--threds", "1").contains("--threads"));
    }

    @Test
    void aMissingOrSenselessValueIsNamed() {
        assertTrue(refusal("--tau").contains("--tau"));
        assertTrue(refusal("--quiet=yes").contains("--quiet"));
        for (String bad : List.of("", "x", "NaN", "-0.1")) {
            Options options = Options.parse("--tau", bad);
            assertTrue(assertThrows(UsageException.class, () -> options.number("--tau", 0, 10)).getMessage().contains("--tau"), bad);
        }
        Options options = Options.parse("-c", "99999999999");
        assertThrows(UsageException.class, () -> options.count("--ctx-size", 0));
        Options method = Options.parse("--method", "best");
        assertTrue(assertThrows(UsageException.class, () -> method.choice("--method", "glimp", "large")).getMessage().contains("glimp, large"));
    }

    @Test
    void noTwoFlagsOfACommandShareAName() {
        for (String command : List.of("run", "demo", "compare", "bench", "inspect", "tokenize", "glimpse")) {
            Set<String> names = new HashSet<>();
            for (Flag flag : Flags.of(command)) {
                flag.names().forEach(name -> assertTrue(names.add(name), command + " " + name));
            }
        }
    }

    @Test
    void everyCommandHasHelpAndChecks() {
        for (String command : List.of("run", "demo", "compare", "bench", "inspect", "tokenize", "glimpse")) {
            assertTrue(Options.parse(command, "--checked", "-h").has("--checked"), command);
            assertTrue(Options.parse(command, "-h").has("--help"), command);
        }
    }

    @Test
    void draftsByTextAreForGreedyTextOnly() {
        String message = assertThrows(UsageException.class, () -> Settings.of(Options.parse("--draft", "text"), 4096)).getMessage();
        assertTrue(message.contains("--draft text") && message.contains("--temp 0"), message);
        assertEquals("text", Settings.of(Options.parse("--draft", "text", "--temp", "0"), 4096).drafts().by());
    }

    @Test
    void lengthsOfDraftsFollowNoClockWhereASeedIsToDrawTheSameTextAgain() {
        assertTrue(Settings.of(Options.parse("-s", "7"), 4096).drafts().repeatable());
        assertFalse(Settings.of(Options.parse(), 4096).drafts().repeatable());
        assertFalse(Settings.of(Options.parse("-s", "7", "--temp", "0"), 4096).drafts().repeatable());
        assertThrows(UsageException.class, () -> Settings.of(Options.parse("--draft-max", "9"), 4096));
    }

    @Test
    void theBackgroundIsLeftOutWhereASeedIsToDrawTheSameTextAgainUnlessItIsAskedFor() {
        assertEquals("auto", Settings.of(Options.parse(), 4096).catchUp());
        assertEquals("auto", Settings.of(Options.parse("-s", "7", "--temp", "0"), 4096).catchUp());
        assertEquals("off", Settings.of(Options.parse("-s", "7"), 4096).catchUp());
        assertEquals("on", Settings.of(Options.parse("-s", "7", "--catch-up", "on"), 4096).catchUp());
        assertThrows(UsageException.class, () -> Settings.of(Options.parse("--catch-up", "maybe"), 4096));
    }

    @Test
    void thePaperSetsItsDetailsAndAnExplicitFlagStillWins() {
        Settings paper = Settings.of(Options.parse("--paper"), 4096);
        assertEquals(20, paper.glimpseTopK());
        assertEquals(0.9, paper.tau());
        assertEquals(0.6, paper.sampling().temperature());
        assertEquals(0.95, paper.sampling().topP());
        assertEquals(512, paper.limits().step());
        assertEquals(8192, paper.limits().thinking());
        assertEquals(2048, paper.limits().answer());
        assertEquals(3, paper.limits().repeatsFrom());
        assertTrue(paper.handOverText());
        assertEquals(1.2, Settings.of(Options.parse("--paper", "--tau", "1.2"), 4096).tau());
    }

    @Test
    void theSmallModelAnswersOnlyWhereAskedOrAlone() {
        assertFalse(Settings.of(Options.parse(), 4096).answerSmall());
        assertFalse(Settings.of(Options.parse("--method", "large"), 4096).answerSmall());
        assertTrue(Settings.of(Options.parse("--method", "small"), 4096).answerSmall());
        assertFalse(Settings.of(Options.parse("--method", "small", "--answer", "large"), 4096).answerSmall());
    }
}
