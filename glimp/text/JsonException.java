package glimp.text;

/** Text that is no JSON, in one line that says where and what was expected. */
public final class JsonException extends RuntimeException {

    private static final long serialVersionUID = 1;

    JsonException(String message) {
        super(message);
    }
}
