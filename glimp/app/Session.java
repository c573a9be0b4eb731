package glimp.app;

import glimp.decode.Context;
import glimp.decode.Sampler;
import glimp.gguf.Gguf;
import glimp.model.KvCache;
import glimp.model.Model;
import glimp.route.Author;
import glimp.route.LocalWriter;
import glimp.route.Policy;
import glimp.route.Router;
import glimp.route.Writer;
import glimp.tensor.Team;
import glimp.text.ChatTemplate;
import glimp.text.Tokenizer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** The models of a run, loaded, with the team that they share. */
final class Session implements AutoCloseable {
    private static final int CONTEXT = 16384;

    /** A loaded model, its context, and how it reads and writes text. */
    record Loaded(Path path, Gguf file, Model model, Context context, Tokenizer tokenizer, ChatTemplate template) {}

    final Team team;
    /** One, or the small one and the large one. */
    final List<Loaded> models = new ArrayList<>();

    /** @throws UsageException if there are more than two files */
    Session(List<Path> files, Options options, Terminal terminal) {
        if (files.size() > 2) {
            throw new UsageException("one model, or a small and a large one, not " + files.size());
        }
        int threads = options.count("--threads", 0);
        team = new Team(threads == 0 ? Cores.physical() : threads);
        terminal.begin();
        for (Path path : files) {
            terminal.progress("loading", models.size(), files.size());
            models.add(load(path, options));
        }
        terminal.end();
        if (pair() && models.get(0).model.bytes() > models.get(1).model.bytes()) {
            terminal.err.println("note: the first model is the larger one; the small one comes first");
        }
    }

    private Loaded load(Path path, Options options) {
        Gguf file = Gguf.open(path);
        Tokenizer tokenizer = Tokenizer.of(file);
        Model model = Model.load(file, team);
        int asked = options.count("--ctx-size", 0);
        int trained = model.config().contextLength();
        Context context = new Context(model, asked > 0 ? asked : Math.min(trained, CONTEXT),
                cacheType(options, "--cache-type-k"), cacheType(options, "--cache-type-v"));
        return new Loaded(path, file, model, context, tokenizer, ChatTemplate.of(file));
    }

    static KvCache.Type cacheType(Options options, String flag) {
        return options.choice(flag, "f32", "f16").equals("f32") ? KvCache.Type.F32 : KvCache.Type.F16;
    }

    boolean pair() {
        return models.size() == 2;
    }

    Loaded small() {
        return models.getFirst();
    }

    Loaded large() {
        return models.getLast();
    }

    /** Tokens of the smaller context. */
    int capacity() {
        return Math.min(small().context.capacity(), large().context.capacity());
    }

    /** The loop of the method over both models; where they have one vocabulary, they share a tokenizer and hand over tokens. */
    Router router(Settings settings) {
        boolean tokens = !settings.handOverText() && small().tokenizer.sameVocabulary(large().tokenizer);
        Writer small = writer(small(), small().tokenizer, true, settings);
        Writer large = writer(large(), tokens ? small().tokenizer : large().tokenizer, true, settings);
        Policy policy = switch (settings.method()) {
            case "large" -> new Policy.Alone(Author.LARGE, large);
            case "small" -> new Policy.Alone(Author.SMALL, small);
            default -> new Policy.Glimp(small, large, settings.tau());
        };
        return new Router(policy, small, large, settings.answerSmall() ? small : large, settings.limits());
    }

    /** The only model, which thinks if its format has thinking in it. */
    Writer alone(Settings settings) {
        return writer(small(), small().tokenizer, small().template.thinks(), settings);
    }

    private static Writer writer(Loaded model, Tokenizer tokenizer, boolean think, Settings settings) {
        return new LocalWriter(model.context, tokenizer, model.template, new Sampler(settings.sampling()), think, settings.glimpseTopK());
    }

    @Override
    public void close() {
        team.close();
    }
}
