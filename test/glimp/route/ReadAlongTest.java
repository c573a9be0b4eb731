package glimp.route;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;

/** Whether reading along is kept up, against machines whose times are known. */
class ReadAlongTest {
    private static final int TOKENS = 10;

    /** What a stretch takes on a simulated machine: to write it and to switch, without and with the background. */
    private record Machine(double write, double read, double writeAlong, double readAlong) {

        /** Goes through so many stretches; says how many of them were with the background. */
        int run(ReadAlong along, int stretches) {
            int with = 0;
            for (int i = 0; i < stretches; i++) {
                boolean wanted = along.wanted();
                along.wrote(TOKENS, wanted ? writeAlong : write);
                along.read(wanted ? readAlong : read, true);
                with += wanted ? 1 : 0;
            }
            return with;
        }
    }

    private static final Machine PAYS = new Machine(10, 8, 11, 2), COSTS = new Machine(10, 8, 24, 2);

    @Test
    void bothWaysAreTriedTwiceFirst() {
        ReadAlong along = ReadAlong.measured();
        for (boolean with : new boolean[] {false, true, false, true}) {
            assertEquals(with, along.wanted());
            COSTS.run(along, 1);
        }
        assertFalse(along.wanted());
    }

    @Test
    void theWayThatTakesLessIsKept() {
        ReadAlong along = ReadAlong.measured();
        PAYS.run(along, 4);
        assertEquals(7, PAYS.run(along, 7));
        along = ReadAlong.measured();
        COSTS.run(along, 4);
        assertEquals(0, COSTS.run(along, 7));
    }

    @Test
    void theOtherWayIsTriedMoreAndMoreRarely() {
        ReadAlong along = ReadAlong.measured();
        assertEquals(2 + 5, COSTS.run(along, 4 + 500));   // behind 8, 16, 32, 64 and 128
    }

    @Test
    void aSlowStartOrAnInterruptionDoesNotDecideForLong() {
        ReadAlong along = ReadAlong.measured();
        new Machine(500, 400, 900, 300).run(along, 2);   // not compiled yet
        PAYS.run(along, 10);
        new Machine(10, 8, 200, 2).run(along, 1);
        PAYS.run(along, 20);
        assertTrue(PAYS.run(along, 100) >= 98);
    }

    @Test
    void itFollowsTheMachine() {
        ReadAlong along = ReadAlong.measured();
        PAYS.run(along, 30);
        COSTS.run(along, 50);
        assertTrue(COSTS.run(along, 100) <= 2);
    }

    @Test
    void stepsOfOneStretchGoOneWayAndCountTogether() {
        ReadAlong along = ReadAlong.measured();
        for (int i = 0; i < 4; i++) {
            boolean with = i % 2 == 1;
            for (int step = 0; step < 3; step++) {
                assertEquals(with, along.wanted());
                along.wrote(TOKENS, with ? 5 : 9);
            }
            along.read(with ? 20 : 1, true);
        }
        assertFalse(along.wanted(), "28 ms against 35");
    }

    @Test
    void whatTellsNothingIsNotCounted() {
        ReadAlong along = ReadAlong.measured();
        for (int i = 0; i < 5; i++) {
            assertFalse(along.wanted());
            along.wrote(TOKENS, 100);
            along.read(1000, false);
            along.read(3, true);
        }
    }

    @Test
    void alwaysIsAlways() {
        assertEquals(50, COSTS.run(ReadAlong.always(), 50));
    }
}
