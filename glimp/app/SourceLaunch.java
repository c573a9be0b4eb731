package glimp.app;

import java.io.IOException;
import java.io.OutputStream;
import java.lang.reflect.Method;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.util.List;
import java.util.stream.Stream;
import javax.tools.JavaCompiler;
import javax.tools.ToolProvider;

/**
 * A launch from source, {@code java GlimpRouter.java}, made fast. The JDK compiles each class in a compilation of its own when
 * it is first used, which takes the whole program 7 s; all classes in one compilation take 2 s, and they are kept in
 * {@code .build}, so that the next launch takes none.
 */
public final class SourceLaunch {
    /** The launcher says here which file it was given. */
    private static final String FILE = "jdk.launcher.sourcefile";

    private SourceLaunch() {}

    /** Runs the program from classes compiled at once; false, and nothing is done, where it is not launched from source or cannot be. */
    public static boolean run(String... args) {
        String file = System.clearProperty(FILE);
        if (file == null) {
            return false;
        }
        Method main;
        try {
            Path root = Path.of(file).toAbsolutePath().getParent();
            Path classes = root.resolve(".build").resolve("classes-" + Runtime.version());
            if (!upToDate(classes, root) && !compile(root, classes)) {
                return false;
            }
            URL[] path = {classes.toUri().toURL()};
            main = Class.forName("GlimpRouter", true, new URLClassLoader(path, ClassLoader.getPlatformClassLoader())).getMethod("main", String[].class);
        } catch (IOException | ReflectiveOperationException e) {
            return false;   // a checkout that may not be written to: the JDK's own way
        }
        try {
            main.invoke(null, (Object) args);
        } catch (ReflectiveOperationException e) {
            throw new IllegalStateException(e.getCause());
        }
        return true;
    }

    /** Whether no source file or folder has changed since. */
    private static boolean upToDate(Path classes, Path root) throws IOException {
        Path main = classes.resolve("GlimpRouter.class");
        if (!Files.exists(main)) {
            return false;
        }
        FileTime compiled = Files.getLastModifiedTime(main);
        try (Stream<Path> sources = Stream.concat(Stream.of(root.resolve("GlimpRouter.java")), Files.walk(root.resolve("glimp")))) {
            for (Path source : (Iterable<Path>) sources::iterator) {
                if (Files.getLastModifiedTime(source).compareTo(compiled) > 0) {
                    return false;
                }
            }
        }
        return true;
    }

    /** The classes appear all together, under their final name, so that two launches at a time do each other no harm. */
    private static boolean compile(Path root, Path classes) throws IOException {
        JavaCompiler compiler = ToolProvider.getSystemJavaCompiler();
        if (compiler == null) {
            return false;
        }
        FileTime begin = FileTime.fromMillis(System.currentTimeMillis());
        Files.createDirectories(classes.getParent());
        Path fresh = Files.createTempDirectory(classes.getParent(), "classes-");
        int status = compiler.run(null, OutputStream.nullOutputStream(), OutputStream.nullOutputStream(), "--add-modules", "jdk.incubator.vector",
                "-proc:none", "-nowarn", "-Xlint:-incubating", "-d", fresh.toString(), "-sourcepath", root.toString(), root.resolve("GlimpRouter.java").toString());
        if (status != 0) {
            delete(fresh);
            return false;
        }
        Files.setLastModifiedTime(fresh.resolve("GlimpRouter.class"), begin);   // a file that was changed meanwhile is newer
        delete(classes);
        Files.move(fresh, classes);
        return true;
    }

    private static void delete(Path folder) throws IOException {
        if (Files.exists(folder)) {
            List<Path> all;
            try (Stream<Path> walk = Files.walk(folder)) {
                all = walk.toList();
            }
            for (Path path : all.reversed()) {
                Files.delete(path);
            }
        }
    }
}
