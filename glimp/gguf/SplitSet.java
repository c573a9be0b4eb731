package glimp.gguf;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Finds the files of a model that was split into {@code NAME-00001-of-000NN.gguf}. The first part holds the metadata; all
 * hold tensors, and {@code split.no} (from 0), {@code split.count} and {@code split.tensors.count} (of the whole model).
 */
final class SplitSet {

    private static final Pattern NAME = Pattern.compile("(.*-)(\\d{5})(-of-)(\\d{5})(\\.gguf)");

    private SplitSet() {}

    /** The parts of the model that this part belongs to, in order: only itself if the model is not split. */
    static List<Part> around(Part given) {
        long count = integer(given, "split.count", 1);
        if (count < 1) {
            throw new GgufException(given.file(), "metadata key \"split.count\" is " + count + ", expected 1 or more");
        }
        if (count == 1) {
            return List.of(given);
        }
        Matcher name = matchName(given, count);
        List<Part> parts = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            Path file = sibling(given, name, i);
            Part part = file.equals(given.file()) ? given : open(file, given, count);
            checkPlace(part, i, count);
            parts.add(part);
        }
        checkTensors(parts);
        return parts;
    }

    private static Matcher matchName(Part given, long count) {
        Matcher name = NAME.matcher(given.file().getFileName().toString());
        if (!name.matches() || Long.parseLong(name.group(4)) != count) {
            throw new GgufException(given.file(), String.format("is a part of a model split into %d files; its name must end in "
                    + "-0000N-of-%05d.gguf for the others to be found", count, count));
        }
        return name;
    }

    private static Path sibling(Part given, Matcher name, int index) {
        return given.file().resolveSibling(String.format("%s%05d%s%s%s", name.group(1), index + 1, name.group(3), name.group(4),
                name.group(5)));
    }

    private static Part open(Path file, Part given, long count) {
        if (Files.notExists(file)) {
            throw new GgufException(file, "no such file, but " + given.file().getFileName() + " is a part of the same model, which has "
                    + count + " parts");
        }
        return Part.open(file);
    }

    private static void checkPlace(Part part, int index, long count) {
        long number = integer(part, "split.no", -1);
        long countHere = integer(part, "split.count", -1);
        if (number != index || countHere != count) {
            throw new GgufException(part.file(), "metadata says split.no " + number + " of split.count " + countHere
                    + ", but the file's name and the other parts say " + index + " of " + count);
        }
    }

    private static void checkTensors(List<Part> parts) {
        long found = parts.stream().mapToLong(part -> part.tensors().size()).sum();
        for (Part part : parts) {
            long expected = integer(part, "split.tensors.count", found);
            if (expected != found) {
                throw new GgufException(part.file(), "metadata key \"split.tensors.count\" is " + expected + ", but the "
                        + parts.size() + " parts hold " + found + " tensors");
            }
        }
    }

    private static long integer(Part part, String key, long otherwise) {
        Object value = part.metadata().getOrDefault(key, otherwise);
        if (value instanceof Long number) {
            return number;
        }
        throw new GgufException(part.file(), "metadata key \"" + key + "\" is " + Gguf.describe(value) + ", expected an integer");
    }
}
