package glimp.text;

import static glimp.text.Rule.camelCase;
import static glimp.text.Rule.contraction;
import static glimp.text.Rule.exactly;
import static glimp.text.Rule.firstOf;
import static glimp.text.Rule.one;
import static glimp.text.Rule.pair;
import static glimp.text.Rule.perhaps;
import static glimp.text.Rule.run;
import static glimp.text.Rule.spaceAtEnd;
import static glimp.text.Rule.spaceBeforeSpace;
import static glimp.text.Rule.spaced;
import static glimp.text.Rule.then;
import static glimp.text.Rule.thenPerhaps;
import static glimp.text.Rule.throughLastLineEnd;
import static glimp.text.Rule.upTo;
import static glimp.text.Text.ANY;
import static glimp.text.Text.CAPITAL;
import static glimp.text.Text.DIGIT;
import static glimp.text.Text.LETTER;
import static glimp.text.Text.LINE;
import static glimp.text.Text.MARK;
import static glimp.text.Text.NUMBER;
import static glimp.text.Text.PUNCTUATION;
import static glimp.text.Text.SMALL;
import static glimp.text.Text.SYMBOL;
import static glimp.text.Text.WHITE;

import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;

/**
 * Cuts text into the words within which byte pairs are merged. Each vocabulary was trained with its own way of cutting,
 * which a model file only names ({@code tokenizer.ggml.pre}); what the names mean is known from the models' published
 * {@code tokenizer.json}, and where llama.cpp, which gave the names, simplifies an expression, it is simplified here.
 *
 * @param rules applied one after the other: each cuts the pieces its predecessor left into its matches and what is between
 * @param wholeWords whether a word that is a token is that token, even if merging would not make it
 * @param addBos whether text begins with the begin-of-text token, unless the file says otherwise
 */
record PreTokenizer(List<Rule> rules, boolean wholeWords, boolean addBos) {

    /** Takes the words of a text, from left to right. */
    @FunctionalInterface
    interface Words {
        void word(int from, int to);
    }

    private static final int SIGN = ANY & ~(WHITE | LETTER | NUMBER);
    private static final int NO_WORD_OR_LINE = ANY & ~(LINE | LETTER | NUMBER);
    private static final Rule WORD = perhaps(NO_WORD_OR_LINE, run(LETTER));
    private static final Rule CAMEL_CASE_WORD = perhaps(NO_WORD_OR_LINE, camelCase());
    private static final Rule SIGNS_THROUGH_LINE_ENDS = then(spaced(run(SIGN)), LINE);
    private static final Rule SIGNS_THROUGH_SLASHES = thenPerhaps(spaced(run(SIGN)), run(LINE, "/"));
    private static final Rule SPACE = firstOf(throughLastLineEnd(), spaceBeforeSpace(), run(WHITE));
    private static final Rule THREE_DIGITS = exactly(3, DIGIT);

    // 's|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+
    private static final Rule GPT_2 = firstOf(contraction(false), spaced(run(LETTER)), spaced(run(NUMBER)), spaced(run(SIGN)),
            spaceBeforeSpace(), run(WHITE));
    // (?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+
    private static final Rule LLAMA_3 = firstOf(contraction(true), WORD, upTo(3, NUMBER), SIGNS_THROUGH_LINE_ENDS, SPACE);
    private static final Rule QWEN_2 = firstOf(contraction(true), WORD, one(NUMBER), SIGNS_THROUGH_LINE_ENDS, SPACE);
    // The next two are published with \p{Lu} and its like; where llama.cpp knows capitals, it knows A to Z.
    private static final Rule TEKKEN = firstOf(CAMEL_CASE_WORD, one(NUMBER), SIGNS_THROUGH_SLASHES, SPACE);
    private static final Rule GPT_4O = firstOf(thenPerhaps(CAMEL_CASE_WORD, contraction(true)), upTo(3, NUMBER),
            SIGNS_THROUGH_SLASHES, SPACE);
    private static final Rule DEEPSEEK_3 = firstOf(
            pair(one(new Ranges("21-2F 3A-40 5B-60 7B-7E")), run(SMALL | CAPITAL)),
            perhaps(ANY & ~(LINE | LETTER | PUNCTUATION | SYMBOL), run(LETTER | MARK)),
            then(spaced(run(PUNCTUATION | SYMBOL)), LINE), SPACE);

    /** Of the scripts that know case (Latin, Greek, Cyrillic ..) the letters that DeepSeek's first tokenizer lists. */
    private static final Ranges CASED = new Ranges("41-5A 61-7A B5 C0-D6 D8-F6 F8-1BA 1BC-1BF 1C4-293 295-2AF 370-373 376 377 "
            + "37B-37D 37F 386 388-38A 38C 38E-3A1 3A3-3F5 3F7-481 48A-52F 531-556 10A0-10C5 13A0-13F5 13F8-13FD 1C90-1CBA "
            + "1CBD-1CBF 1D00-1D2B 1D6B-1D77 1D79-1D9A 1E00-1F15 1F18-1F1D 1F20-1F45 1F48-1F4D 1F50-1F57 1F59 1F5B 1F5D "
            + "1F5F-1F7D 1F80-1FB4 1FB6-1FBC 1FBE 1FC2-1FC4 1FC6-1FCC 1FD0-1FD3 1FD6-1FDB 1FE0-1FEC 1FF2-1FF4 1FF6-1FFC 2102 "
            + "2107 210A-2113 2115 2119-211D 2124 2126 2128 212A-212D 212F-2134 2139 213C-213F 2145-2149 214E 2183 2184 "
            + "2C00-2C7B 2C7E-2CE4 2CEB-2CEE 2CF2 2CF3 A640-A66D A680-A69B A722-A76F A771-A787 A78B-A78E AB70-ABBF FB00-FB06 "
            + "FB13-FB17 FF21-FF3A FF41-FF5A 10400-1044F 104B0-104D3 104D8-104FB 10C80-10CB2 10CC0-10CF2 118A0-118DF "
            + "1E900-1E943");
    /** ASCII from the exclamation mark on but digits, its full-width forms, typographic quotes, ideographic comma and full stop. */
    private static final Ranges SIGNS_AND_LETTERS = new Ranges("21-2F 3A-7E 2018-201F 3001 3002 FF01-FF0F FF1A-FF5E");
    private static final Rule EAST_ASIAN = run(new Ranges("800-9FA5 AC00-D7FF"));
    private static final Rule HAN_AND_KANA = run(new Ranges("3040-30FF 4E00-9FA5"));

    private static final Map<String, PreTokenizer> KNOWN = known();

    private static Map<String, PreTokenizer> known() {
        PreTokenizer gpt2 = new PreTokenizer(List.of(GPT_2), false, false);
        PreTokenizer digits = new PreTokenizer(List.of(one(NUMBER), GPT_2), false, false);
        PreTokenizer llama3 = new PreTokenizer(List.of(LLAMA_3), true, true);
        PreTokenizer qwen2 = new PreTokenizer(List.of(QWEN_2), false, false);
        Map<String, PreTokenizer> known = new TreeMap<>();
        for (String name : List.of("gpt-2", "mpt", "phi-2", "olmo", "mellum", "a.x-4.0")) {
            known.put(name, gpt2);
        }
        for (String name : List.of("starcoder", "refact", "smollm", "command-r", "codeshell")) {
            known.put(name, digits);
        }
        for (String name : List.of("llama-bpe", "llama3", "llama-v3", "falcon3", "pixtral")) {
            known.put(name, llama3);
        }
        for (String name : List.of("qwen2", "deepseek-r1-qwen", "megrez")) {
            known.put(name, qwen2);
        }
        known.put("tekken", new PreTokenizer(List.of(TEKKEN), true, true));
        known.put("gpt-4o", new PreTokenizer(List.of(GPT_4O), false, false));
        known.put("smaug-bpe", new PreTokenizer(List.of(LLAMA_3), false, false));
        known.put("deepseek-llm", new PreTokenizer(List.of(one(LINE), perhaps(WHITE, run(CASED)),
                perhaps(WHITE, run(SIGNS_AND_LETTERS)), spaceAtEnd(), EAST_ASIAN, run(NUMBER)), false, false));
        known.put("deepseek-coder", new PreTokenizer(List.of(one(LINE), perhaps(WHITE, run(LETTER)),
                perhaps(WHITE, run(PUNCTUATION)), EAST_ASIAN, one(NUMBER)), false, false));
        known.put("deepseek-v3", new PreTokenizer(List.of(upTo(3, NUMBER), HAN_AND_KANA, DEEPSEEK_3), false, false));
        known.put("falcon", new PreTokenizer(List.of(run(PUNCTUATION, "$+<=>^`|~"), GPT_2, THREE_DIGITS), false, false));
        known.put("default", new PreTokenizer(List.of(run(PUNCTUATION, "$+<=>^|~"), GPT_2, run(NUMBER), THREE_DIGITS),
                false, false));
        return known;
    }

    /** The one of this name, or null. */
    static PreTokenizer named(String name) {
        return KNOWN.get(name);
    }

    /** All names, in order. */
    static Set<String> names() {
        return KNOWN.keySet();
    }

    /** Cuts the characters from {@code from} to {@code to}; the words together are the text. */
    void cut(Text text, int from, int to, Words words) {
        cut(0, text, from, to, words);
    }

    private void cut(int depth, Text text, int from, int to, Words words) {
        if (depth == rules.size()) {
            words.word(from, to);
            return;
        }
        Rule rule = rules.get(depth);
        int start = from;
        for (int at = from; at < to; ) {
            int end = rule.match(text, at, to);
            if (end <= at) {
                at = Math.max(text.next(at), ~end);
                continue;
            }
            if (start < at) {
                cut(depth + 1, text, start, at, words);
            }
            cut(depth + 1, text, at, end, words);
            at = start = end;
        }
        if (start < to) {
            cut(depth + 1, text, start, to, words);
        }
    }
}
