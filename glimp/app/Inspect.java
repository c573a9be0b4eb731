package glimp.app;

import glimp.gguf.GgmlType;
import glimp.gguf.Gguf;
import glimp.gguf.Tensor;
import java.io.PrintStream;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.EnumMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * The command that shows what is in a model file: architecture, all metadata, the tokenizer's special tokens, every
 * tensor, totals. It takes any GGUF file as it is, whether or not this program can run the model.
 */
public final class Inspect {

    /** Characters of a string that are shown, and elements of an array. */
    private static final int SHOWN_CHARACTERS = 72, SHOWN_STRINGS = 4, SHOWN_NUMBERS = 8;
    private static final String TOKENIZER = "tokenizer.ggml.";

    private final Gguf file;
    private final PrintStream out;

    private Inspect(Gguf file, PrintStream out) {
        this.file = file;
        this.out = out;
    }

    public static void run(Options options, Terminal terminal) {
        print(Gguf.openAnyType(Path.of(options.file())), terminal.out);
    }

    /** Prints the file, a line of text for each thing that is in it, whatever characters its names and values hold. */
    public static void print(Gguf file, PrintStream out) {
        Inspect inspect = new Inspect(file, out);
        inspect.summary();
        inspect.metadata();
        inspect.tokenizer();
        inspect.tensors();
        inspect.totals();
    }

    private void summary() {
        table(List.of(
                List.of("file", oneLine(file.file().toString())),
                List.of("format", "GGUF version " + file.version()),
                List.of("architecture", plain("general.architecture")),
                List.of("name", plain("general.name"))));
    }

    private void metadata() {
        List<List<String>> rows = new ArrayList<>();
        file.metadata().forEach((key, value) -> rows.add(List.of(shortened(key), readable(value))));
        section("metadata", rows);
    }

    private void tokenizer() {
        if (!(file.metadata().get(TOKENIZER + "tokens") instanceof String[] tokens)) {
            section("tokenizer", List.of(List.of("none")));
            return;
        }
        List<List<String>> rows = new ArrayList<>();
        rows.add(List.of("model", plain(TOKENIZER + "model")));
        rows.add(List.of("pre", plain(TOKENIZER + "pre")));
        rows.add(List.of("vocabulary", count(tokens.length, "token")
                + (file.metadata().get(TOKENIZER + "merges") instanceof String[] merges ? ", " + count(merges.length, "merge") : "")));
        file.metadata().forEach((key, value) -> {
            if (key.startsWith(TOKENIZER) && key.endsWith("_token_id") && value instanceof Long id) {
                rows.add(List.of(shortened(key.substring(TOKENIZER.length(), key.length() - "_token_id".length())),
                        id + " " + (id >= 0 && id < tokens.length ? quoted(tokens[id.intValue()]) : "(not in the vocabulary)")));
            }
        });
        section("tokenizer", rows);
    }

    private void tensors() {
        List<List<String>> rows = new ArrayList<>();
        for (Tensor tensor : file.tensors().values()) {
            rows.add(List.of(shortened(tensor.name()), tensor.type().name(), shape(tensor), bytes(tensor.data().byteSize())));
        }
        section("tensors", rows.isEmpty() ? List.of(List.of("none")) : rows);
    }

    private void totals() {
        Collection<Tensor> tensors = file.tensors().values();
        Map<GgmlType, List<Tensor>> byType = tensors.stream()
                .collect(Collectors.groupingBy(Tensor::type, () -> new EnumMap<>(GgmlType.class), Collectors.toList()));
        List<List<String>> rows = new ArrayList<>();
        byType.forEach((type, some) -> rows.add(total(type.name(), some)));
        rows.add(total("all", tensors));
        rows.add(List.of("file", "", "", bytes(file.bytes())));
        section("totals", rows);
    }

    private static List<String> total(String name, Collection<Tensor> tensors) {
        long elements = tensors.stream().mapToLong(Tensor::elements).sum();
        long bytes = tensors.stream().mapToLong(tensor -> tensor.data().byteSize()).sum();
        return List.of(name, count(tensors.size(), "tensor"), count(elements, "parameter"), bytes(bytes));
    }

    private void section(String title, List<List<String>> rows) {
        out.println();
        out.println(title);
        table(rows.stream().map(row -> Stream.concat(Stream.of("  " + row.getFirst()), row.stream().skip(1)).toList()).toList());
    }

    /** Prints a table whose columns are as wide as what is in them. */
    private void table(List<List<String>> rows) {
        int[] widths = new int[rows.stream().mapToInt(List::size).max().orElse(0)];
        for (List<String> row : rows) {
            for (int i = 0; i < row.size() - 1; i++) {
                widths[i] = Math.max(widths[i], row.get(i).length());
            }
        }
        for (List<String> row : rows) {
            StringBuilder line = new StringBuilder();
            for (int i = 0; i < row.size(); i++) {
                line.append(row.get(i)).repeat(' ', i == row.size() - 1 ? 0 : widths[i] + 2 - row.get(i).length());
            }
            out.println(line);
        }
    }

    private String plain(String key) {
        return switch (file.metadata().get(key)) {
            case null -> "(not given)";
            case String text -> shortened(text);
            case Object other -> readable(other);
        };
    }

    private static String readable(Object value) {
        return switch (value) {
            case String text when text.length() <= SHOWN_CHARACTERS -> quoted(text);
            case String text -> quoted(text) + " (" + count(text.length(), "character") + ")";
            case Double number -> readable(number.doubleValue());
            case String[] array -> array(array.length, "string", Arrays.stream(array).limit(SHOWN_STRINGS).map(Inspect::quoted));
            case long[] array -> array(array.length, "integer", Arrays.stream(array).limit(SHOWN_NUMBERS).mapToObj(Long::toString));
            case double[] array -> array(array.length, "float", Arrays.stream(array).limit(SHOWN_NUMBERS).mapToObj(Inspect::readable));
            case boolean[] array -> count(array.length, "boolean");
            case Object[] array -> count(array.length, "array");
            default -> value.toString();
        };
    }

    /** Most numbers are floats in the file: they are shown with a float's digits, not with what a double makes of them. */
    private static String readable(double number) {
        return number == (float) number ? Float.toString((float) number) : Double.toString(number);
    }

    private static String array(int length, String element, Stream<String> first) {
        List<String> shown = first.toList();
        return count(length, element) + (shown.isEmpty() ? "" : ": " + String.join(", ", shown)) + (shown.size() < length ? ", .." : "");
    }

    private static String shape(Tensor tensor) {
        return Arrays.stream(tensor.shape()).mapToObj(Long::toString).collect(Collectors.joining(" x "));
    }

    private static String count(long count, String thing) {
        return String.format(Locale.ROOT, "%,d %s%s", count, thing, count == 1 ? "" : "s");
    }

    /** Such as {@code 483,968 bytes} or {@code 6,701,568 bytes (6.4 MiB)}. */
    private static String bytes(long bytes) {
        String exact = count(bytes, "byte");
        return bytes < 1 << 20 ? exact : bytes < 1 << 30 ? String.format(Locale.ROOT, "%s (%.1f MiB)", exact, bytes / 0x1p20)
                : String.format(Locale.ROOT, "%s (%.2f GiB)", exact, bytes / 0x1p30);
    }

    private static String quoted(String text) {
        String start = beginning(text).replace("\\", "\\\\").replace("\"", "\\\"");
        return "\"" + oneLine(start) + "\"" + (text.length() > SHOWN_CHARACTERS ? ".." : "");
    }

    private static String shortened(String text) {
        return oneLine(beginning(text)) + (text.length() > SHOWN_CHARACTERS ? ".." : "");
    }

    private static String beginning(String text) {
        int end = Math.min(text.length(), SHOWN_CHARACTERS);
        return text.substring(0, end < text.length() && Character.isHighSurrogate(text.charAt(end - 1)) ? end - 1 : end);
    }

    /** The text with line breaks and other control characters as escapes: a file must not steer the terminal. */
    private static String oneLine(String text) {
        StringBuilder line = new StringBuilder(text.length());
        text.codePoints().forEach(c -> {
            switch (c) {
                case '\n' -> line.append("\\n");
                case '\r' -> line.append("\\r");
                case '\t' -> line.append("\\t");
                default -> {
                    if (isPrintable(c)) {
                        line.appendCodePoint(c);
                    } else {
                        line.append(String.format("\\u{%x}", c));
                    }
                }
            }
        });
        return line.toString();
    }

    private static boolean isPrintable(int c) {
        return switch (Character.getType(c)) {
            case Character.CONTROL, Character.FORMAT, Character.SURROGATE, Character.LINE_SEPARATOR, Character.PARAGRAPH_SEPARATOR,
                    Character.UNASSIGNED, Character.PRIVATE_USE -> false;
            default -> true;
        };
    }
}
