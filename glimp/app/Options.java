package glimp.app;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** A command line: the command, the files it names, and its flags. */
public final class Options {
    private final List<String> arguments;
    private final String command;
    private final List<Flag> flags;
    private final List<String> files = new ArrayList<>();
    private final Map<String, String> given = new HashMap<>();
    private final Map<String, String> preset = new HashMap<>();

    private Options(List<String> arguments, String command) {
        this.arguments = arguments;
        this.command = command;
        this.flags = Flags.of(command);
    }

    /**
     * {@code [COMMAND] [FILE ..] [FLAG ..]}, in any order behind the command; without a command it is {@code run}.
     *
     * @throws UsageException for an unknown flag (with the nearest known one), or a missing argument
     */
    public static Options parse(String... args) {
        boolean named = args.length > 0 && Flags.of(args[0]) != null;
        Options options = new Options(List.of(args), named ? args[0] : "run");
        for (int i = named ? 1 : 0; i < args.length; i++) {
            i = options.take(args, i);
        }
        return options;
    }

    /** Takes the argument at i, and its value; returns the index of the last one taken. */
    private int take(String[] args, int i) {
        String arg = args[i];
        if (!arg.startsWith("-") || arg.equals("-")) {
            files.add(arg);
            return i;
        }
        int equals = arg.startsWith("--") ? arg.indexOf('=') : -1;
        Flag flag = flag(equals < 0 ? arg : arg.substring(0, equals));
        if (flag.argument() == null) {
            if (equals >= 0) {
                throw new UsageException(flag.name() + " takes no value");
            }
            given.put(flag.name(), "");
            return i;
        }
        if (equals < 0 && i + 1 == args.length) {
            throw new UsageException(flag.usage() + ": its value is missing");
        }
        given.put(flag.name(), equals < 0 ? args[i + 1] : arg.substring(equals + 1));
        return equals < 0 ? i + 1 : i;
    }

    private Flag flag(String name) {
        Flag nearest = null;
        String nearestName = null;
        int least = Integer.MAX_VALUE;
        for (Flag flag : flags) {
            for (String known : flag.names()) {
                int distance = distance(name, known);
                if (distance == 0) {
                    return flag;
                }
                if (distance < least) {
                    least = distance;
                    nearest = flag;
                    nearestName = known;
                }
            }
        }
        throw new UsageException("unknown flag " + name + " for " + command + "; the nearest is " + nearestName
                + " (" + nearest.help() + "); all of them: " + command + " --help");
    }

    /** Edit distance (Levenshtein). */
    private static int distance(String a, String b) {
        int[] row = new int[b.length() + 1];
        for (int j = 0; j <= b.length(); j++) {
            row[j] = j;
        }
        for (int i = 1; i <= a.length(); i++) {
            int diagonal = row[0];
            row[0] = i;
            for (int j = 1; j <= b.length(); j++) {
                int replaced = diagonal + (a.charAt(i - 1) == b.charAt(j - 1) ? 0 : 1);
                diagonal = row[j];
                row[j] = Math.min(replaced, 1 + Math.min(row[j], row[j - 1]));
            }
        }
        return row[b.length()];
    }

    /** As they were given. */
    List<String> arguments() {
        return arguments;
    }

    public String command() {
        return command;
    }

    List<String> files() {
        return files;
    }

    /** The one file that the command is about. */
    String file() {
        if (files.size() != 1) {
            throw new UsageException(command + " takes one file, not " + files.size());
        }
        return files.getFirst();
    }

    /** Whether a flag was given, with or without a value. */
    public boolean has(String name) {
        return given.containsKey(name);
    }

    /** The value of a flag, or its default; null if it has none. */
    String text(String name) {
        String value = given.getOrDefault(name, preset.get(name));
        return value != null ? value : known(name).otherwise();
    }

    /** Other defaults, for the flags that were not given. */
    void preset(Map<String, String> values) {
        preset.putAll(values);
    }

    /** @throws UsageException if it is no whole number from {@code least} on */
    int count(String name, int least) {
        long value = whole(name);
        if (value < least || value > Integer.MAX_VALUE) {
            throw bad(name, "a whole number from " + least + " on");
        }
        return (int) value;
    }

    long whole(String name) {
        try {
            return Long.parseLong(text(name).strip());
        } catch (NumberFormatException e) {
            throw bad(name, "a whole number");
        }
    }

    /** @throws UsageException if it is no number within the bounds */
    double number(String name, double least, double most) {
        double value = Double.NaN;
        try {
            value = Double.parseDouble(text(name).strip());
        } catch (NumberFormatException e) {
            // NaN fails the test below
        }
        if (!(value >= least && value <= most)) {
            throw bad(name, "a number from " + plain(least) + (most < 1e9 ? " to " + plain(most) : " on"));
        }
        return value;
    }

    /** @throws UsageException if it is none of the choices */
    String choice(String name, String... choices) {
        String value = text(name);
        if (value != null && !List.of(choices).contains(value)) {
            throw bad(name, "one of " + String.join(", ", choices));
        }
        return value;
    }

    /** A flag's value is not what it must be. */
    UsageException bad(String name, String wanted) {
        return new UsageException(String.join(", ", known(name).names()) + " takes " + wanted + ", not \"" + text(name) + "\"");
    }

    private Flag known(String name) {
        for (Flag flag : flags) {
            if (flag.name().equals(name)) {
                return flag;
            }
        }
        throw new IllegalStateException(command + " has no flag " + name);
    }

    private static String plain(double value) {
        return value == Math.rint(value) ? Long.toString((long) value) : Double.toString(value);
    }
}
