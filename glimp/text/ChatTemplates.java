package glimp.text;

import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** The chat formats that are known, side by side, and how each is told from its template. */
final class ChatTemplates {

    static final String END_OF_THINKING = "</think>";
    private static final String THINKING = "<think>\n";
    private static final String NO_THINKING = "<think>\n\n</think>\n\n";

    private ChatTemplates() {}

    /** @param template as in the file: Jinja, in whose string literals a line end is a backslash and an n */
    static ChatTemplate recognise(String template) {
        boolean thinks = template.contains("<think>") || template.contains(END_OF_THINKING);
        if (template.contains("<｜Assistant｜>")) {
            return new DeepSeek(thinks);
        }
        if (template.contains("<|im_start|>")) {
            return new ChatMl(thinks, literal(template, "<\\|im_start\\|>system\\\\n([^'\"{}]+)<\\|im_end\\|>", ""));
        }
        if (template.contains("<|start_header_id|>")) {
            return new Llama3(thinks);
        }
        if (template.contains("[INST]")) {
            return Mistral.of(template);
        }
        return new Plain();
    }

    private static String literal(String template, String pattern, String otherwise) {
        Matcher matcher = Pattern.compile(pattern).matcher(template);
        return matcher.find() ? matcher.group(1).replace("\\n", "\n") : otherwise;
    }

    /** What an assistant said after its thinking. */
    private static String answer(Message message) {
        String content = message.content();
        int end = content.lastIndexOf(END_OF_THINKING);
        return end < 0 ? content : content.substring(end + END_OF_THINKING.length());
    }

    private static String withoutLeadingLineEnds(String text) {
        int start = 0;
        while (start < text.length() && text.charAt(start) == '\n') {
            start++;
        }
        return text.substring(start);
    }

    private static Prompt open(Prompt prompt, String turn, boolean think, boolean thinksByItself) {
        return prompt.trusted(turn + (think ? THINKING : thinksByItself ? NO_THINKING : ""));
    }

    /**
     * ChatML, as Qwen and many others have it.
     *
     * @param defaultSystem the system message for a conversation that has none; empty for none
     */
    private record ChatMl(boolean thinks, String defaultSystem) implements ChatTemplate {

        @Override
        public String name() {
            return thinks ? "ChatML with thinking" : "ChatML";
        }

        @Override
        public Prompt render(List<Message> messages, boolean think) {
            Prompt prompt = Prompt.of();
            if (!defaultSystem.isEmpty() && (messages.isEmpty() || !messages.getFirst().isFrom("system"))) {
                prompt = turn(prompt, Message.system(defaultSystem));
            }
            for (Message message : messages) {
                prompt = turn(prompt, message);
            }
            return open(prompt, "<|im_start|>assistant\n", think, thinks);
        }

        private static Prompt turn(Prompt prompt, Message message) {
            String content = message.isFrom("assistant") ? withoutLeadingLineEnds(answer(message)) : message.content();
            return prompt.trusted("<|im_start|>" + message.role() + "\n").plain(content).trusted("<|im_end|>\n");
        }
    }

    /** DeepSeek-R1 and what was distilled from it: the last system message comes first, bare. */
    private record DeepSeek(boolean thinks) implements ChatTemplate {

        @Override
        public String name() {
            return thinks ? "DeepSeek-R1" : "DeepSeek";
        }

        @Override
        public boolean thinks() {
            return true;
        }

        @Override
        public Prompt render(List<Message> messages, boolean think) {
            String system = "";
            Prompt turns = Prompt.of();
            for (Message message : messages) {
                switch (message.role()) {
                    case "system" -> system = message.content();
                    case "user" -> turns = turns.trusted("<｜User｜>").plain(message.content());
                    default -> turns = turns.trusted("<｜Assistant｜>").plain(answer(message)).trusted("<｜end▁of▁sentence｜>");
                }
            }
            return open(Prompt.of().plain(system).append(turns), "<｜Assistant｜>", think, thinks);
        }
    }

    /** Llama 3. */
    private record Llama3(boolean thinks) implements ChatTemplate {

        @Override
        public String name() {
            return "Llama 3";
        }

        @Override
        public Prompt render(List<Message> messages, boolean think) {
            Prompt prompt = Prompt.of();
            for (Message message : messages) {
                String content = message.isFrom("assistant") ? answer(message) : message.content();
                prompt = prompt.trusted(header(message.role())).plain(content.strip()).trusted("<|eot_id|>");
            }
            return open(prompt, header("assistant"), think, thinks);
        }

        private static String header(String role) {
            return "<|start_header_id|>" + role + "<|end_header_id|>\n\n";
        }
    }

    /**
     * Mistral, and Llama 2 before it. The versions of the format differ in blanks, and in where the system message goes:
     * into marks of its own, or into the first of the user's turns, or the last.
     */
    private record Mistral(String open, String close, String lead, boolean trims, String systemOpen, String systemClose,
            boolean systemApart, boolean systemLast) implements ChatTemplate {

        static Mistral of(String template) {
            boolean apart = template.contains("[SYSTEM_PROMPT]");
            boolean marked = template.contains("<<SYS>>");
            String systemOpen = apart ? literal(template, "['\"](\\[SYSTEM_PROMPT\\] ?)['\"]", "[SYSTEM_PROMPT] ")
                    : marked ? "<<SYS>>\n" : "";
            String systemClose = apart ? "[/SYSTEM_PROMPT]" : marked ? "\n<</SYS>>\n\n" : "\n\n";
            return new Mistral(literal(template, "['\"]( ?\\[INST\\] ?)['\"]", "[INST] "),
                    literal(template, "['\"]( ?\\[/INST\\])", " [/INST]"),
                    literal(template, "['\"]( )['\"] *\\+ *message", ""), template.contains("|trim") || template.contains("| trim"),
                    systemOpen, systemClose, apart, template.contains("loop.last and system_message"));
        }

        @Override
        public String name() {
            return "Mistral";
        }

        @Override
        public boolean thinks() {
            return false;
        }

        @Override
        public Prompt render(List<Message> messages, boolean think) {
            Prompt system = Prompt.of();
            int host = -1;
            for (int i = 0; i < messages.size(); i++) {
                if (messages.get(i).isFrom("system")) {
                    system = system.trusted(systemOpen).plain(messages.get(i).content()).trusted(systemClose);
                } else if (messages.get(i).isFrom("user") && (host < 0 || systemLast)) {
                    host = i;
                }
            }
            Prompt prompt = systemApart ? system : Prompt.of();
            for (int i = 0; i < messages.size(); i++) {
                Message message = messages.get(i);
                if (message.isFrom("user")) {
                    prompt = prompt.trusted(open).append(i == host && !systemApart ? system : Prompt.of())
                            .plain(message.content()).trusted(close);
                } else if (message.isFrom("assistant")) {
                    String said = withoutLeadingLineEnds(answer(message));
                    prompt = prompt.trusted(lead).plain(trims ? said.strip() : said).trusted("</s>");
                }
            }
            return ChatTemplates.open(prompt, "", think, false);
        }
    }

    /** For models without a format of their own: a dialogue as it stands in books. */
    private record Plain() implements ChatTemplate {

        @Override
        public String name() {
            return "plain";
        }

        @Override
        public boolean thinks() {
            return false;
        }

        @Override
        public Prompt render(List<Message> messages, boolean think) {
            Prompt prompt = Prompt.of();
            for (Message message : messages) {
                String speaker = switch (message.role()) {
                    case "user" -> "User: ";
                    case "assistant" -> "Assistant: ";
                    default -> "";
                };
                String content = message.isFrom("assistant") ? answer(message) : message.content();
                prompt = prompt.trusted(speaker).plain(content.strip()).trusted("\n\n");
            }
            return open(prompt, "Assistant: ", think, false);
        }
    }
}
