package glimp.app;

import java.io.PrintStream;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** The help text: what the commands are, and a command's flags by group. */
public final class Help {
    private static final String OVERVIEW = """
            GlimpRouter: two language models think together; the small one writes, the large one where it matters.

              GlimpRouter.java SMALL.gguf LARGE.gguf -p "QUESTION"   one question, routed step by step
              GlimpRouter.java SMALL.gguf LARGE.gguf                 a chat: /quit, /clear, /stats, Ctrl-C stops an answer
              GlimpRouter.java MODEL.gguf -p "QUESTION"              one model alone
              GlimpRouter.java demo [SMALL.gguf LARGE.gguf]          built-in questions, right or wrong
              GlimpRouter.java compare [SMALL.gguf LARGE.gguf]       L alone and GlimpRouter, with and without drafts, on built-in questions or -p TEXT
              GlimpRouter.java bench -m MODEL.gguf                   speed
              GlimpRouter.java inspect FILE.gguf                     what is in a file
              GlimpRouter.java tokenize FILE.gguf -p TEXT            a text's token ids
              GlimpRouter.java glimpse FILE.gguf -p TEXT             the next token's distribution

            Without files, the pair in models/ (or in the jar) is used. COMMAND --help lists a command's flags.
            """;

    private Help() {}

    public static void print(String command, Terminal terminal) {
        PrintStream out = terminal.out;
        out.print(OVERVIEW);
        out.printf("%nFlags of %s:%n", command);
        List<Flag> flags = Flags.of(command);
        int width = flags.stream().mapToInt(flag -> flag.usage().length()).max().orElse(0);
        Map<String, StringBuilder> groups = new LinkedHashMap<>();
        for (Flag flag : flags) {
            groups.computeIfAbsent(flag.group(), group -> new StringBuilder()).append(line(flag, width));
        }
        groups.forEach((group, lines) -> out.printf("%n%s%n%s", group, lines));
    }

    private static String line(Flag flag, int width) {
        String otherwise = flag.otherwise() == null ? "" : " (" + flag.otherwise() + ")";
        return String.format("  %-" + width + "s  %s%s%n", flag.usage(), flag.help(), otherwise);
    }
}
