package glimp.text;

import glimp.gguf.Gguf;
import java.util.List;

/** How a conversation is written for a model. */
public interface ChatTemplate {

    static ChatTemplate of(Gguf file) {
        throw new UnsupportedOperationException();
    }

    String name();

    Prompt render(List<Message> messages, boolean think);

    default String endOfThinking() {
        return "</think>";
    }
}
