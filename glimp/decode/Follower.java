package glimp.decode;

import glimp.model.Model;
import glimp.tensor.Products;
import glimp.tensor.Team;
import java.util.Arrays;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;

/**
 * Keeps a context up with a text that somebody else is writing, on a thread of its own, so that little is left to run when
 * the context is wanted.
 *
 * <p>It runs full batches of {@value Products#SMALL} tokens, since a batch takes about as long as one token, and never the
 * last token of the text, whose logits are the owner's to ask for. So a context that keeps pace lacks at most one small batch,
 * and a token gets the same bits here as it gets in any other small batch.
 *
 * <p>Who may touch the context: its owner, from {@link #take} to the next {@link #follow}. In between, this class: the thread
 * without the lock while {@code running}, whoever has the lock while not.
 */
public final class Follower implements AutoCloseable {
    private static final int BATCH = Products.SMALL;

    private final Context context;
    private final Model model;
    private final Thread thread;

    /** Guards everything below. */
    private final ReentrantLock lock = new ReentrantLock();
    private final Condition changed = lock.newCondition();
    /** The text; only the first {@code length} count. */
    private int[] text = new int[256];
    private int length;
    private boolean lent;
    private boolean running;
    private boolean closed;
    private Throwable thrown;
    private long followed;

    /** The context remains its owner's until {@link #follow}. */
    public Follower(Context context) {
        this.context = context;
        this.model = context.model().on(new Team(1));
        this.thread = Thread.ofPlatform().daemon().name("glimp-follower").unstarted(this::work);
        thread.start();
    }

    /**
     * The context is lent, to follow a text that begins with these tokens; may be called again with another text. Where the
     * context holds something else, that is cut.
     *
     * @param tokens only the first {@code count} of them count
     */
    public void follow(int[] tokens, int count) {
        lock.lock();
        try {
            if (text.length < count) {
                text = new int[Math.max(count, 2 * text.length)];
            }
            System.arraycopy(tokens, 0, text, 0, count);
            length = count;
            lent = true;
            if (!running) {
                align();
            }
        } finally {
            lock.unlock();
        }
    }

    /** The text goes on with this token. */
    public void add(int token) {
        lock.lock();
        try {
            if (length == text.length) {
                text = Arrays.copyOf(text, 2 * length);
            }
            text[length++] = token;
            signalWork();
        } finally {
            lock.unlock();
        }
    }

    /**
     * Gives the context back, after the batch in flight if there is one: it holds a beginning of the text. Does nothing if
     * the context has not been lent.
     *
     * @throws RuntimeException or an Error: what stopped the thread from following; the context is good nevertheless
     */
    public Context take() {
        lock.lock();
        try {
            lent = false;
            awaitBatch();
            Throwable was = thrown;
            thrown = null;
            switch (was) {
                case null -> { }
                case Error e -> throw e;
                case RuntimeException e -> throw e;
                default -> throw new IllegalStateException(was);
            }
            return context;
        } finally {
            lock.unlock();
        }
    }

    /** Tokens run here since it was made. */
    public long followed() {
        lock.lock();
        try {
            return followed;
        } finally {
            lock.unlock();
        }
    }

    /** Ends the thread after the batch in flight; {@link #take} still gives the context back. */
    @Override
    public void close() {
        lock.lock();
        try {
            closed = true;
            changed.signalAll();
            awaitBatch();
        } finally {
            lock.unlock();
        }
    }

    Thread thread() {
        return thread;
    }

    private void work() {
        int[] batch = new int[BATCH];
        while (begin(batch)) {
            Throwable failure = null;
            try {
                context.run(model, batch, 0, BATCH, 0);
            } catch (Throwable t) {
                failure = t;
            }
            end(failure);
        }
    }

    /** Waits for a batch to run; false when there will be none any more. */
    private boolean begin(int[] batch) {
        lock.lock();
        try {
            while (!closed && !due()) {
                changed.awaitUninterruptibly();
            }
            running = !closed;
            if (running) {
                System.arraycopy(text, context.length(), batch, 0, BATCH);
            }
            return running;
        } finally {
            lock.unlock();
        }
    }

    private void end(Throwable failure) {
        lock.lock();
        try {
            running = false;
            thrown = failure;
            followed += failure == null ? BATCH : 0;
            align();
            changed.signalAll();
        } finally {
            lock.unlock();
        }
    }

    /** Cuts from the context what is not of the text: the text may have become another one during a batch. */
    private void align() {
        context.cut(context.commonPrefix(text, length));
        signalWork();
    }

    private void signalWork() {
        if (!running && due()) {
            changed.signalAll();
        }
    }

    /** With no batch in flight: whether there is one to run. */
    private boolean due() {
        return lent && thrown == null && Math.min(length - 1, context.capacity()) - context.length() >= BATCH;
    }

    private void awaitBatch() {
        while (running) {
            changed.awaitUninterruptibly();
        }
    }
}
