package glimp.app;

import java.util.ArrayList;
import java.util.List;

/** The flags that there are, by command. */
final class Flags {
    private static final String PROMPT = "Prompt";
    private static final String ROUTING = "Routing";
    private static final String DRAFTS = "Drafts, verified by the model that writes";
    private static final String SAMPLING = "Sampling";
    private static final String MEMORY = "Context and threads";
    private static final String OUTPUT = "Output";

    private static final List<Flag> MACHINE = List.of(
            Flag.of(MEMORY, "--activations", "NAME", "auto", "auto: rounded to integers where that is faster; float: a reference's numbers"),
            Flag.of(MEMORY, "-c --ctx-size", "N", "0", "tokens of context for each model; 0: as trained, at most 16384"),
            Flag.of(MEMORY, "-t --threads", "N", "0", "threads of the worker team; 0: one a core"),
            Flag.of(MEMORY, "-ctk --cache-type-k", "TYPE", "f16", "keys in the cache: f32, f16 or q8_0"),
            Flag.of(MEMORY, "-ctv --cache-type-v", "TYPE", "f16", "values in the cache: f32, f16 or q8_0"));

    private static final Flag CACHE_FILE = Flag.of(MEMORY, "--cache-file", "FILE", null, "what the models have read: restored from it if it is there, saved to it at the end");

    private static final List<Flag> WRITING = List.of(
            Flag.of(PROMPT, "-sys --system-prompt", "TEXT", null, "system message"),
            Flag.of(PROMPT, "-n --predict", "N", "2048", "most tokens of the answer"),
            Flag.of(ROUTING, "--method", "NAME", "glimp", "who writes a step: glimp (by entropy), large or small (always)"),
            Flag.of(ROUTING, "--tau", "NATS", "0.9", "the large model writes where H_init is above"),
            Flag.of(ROUTING, "--glimpse-top-k", "K", "0", "entropy over the k likeliest tokens, renormalised; 0: all tokens"),
            Flag.of(ROUTING, "--answer", "NAME", null, "who answers: large (default) or small (default with --method small)"),
            Flag.of(ROUTING, "--delimiter", "TEXT", "\\n\\n", "what ends a step; \\n is a newline"),
            Flag.of(ROUTING, "--step-tokens", "N", "512", "most tokens of a step"),
            Flag.of(ROUTING, "--thinking-tokens", "N", "8192", "most tokens of all steps"),
            Flag.of(ROUTING, "--catch-up", "WHEN", "auto", "one model reads in the background what the other writes: on, off, or auto: where a core is free, it is found to pay, and no seed is to be repeated"),
            Flag.of(ROUTING, "--paper", null, null, "every detail as published: top-20 glimpse, tau 0.9, temperature 0.6, top-p 0.95, hand-over as text"),
            Flag.of(DRAFTS, "--draft", "NAME", null, "who drafts: model (S for L; default where they have one vocabulary), lookup (what was said before), text (S, by way of text; greedy only)"),
            Flag.of(DRAFTS, "--draft-max", "N", "8", "most tokens of a draft, up to 8"),
            Flag.of(DRAFTS, "--draft-fixed", null, null, "always draft so many, whether it pays or not"),
            Flag.of(DRAFTS, "--no-draft", null, null, "a token a pass"),
            Flag.of(SAMPLING, "-s --seed", "N", "-1", "seed of the random numbers; -1: a new one each time"),
            Flag.of(SAMPLING, "--temp", "T", "0.6", "temperature; 0 is greedy"),
            Flag.of(SAMPLING, "--top-k", "K", "0", "draw from the k likeliest tokens; 0: all"),
            Flag.of(SAMPLING, "--top-p", "P", "0.95", "draw from the likeliest tokens that reach this probability; 1: all"),
            Flag.of(SAMPLING, "--min-p", "P", "0", "drop tokens below this share of the likeliest one's probability"),
            Flag.of(SAMPLING, "--repeat-penalty", "X", "1", "makes the last 64 tokens less likely; 1: off"));

    private static final Flag TRACE = Flag.of(OUTPUT, "--trace", "FILE", null, "write everything about the run as JSON");
    private static final Flag QUIET = Flag.of(OUTPUT, "-q --quiet", null, null, "print the answer only");
    private static final Flag TEXT = Flag.of(PROMPT, "-p --prompt", "TEXT", null, "the question or text");
    private static final Flag FILE = Flag.of(PROMPT, "-f --file", "FILE", null, "the question or text, from a file");

    private static final List<Flag> EVERYWHERE = List.of(
            Flag.of(OUTPUT, "--checked", null, null, "check the bounds of every access to a vector; slower"),
            Flag.of(OUTPUT, "-h --help", null, null, "this text"));

    private Flags() {}

    /** The flags of a command; null if there is no such command. */
    static List<Flag> of(String command) {
        List<Flag> own = own(command);
        return own == null ? null : join(own, EVERYWHERE);
    }

    private static List<Flag> own(String command) {
        return switch (command) {
            case "run" -> join(List.of(TEXT, FILE), WRITING, MACHINE, List.of(CACHE_FILE, TRACE, QUIET));
            case "demo" -> join(List.of(Flag.of(PROMPT, "--questions", "N", "20", "how many of the built-in questions")), WRITING, MACHINE, List.of(QUIET));
            case "compare" -> join(List.of(TEXT, FILE,
                    Flag.of(PROMPT, "--questions", "N", "60", "without a text, how many of the built-in questions"),
                    Flag.of(PROMPT, "--rounds", "N", "3", "how often each is asked"),
                    Flag.of(DRAFTS, "--fixed", "N,N", null, "compare drafts of always so many tokens, too")), WRITING, MACHINE);
            case "bench" -> join(List.of(
                    Flag.of("Bench", "-m --model", "FILE", null, "the model"),
                    Flag.of("Bench", "-p --n-prompt", "N", "512", "tokens of the prompt; 0: no prefill test; here and below, several with commas: 512,64,4"),
                    Flag.of("Bench", "-n --n-gen", "N", "64", "tokens generated; 0: no decode test"),
                    Flag.of("Bench", "-d --n-depth", "N", "0", "tokens in the context before the test begins"),
                    Flag.of("Bench", "-r --repetitions", "N", "3", "measured runs of each test"),
                    Flag.of("Bench", "--peer", "COMMAND", null, "a program to compare with, such as \"llama-bench -m {model} -t {t} -p {p} -n {n} -d {d} -r 2\""),
                    Flag.of("Bench", "--profile", null, null, "where the time of a token and of a prompt goes, stage by stage"),
                    Flag.of("Bench", "--startup", null, null, "instead of all this, the time from the start of the program to its first token, median of 5; without a file, of the pair"),
                    Flag.of("Bench", "--json", null, null, "print an array of rows")), MACHINE);
            case "inspect" -> List.of();
            case "tokenize" -> List.of(TEXT, FILE,
                    Flag.of(PROMPT, "--special", null, null, "recognise control tokens in the text"),
                    Flag.of(PROMPT, "--bos", null, null, "begin with the begin-of-text token"),
                    Flag.of(OUTPUT, "--show", null, null, "print the pieces, one a line"));
            case "glimpse" -> join(List.of(TEXT, FILE,
                    Flag.of(PROMPT, "--ids", "1,2,3", null, "token ids instead of a text"),
                    Flag.of(OUTPUT, "--top", "N", "10", "tokens to print"),
                    Flag.of(OUTPUT, "--logits", "FILE", null, "write the logits of the last position: float32, little-endian")), MACHINE);
            default -> null;
        };
    }

    @SafeVarargs
    private static List<Flag> join(List<Flag>... lists) {
        List<Flag> all = new ArrayList<>();
        for (List<Flag> list : lists) {
            all.addAll(list);
        }
        return all;
    }
}
