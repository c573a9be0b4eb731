package glimp.text;

import java.util.Set;

/**
 * One turn of a conversation.
 *
 * @param role who speaks: {@code "system"}, {@code "user"} or {@code "assistant"}
 * @param content what was said; an assistant's may begin with its thinking, which ends with {@code </think>}
 */
public record Message(String role, String content) {

    private static final Set<String> ROLES = Set.of("system", "user", "assistant");

    /** @throws IllegalArgumentException for another role: roles go into the markup of a prompt, where nothing foreign belongs */
    public Message {
        if (!ROLES.contains(role)) {
            throw new IllegalArgumentException("a message's role must be system, user or assistant, not \"" + role + "\"");
        }
    }

    public static Message system(String content) {
        return new Message("system", content);
    }

    public static Message user(String content) {
        return new Message("user", content);
    }

    public static Message assistant(String content) {
        return new Message("assistant", content);
    }

    boolean isFrom(String role) {
        return this.role.equals(role);
    }
}
