package glimp.text;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class TextStreamTest {

    private static final String TEXT = "aé€😀中 \u0301ẞ👩‍🚀z";

    @Test
    void givesWholeCharactersWhereverTheBytesAreCut() {
        byte[] bytes = TEXT.getBytes(StandardCharsets.UTF_8);
        for (int first = 0; first <= bytes.length; first++) {
            for (int second = first; second <= bytes.length; second++) {
                TextStream stream = new TextStream();
                String[] parts = {stream.push(Arrays.copyOfRange(bytes, 0, first)),
                    stream.push(Arrays.copyOfRange(bytes, first, second)),
                    stream.push(Arrays.copyOfRange(bytes, second, bytes.length)), stream.finish()};
                assertEquals(TEXT, String.join("", parts));
                assertEquals("", parts[3]);
                int whole = 0;
                for (String part : parts) {
                    whole += part.codePointCount(0, part.length());
                }
                assertEquals(TEXT.codePointCount(0, TEXT.length()), whole, "half a character was given");
            }
        }
    }

    @Test
    void givesACharacterWithItsLastByte() {
        TextStream stream = new TextStream();
        assertEquals("", stream.push(new byte[] {(byte) 0xF0}));
        assertEquals("", stream.push(new byte[] {(byte) 0x9F, (byte) 0x98}));
        assertEquals("😀x", stream.push(new byte[] {(byte) 0x80, 'x'}));
    }

    @Test
    void replacesBytesOnlyOnceTheyAreCertainlyInvalid() {
        TextStream stream = new TextStream();
        assertEquals("\uFFFD", stream.push(new byte[] {(byte) 0x80}));
        assertEquals("\uFFFD", stream.push(new byte[] {(byte) 0xFF}));
        assertEquals("", stream.push(new byte[] {(byte) 0xE2, (byte) 0x82}));
        assertEquals("\uFFFDa", stream.push(new byte[] {'a'}));
        assertEquals("", stream.push(new byte[] {(byte) 0xF0, (byte) 0x9F}));
        assertEquals("\uFFFD", stream.finish());
        assertEquals("b", stream.push(new byte[] {'b'}), "a finished stream begins anew");
    }

    @Test
    void givesWhatDecodingAllAtOnceGives() {
        Random random = new Random(5);
        for (int i = 0; i < 3000; i++) {
            byte[] bytes = new byte[random.nextInt(12)];
            for (int b = 0; b < bytes.length; b++) {
                bytes[b] = (byte) (random.nextInt(3) == 0 ? random.nextInt(128) : 128 + random.nextInt(128));
            }
            TextStream stream = new TextStream();
            StringBuilder text = new StringBuilder();
            for (byte b : bytes) {
                text.append(stream.push(new byte[] {b}));
            }
            assertEquals(new String(bytes, StandardCharsets.UTF_8), text.append(stream.finish()).toString(),
                    () -> Arrays.toString(bytes));
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"llama-spm", "gpt-2"})
    void assemblesCharactersFromByteTokens(String name) {
        Tokenizer tokenizer = Vocabularies.tokenizer(name);
        TextStream stream = new TextStream();
        StringBuilder text = new StringBuilder();
        int tokens = 0;
        for (int token : tokenizer.encode("\uD83E\uDEE0\uA66E", false)) {
            String part = stream.push(tokenizer.bytes(token));
            assertEquals(-1, part.indexOf('\uFFFD'));
            text.append(part);
            tokens++;
        }
        assertEquals("\uD83E\uDEE0\uA66E", text.append(stream.finish()).toString().strip());
        assertEquals(true, tokens > 2, "these characters should not be tokens");
    }
}
