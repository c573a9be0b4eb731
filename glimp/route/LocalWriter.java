package glimp.route;

import glimp.decode.Context;
import glimp.decode.Decoder;
import glimp.decode.Drafter;
import glimp.decode.Distribution;
import glimp.decode.Follower;
import glimp.decode.Pace;
import glimp.decode.Sampler;
import glimp.route.Glimpse.Top;
import glimp.text.ChatTemplate;
import glimp.text.Message;
import glimp.text.Prompt;
import glimp.text.TextStream;
import glimp.text.Tokenizer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;

/**
 * A model on this machine as a writer.
 *
 * <p>It renders the chain in its own template and vocabulary and has its context advance to that token list: what the other
 * model wrote meanwhile is all that a switch costs. Parts in the same vocabulary are handed over as tokens, others as text.
 * The pass that gave a glimpse also gives the first token of a step, since the context keeps the logits. What it writes may
 * be drafted by somebody else and only verified here. Another writer may read along, see {@link #readBy}.
 */
public final class LocalWriter implements Writer {
    /** Tokens of a glimpse that are reported. */
    private static final int TOP = 5;

    private final Context context;
    private final Tokenizer tokenizer;
    private final ChatTemplate template;
    private final Decoder decoder;
    private final Drafting drafting;
    private final boolean think;
    private final int glimpseTopK;
    private final int endOfThinking;
    /** Who reads along; null: nobody. */
    private LocalWriter reader;
    /** Keeps this one's context up with what the other one writes, where that is wanted; both null: nobody does. */
    private Follower follower;
    private ReadAlong along;

    /** The chain in this model's tokens. */
    private int[] line = new int[256];
    private int length;
    private List<Message> prompted;
    /** The conversation that it was up to date with last. */
    private List<Message> reached;
    private int[] prompt;
    private final Map<Part, int[]> encoded = new IdentityHashMap<>();

    private long written, glimpses, switched, prompts;
    private double writeMs, glimpseMs, switchMs, promptMs;

    /** The chain in a model's tokens; only the first {@code length} count. */
    record Line(int[] tokens, int length) {}

    /** A writer that nobody drafts for. */
    public LocalWriter(Context context, Tokenizer tokenizer, ChatTemplate template, Sampler sampler, boolean think, int glimpseTopK) {
        this(context, tokenizer, template, sampler, think, glimpseTopK, null, Pace.fixed(0));
    }

    /**
     * @param think whether its turn begins with thinking
     * @param glimpseTopK entropy over the k most likely tokens, renormalised; 0: over the whole vocabulary
     * @param drafting who drafts for it; null: nobody
     * @param pace how much is drafted
     */
    public LocalWriter(Context context, Tokenizer tokenizer, ChatTemplate template, Sampler sampler, boolean think, int glimpseTopK,
            Drafting drafting, Pace pace) {
        this.context = context;
        this.tokenizer = tokenizer;
        this.template = template;
        this.decoder = new Decoder(context, sampler, pace);
        this.drafting = drafting;
        this.think = think;
        this.glimpseTopK = glimpseTopK;
        this.endOfThinking = tokenizer.token(template.endOfThinking());
    }

    /**
     * From now on, while this one writes a step, another one's context is kept up with it in the background.
     *
     * @param other with this one's tokenizer, and not one that drafts here: its context must be free meanwhile
     * @param follower of the other one's context
     * @param along whether it does so always, or where that pays
     */
    public void readBy(LocalWriter other, Follower follower, ReadAlong along) {
        if (other.tokenizer != tokenizer) {
            throw new IllegalArgumentException("a reader of another vocabulary");
        }
        reader = other;
        other.follower = follower;
        other.along = along;
    }

    @Override
    public Usage usage() {
        Decoder.Tally tally = decoder.tally();
        return new Usage(written, writeMs, glimpses, glimpseMs, switched, switchMs, prompts, promptMs, context.recomputed(),
                follower == null ? 0 : follower.followed(), tally.passes(), tally.drafted(), tally.accepted(), tally.savedMs());
    }

    @Override
    public Glimpse glimpse(Chain chain, Listener listener) {
        catchUp(chain, listener);
        long start = System.nanoTime();
        float[] logits = advance(listener);
        Distribution.Likely[] likely = Distribution.top(logits, Math.max(TOP, glimpseTopK));
        double entropy = glimpseTopK > 0 ? Distribution.entropy(Arrays.copyOf(likely, glimpseTopK)) : Distribution.entropy(logits);
        List<Top> top = new ArrayList<>();
        for (int i = 0; i < Math.min(TOP, likely.length); i++) {
            top.add(new Top(tokenizer.piece(likely[i].token()), likely[i].probability()));
        }
        double margin = likely.length > 1 ? likely[0].probability() - likely[1].probability() : 1;
        glimpses++;
        glimpseMs += since(start);
        return new Glimpse(entropy, margin, top);
    }

    @Override
    public Written write(Chain chain, Until until, Listener listener) {
        try {
            catchUp(chain, listener);
        } catch (CancelledException e) {
            return new Written(Part.text(""), Ending.CANCELLED, 0);
        }
        long start = System.nanoTime();
        Drafter drafter = drafting == null ? null : drafting.begin(chain, length);
        boolean step = until.delimiter() != null;   // behind an answer nobody goes on
        Writing writing = new Writing(until, listener, step ? beginReading(chain) : null);
        decoder.write(line, length, drafter, writing, progress(listener));
        double ms = since(start);
        written += writing.chosen;
        writeMs += ms;
        if (step && reader != null) {
            reader.along.wrote(writing.chosen, ms);
        }
        return writing.written();
    }

    @Override
    public void rest() {
        if (follower != null) {
            follower.take();
        }
    }

    /** Has the reader follow what is written behind the chain, if there is one and it pays. */
    private Follower beginReading(Chain chain) {
        if (reader == null || !reader.along.wanted()) {
            return null;
        }
        Line line = reader.line(chain);
        reader.follower.follow(line.tokens, line.length);
        return reader.follower;
    }

    /**
     * Writes the chain down in this model's tokens, and runs what is missing in the cache: what the other model wrote, or a
     * prompt. Where only the last token is missing, it is the caller's own and left to it: it is part of the next glimpse, or
     * of writing on.
     */
    private void catchUp(Chain chain, Listener listener) {
        long start = System.nanoTime();
        rest();
        render(chain);
        read(listener);
        if (along != null) {
            along.read(since(start), reached == chain.messages());
        }
        reached = chain.messages();
    }

    private void read(Listener listener) {
        int common = context.commonPrefix(line, Math.max(0, length - 1));
        int behind = length - 1 - common;
        if (behind <= 0) {
            return;
        }
        long start = System.nanoTime();
        advance(listener);
        double ms = since(start);
        int ofPrompt = Math.clamp(prompt.length - common, 0, behind);
        prompts += ofPrompt;
        promptMs += ms * ofPrompt / behind;
        switched += behind - ofPrompt;
        switchMs += ms * (behind - ofPrompt) / behind;
    }

    private float[] advance(Listener listener) {
        float[] logits = context.advance(line, length, progress(listener));
        if (logits == null) {
            throw new CancelledException();
        }
        return logits;
    }

    private static Context.Progress progress(Listener listener) {
        return (done, of) -> {
            listener.prefill(done, of);
            return !listener.cancelled();
        };
    }

    Context context() {
        return context;
    }

    Tokenizer tokenizer() {
        return tokenizer;
    }

    /** The chain as this model reads it; valid until the next call. */
    Line line(Chain chain) {
        render(chain);
        return new Line(line, length);
    }

    private void render(Chain chain) {
        if (prompted != chain.messages()) {
            prompted = chain.messages();
            prompt = prompt(prompted);
            encoded.clear();
        }
        length = 0;
        append(prompt);
        for (Part part : chain.parts()) {
            append(tokens(part));
        }
    }

    private int[] prompt(List<Message> messages) {
        Prompt text = template.render(messages, think);
        int[] tokens = tokenizer.encode(text);
        return tokenizer.addBos() ? tokenizer.withBos(tokens) : tokens;
    }

    private int[] tokens(Part part) {
        if (part.tokens() != null && part.vocabulary() == tokenizer) {
            return part.tokens();
        }
        return encoded.computeIfAbsent(part, p -> tokenizer.encode(p.text(), p.trusted()));
    }

    private void append(int... tokens) {
        if (line.length < length + tokens.length) {
            line = Arrays.copyOf(line, Math.max(2 * line.length, length + tokens.length));
        }
        System.arraycopy(tokens, 0, line, length, tokens.length);
        length += tokens.length;
    }

    private static double since(long start) {
        return (System.nanoTime() - start) / 1e6;
    }

    /** The part being written, behind the chain in {@link #line}. */
    private final class Writing implements Decoder.Sink {
        private final Until until;
        private final Listener listener;
        private final Follower reading;
        private final Segmenter segmenter;
        private final TextStream stream = new TextStream();
        private final int begin = length;
        private final int room;
        private int chosen;
        private int told;
        private Ending ending;

        /** @param reading the follower that reads along; null: nobody does */
        Writing(Until until, Listener listener, Follower reading) {
            this.until = until;
            this.listener = listener;
            this.reading = reading;
            this.segmenter = new Segmenter(until.delimiter(), until.endOfThinking());
            this.room = context.capacity() - until.reserve();
        }

        /** False when the token, or the state after it, ends the part. */
        @Override
        public boolean add(int token) {
            chosen++;
            if (tokenizer.isEnd(token)) {
                return end(Ending.END_OF_TURN);
            }
            if (token == endOfThinking && until.endOfThinking() != null) {
                return end(Ending.END_OF_THINKING);
            }
            append(token);
            if (reading != null) {
                reading.add(token);
            }
            Segmenter.Mark mark = segmenter.add(stream.push(tokenizer.bytes(token)));
            tell(segmenter.settled());
            return switch (mark) {
                case DELIMITER -> end(Ending.DELIMITER);
                case END_OF_THINKING -> end(Ending.END_OF_THINKING);
                case NONE -> chosen >= until.tokens() ? end(Ending.LIMIT)
                        : length >= room ? end(Ending.CONTEXT_FULL)
                        : listener.cancelled() ? end(Ending.CANCELLED)
                        : true;
            };
        }

        @Override
        public boolean endsDraft(int token) {
            return tokenizer.isEnd(token) || until.endOfThinking() != null && token == endOfThinking
                    || until.delimiter() != null && tokenizer.decode(token).contains(until.delimiter());
        }

        private boolean end(Ending why) {
            ending = why;
            return false;
        }

        private void tell(int to) {
            if (to > told) {
                listener.piece(segmenter.text().substring(told, to));
                told = to;
            }
        }

        /** Text and tokens up to where the step ends. What is left of a character that was not finished is dropped. */
        Written written() {
            tell(segmenter.end());
            int end = segmenter.end();
            Part all = new Part(segmenter.text() + stream.finish(), Arrays.copyOfRange(line, begin, length), tokenizer, false);
            return new Written(all.cut(end), ending, chosen);
        }
    }
}
