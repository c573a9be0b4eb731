package glimp.text;

/**
 * One turn of a conversation.
 *
 * @param role who speaks: {@code "system"}, {@code "user"} or {@code "assistant"}
 * @param content what was said; an assistant's may begin with its thinking, closed by {@code </think>}
 */
public record Message(String role, String content) {

    public static Message system(String content) {
        return new Message("system", content);
    }

    public static Message user(String content) {
        return new Message("user", content);
    }

    public static Message assistant(String content) {
        return new Message("assistant", content);
    }
}
