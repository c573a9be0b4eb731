package glimp.gguf;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

/**
 * Puts together a model that was split into {@code NAME-00001-of-000NN.gguf}. The first part holds the metadata; all hold
 * tensors and {@code split.no} (from 0), {@code split.count} and {@code split.tensors.count} (of the whole model).
 */
final class SplitSet {

    private static final Pattern NAME = Pattern.compile("(.*)-(\\d{5})-of-(\\d{5})\\.gguf");

    private SplitSet() {}

    /** The whole model that a file is a part of: itself if the model is not split. */
    static Gguf complete(Gguf given) {
        int count = given.count("split.count", 1);
        if (count == 1) {
            return given;
        }
        if (count == 0) {
            throw new GgufException(given.file(), "metadata key \"split.count\" is 0, expected the number of files");
        }
        List<Path> files = files(given, count);
        List<Gguf> parts = new ArrayList<>();
        for (Path file : files) {
            Gguf part = file.equals(given.file()) ? given : GgufReader.read(file);
            checkPlace(part, parts.size(), count);
            parts.add(part);
        }
        checkTensorCount(parts);
        return merge(given.file(), parts);
    }

    /** The files of all parts, which must be there. */
    private static List<Path> files(Gguf given, int count) {
        Matcher name = NAME.matcher(given.file().getFileName().toString());
        if (!name.matches() || Integer.parseInt(name.group(3)) != count) {
            throw new GgufException(given.file(), "belongs to a model split into " + count + " files (split.count), but its name does not"
                    + String.format(" end in -0000N-of-%05d.gguf, so the others cannot be found", count));
        }
        List<Path> files = IntStream.rangeClosed(1, count)
                .mapToObj(i -> given.file().resolveSibling(String.format("%s-%05d-of-%05d.gguf", name.group(1), i, count)))
                .toList();
        String missing = files.stream().filter(Files::notExists).map(Path::toString).collect(Collectors.joining(", "));
        if (!missing.isEmpty()) {
            throw new GgufException(given.file(), "belongs to a model split into " + count + " files, of which are missing: " + missing);
        }
        return files;
    }

    private static void checkPlace(Gguf part, int index, int count) {
        int number = part.count("split.no");
        int partCount = part.count("split.count");
        if (number != index || partCount != count) {
            throw new GgufException(part.file(), "is named as part " + (index + 1) + " of " + count + ", but its metadata says part "
                    + (number + 1L) + " of " + partCount + " (split.no " + number + ", split.count " + partCount + ")");
        }
    }

    private static void checkTensorCount(List<Gguf> parts) {
        int found = parts.stream().mapToInt(part -> part.tensors().size()).sum();
        for (Gguf part : parts) {
            int expected = part.count("split.tensors.count", found);
            if (expected != found) {
                throw new GgufException(part.file(), "metadata key \"split.tensors.count\" is " + expected + ", but the "
                        + parts.size() + " parts hold " + found + " tensors");
            }
        }
    }

    private static Gguf merge(Path file, List<Gguf> parts) {
        Map<String, Tensor> tensors = new LinkedHashMap<>();
        long bytes = 0;
        for (Gguf part : parts) {
            bytes += part.bytes();
            for (Tensor tensor : part.tensors().values()) {
                if (tensors.put(tensor.name(), tensor) != null) {
                    throw new GgufException(part.file(), "tensor \"" + tensor.name() + "\" is in an earlier part of the model, too");
                }
            }
        }
        Gguf first = parts.getFirst();
        return new Gguf(file, first.version(), first.metadata(), tensors, bytes);
    }
}
