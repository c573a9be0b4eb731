package glimp.app;

import java.util.List;

/**
 * A flag of the command line.
 *
 * @param names the short one first; those of llama.cpp where it has the same
 * @param argument what its argument is called in the help; null for a switch
 * @param otherwise its value where it is not given; null: none
 * @param group heading in the help
 * @param help one line
 */
record Flag(List<String> names, String argument, String otherwise, String group, String help) {

    static Flag of(String group, String names, String argument, String otherwise, String help) {
        return new Flag(List.of(names.split(" ")), argument, otherwise, group, help);
    }

    /** The name that the code asks for: the last, longest one. */
    String name() {
        return names.getLast();
    }

    /** {@code -c, --ctx-size N}. */
    String usage() {
        return String.join(", ", names) + (argument == null ? "" : " " + argument);
    }
}
