package glimp.route;

import glimp.route.Writer.Until;
import glimp.route.Writer.Written;

/** Who writes the next step: all that differs between one method and another. */
public interface Policy {

    /** Name of the method, as on the command line. */
    String name();

    /** Has the next step of the chain written. The chain is left as it is. */
    Step next(Chain chain, Until until, Listener listener);

    /**
     * GlimpRouter (arXiv 2601.05110): the small model looks at the step's first token. It is sure: it goes on, from the very
     * pass that told. It is not: the large model writes the step.
     *
     * @param tau threshold on H_init, nats
     */
    record Glimp(Writer small, Writer large, double tau) implements Policy {
        @Override
        public String name() {
            return "glimp";
        }

        @Override
        public Step next(Chain chain, Until until, Listener listener) {
            long start = System.nanoTime();
            Glimpse glimpse = small.glimpse(chain, listener);
            boolean sure = glimpse.entropy() <= tau;
            Author author = sure ? Author.SMALL : Author.LARGE;
            listener.stepBegins(author, glimpse);
            Written written = (sure ? small : large).write(chain, until, listener);
            return new Step(author, glimpse, written, (System.nanoTime() - start) / 1e6);
        }
    }

    /** One model writes every step: what the others are measured against. */
    record Alone(Author author, Writer writer) implements Policy {
        @Override
        public String name() {
            return author == Author.SMALL ? "small" : "large";
        }

        @Override
        public Step next(Chain chain, Until until, Listener listener) {
            long start = System.nanoTime();
            listener.stepBegins(author, null);
            Written written = writer.write(chain, until, listener);
            return new Step(author, null, written, (System.nanoTime() - start) / 1e6);
        }
    }
}
