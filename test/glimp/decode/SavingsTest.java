package glimp.decode;

import static org.junit.jupiter.api.Assertions.assertEquals;

import org.junit.jupiter.api.Test;

class SavingsTest {
    private final Savings savings = new Savings();

    @Test
    void isThePassesThatWereNotNeededLessWhatTheRoundsTook() {
        savings.single(10);
        savings.round(4, 15);
        savings.round(1, 14);
        savings.single(11);
        assertEquals(5 * 10 - 29, savings.ms(), 1e-9);
        savings.round(2, 30);
        savings.single(10);
        assertEquals(21 - 10, savings.ms(), 1e-9);
    }

    @Test
    void isNothingUntilTwoPassesHaveToldWhatOneTakes() {
        savings.round(8, 3);
        assertEquals(0, savings.ms());
        savings.single(10);
        savings.round(8, 12);
        assertEquals(0, savings.ms());
    }

    @Test
    void whatWasWrittenWhileThingsBecameFasterIsLeftOut() {
        savings.single(400);
        savings.round(6, 50);
        savings.single(90);
        savings.round(6, 40);
        savings.single(10);
        savings.round(3, 12);
        savings.single(10);
        assertEquals(18, savings.ms(), 1e-9);
    }
}
