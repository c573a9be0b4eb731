package glimp.model;

import glimp.tensor.Products;
import glimp.tensor.Team;

/** What is done for each token of a batch alone: shared among the team if there are many, else done at once. */
record Parallel(Team team) {
    @FunctionalInterface
    interface Row {
        void run(int row);
    }

    /** Runs the work for rows {@code [0, rows)}. */
    void rows(int rows, Row work) {
        if (rows <= Products.SMALL) {
            for (int row = 0; row < rows; row++) {
                work.run(row);
            }
            return;
        }
        int workers = team.size();
        team.run(worker -> {
            for (int row = rows * worker / workers; row < rows * (worker + 1) / workers; row++) {
                work.run(row);
            }
        });
    }
}
