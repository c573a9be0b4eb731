package glimp.app;

import glimp.app.Settings.Drafts;
import glimp.decode.Context;
import glimp.decode.ContextFile;
import glimp.decode.Follower;
import glimp.decode.Pace;
import glimp.decode.Sampler;
import glimp.gguf.Gguf;
import glimp.model.KvCache;
import glimp.model.Model;
import glimp.model.Warmup;
import glimp.route.Author;
import glimp.route.Drafting;
import glimp.route.LocalWriter;
import glimp.route.Policy;
import glimp.route.ReadAlong;
import glimp.route.Router;
import glimp.route.Writer;
import glimp.tensor.Team;
import glimp.text.ChatTemplate;
import glimp.text.Tokenizer;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/** The models of a run, loaded, with the team that they share. */
final class Session implements AutoCloseable {
    private static final int CONTEXT = 16384;
    private static final int MOST_THREADS = 1024;

    /** A loaded model, its context, and how it reads and writes text. */
    record Loaded(Path path, Gguf file, Model model, Context context, Tokenizer tokenizer, ChatTemplate template) {}

    final Team team;
    /** One, or the small one and the large one. */
    final List<Loaded> models = new ArrayList<>();
    /** Of the models that read along. */
    private final Map<Loaded, Follower> followers = new IdentityHashMap<>();

    /** @throws UsageException if there are more than two files */
    Session(List<Path> files, Options options, Terminal terminal) {
        if (files.size() > 2) {
            throw new UsageException("one model, or a small and a large one, not " + files.size());
        }
        int threads = options.count("--threads", 0);
        if (threads > MOST_THREADS) {
            throw options.bad("--threads", "at most " + MOST_THREADS);
        }
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
        Model model = Model.load(file, team, floatActivations(options));
        KvCache.Type keys = cacheType(options, "--cache-type-k"), values = cacheType(options, "--cache-type-v");
        Warmup warmup = Warmup.begin(model, keys, values);
        Tokenizer tokenizer = Tokenizer.of(file);
        int asked = options.count("--ctx-size", 0);
        int trained = model.config().contextLength();
        Context context = new Context(model, asked > 0 ? asked : Math.min(trained, CONTEXT), keys, values);
        Loaded loaded = new Loaded(path, file, model, context, tokenizer, ChatTemplate.of(file));
        warmup.await();
        return loaded;
    }

    static boolean floatActivations(Options options) {
        return options.choice("--activations", "auto", "float").equals("float");
    }

    static KvCache.Type cacheType(Options options, String flag) {
        return KvCache.Type.valueOf(options.choice(flag, "f32", "f16", "q8_0").toUpperCase(Locale.ROOT));
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

    /** What the models' caches hold: {@code caches: S f16 0.4 MB, L keys f16, values q8_0 2.1 MB}. */
    String caches() {
        StringBuilder text = new StringBuilder("caches:");
        for (Loaded each : models) {
            KvCache cache = each.context.cache();
            String keys = name(cache.keyType()), values = name(cache.valueType());
            text.append(text.charAt(text.length() - 1) == ':' ? "" : ",").append(pair() ? each == small() ? " S" : " L" : "").append(' ')
                    .append(keys.equals(values) ? keys : "keys " + keys + ", values " + values)
                    .append(String.format(Locale.ROOT, " %.1f MB", cache.bytes() / 1e6));
        }
        return text.toString();
    }

    private static String name(KvCache.Type type) {
        return type.name().toLowerCase(Locale.ROOT);
    }

    /** Tokens of the smaller context. */
    int capacity() {
        return Math.min(small().context.capacity(), large().context.capacity());
    }

    /** The loop of the method over both models; where they have one vocabulary, they share a tokenizer and hand over tokens. @throws UsageException if there is only one model */
    Router router(Settings settings) {
        if (!pair()) {
            throw new UsageException("this takes a small and a large model, and only " + small().path + " is named");
        }
        boolean oneVocabulary = small().tokenizer.sameVocabulary(large().tokenizer);
        boolean tokens = !settings.handOverText() && oneVocabulary;
        LocalWriter small = writer(small(), small().tokenizer, true, settings, lookup(settings), 0);
        Tokenizer tokenizer = tokens ? small().tokenizer : large().tokenizer;
        double weight = settings.drafts().are("lookup") ? 0 : (double) small().model.bytes() / large().model.bytes();
        Drafting drafting = drafting(settings.drafts(), small, tokenizer, oneVocabulary);
        LocalWriter large = writer(large(), tokenizer, true, settings, drafting, weight);
        if (tokens && settings.method().equals("glimp")) {
            boolean smallDrafts = drafting != null && !settings.drafts().are("lookup");   // then its cache is in step
            readAlong(large, large(), small, settings);
            if (!smallDrafts) {
                readAlong(small, small(), large, settings);
            }
        }
        Policy policy = switch (settings.method()) {
            case "large" -> new Policy.Alone(Author.LARGE, large);
            case "small" -> new Policy.Alone(Author.SMALL, small);
            default -> new Policy.Glimp(small, large, settings.tau());
        };
        return new Router(policy, small, large, settings.answerSmall() ? small : large, settings.limits());
    }

    /** Auto: where the team leaves a core free, since on one of the team's the reader would only take turns with the writer. */
    private void readAlong(LocalWriter reader, Loaded model, LocalWriter writer, Settings settings) {
        if (settings.catchUp().equals("on")) {
            writer.readBy(reader, follower(model), ReadAlong.always());
        } else if (settings.catchUp().equals("auto") && team.size() < Cores.physical()) {
            writer.readBy(reader, follower(model), ReadAlong.measured());
        }
    }

    private Follower follower(Loaded model) {
        return followers.computeIfAbsent(model, m -> new Follower(m.context));
    }

    /** Who drafts for the large model; null: nobody. */
    private static Drafting drafting(Drafts drafts, LocalWriter small, Tokenizer large, boolean oneVocabulary) {
        if (drafts.are("model") && !oneVocabulary) {
            throw new UsageException("--draft model needs models of one vocabulary, and these have two: use --draft text or --draft lookup");
        }
        return switch (drafts.by()) {
            case "lookup" -> Drafting.lookup();
            case "text" -> Drafting.text(small, large);
            case "none" -> null;
            case null, default -> oneVocabulary ? Drafting.model(small) : null;
        };
    }

    /** The only model, which thinks if its format has thinking in it. */
    Writer alone(Settings settings) {
        if (settings.drafts().are("model") || settings.drafts().are("text")) {
            throw new UsageException("--draft " + settings.drafts().by() + " needs a second model that drafts: use --draft lookup");
        }
        return writer(small(), small().tokenizer, small().template.thinks(), settings, lookup(settings), 0);
    }

    private static Drafting lookup(Settings settings) {
        return settings.drafts().are("lookup") ? Drafting.lookup() : null;
    }

    /** @param weight time of a drafted token as a share of the model's own pass, before it is measured */
    private static LocalWriter writer(Loaded model, Tokenizer tokenizer, boolean think, Settings settings, Drafting drafting, double weight) {
        Drafts drafts = settings.drafts();
        Pace pace = drafts.fixed() ? Pace.fixed(drafts.most()) : Pace.adaptive(drafts.most(), weight, !drafts.repeatable());
        return new LocalWriter(model.context, tokenizer, model.template, new Sampler(settings.sampling()), think, settings.glimpseTopK(), drafting, pace);
    }

    /** Takes up what the models had read when it was saved; nothing where there is no such file yet. */
    void restore(Path file) {
        try {
            if (Files.exists(file)) {
                ContextFile.load(file, contexts());
            }
        } catch (IOException e) {
            throw new FailureException("cannot read " + file + ": " + Input.reason(e));
        }
    }

    /** Saves what the models have read. */
    void save(Path file) {
        try {
            ContextFile.save(file, contexts());
        } catch (IOException e) {
            throw new FailureException("cannot write " + file + ": " + Input.reason(e));
        }
    }

    private List<ContextFile.Entry> contexts() {
        return models.stream().map(model -> new ContextFile.Entry(model.file, model.context)).toList();
    }

    @Override
    public void close() {
        followers.values().forEach(Follower::close);
        team.close();
    }
}
