package glimp.route;

/** Who wrote a step: the small model or the large one. */
public enum Author {
    SMALL("S"),
    LARGE("L");

    /** S or L, as in transcripts and traces. */
    public final String letter;

    Author(String letter) {
        this.letter = letter;
    }
}
