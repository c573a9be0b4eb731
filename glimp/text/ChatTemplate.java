package glimp.text;

import glimp.gguf.Gguf;
import java.util.List;

/**
 * How a conversation is written for a model.
 *
 * <p>A file's {@code tokenizer.chat_template} is a program in a template language. What stands here are the formats of the
 * families that think well enough to be paired, recognised by their markup in that program. They differ from it in this:
 * a date or knowledge cut-off that a template tells the model unasked is left out, and tools are unknown.
 */
public interface ChatTemplate {

    /** The template of a model file; a plain one where the file has none or none that is known. */
    static ChatTemplate of(Gguf file) {
        return ChatTemplates.recognise(file.string("tokenizer.chat_template", ""));
    }

    /** The format's name, for display. */
    String name();

    /**
     * The conversation up to the assistant's turn, which is opened. Without the begin-of-text token: that goes in front
     * where {@link Tokenizer#addBos} says so. What was said is plain text in it, whatever it spells. Of earlier turns of the
     * assistant, the thinking is left out.
     *
     * @param think whether the answer begins with thinking: then the prompt ends with {@code <think>} and a line end, which
     *     are never written twice. Without it, a model that would think by itself is given an empty thought.
     */
    Prompt render(List<Message> messages, boolean think);

    /** Whether the format has thinking in it, so that a model alone is asked to think. */
    boolean thinks();

    /** What the model writes when it has thought enough. */
    default String endOfThinking() {
        return ChatTemplates.END_OF_THINKING;
    }
}
