package glimp.text;

/** Bytes of tokens in, whole characters out. */
public final class TextStream {

    public String push(byte[] bytes) {
        throw new UnsupportedOperationException();
    }

    public String finish() {
        throw new UnsupportedOperationException();
    }
}
