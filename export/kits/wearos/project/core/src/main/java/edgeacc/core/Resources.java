package edgeacc.core;

import java.io.DataInputStream;
import java.io.FileNotFoundException;
import java.io.IOException;
import java.io.InputStream;

/** The kit's numbers: big-endian files beside the classes, written by edgeacc. */
final class Resources {
    private Resources() {}

    static boolean has(String name) {
        return Resources.class.getResource("/edgeacc/" + name) != null;
    }

    static InputStream open(String name) throws FileNotFoundException {
        InputStream found = Resources.class.getResourceAsStream("/edgeacc/" + name);
        if (found == null) {
            throw new FileNotFoundException("the kit's " + name + " is not in the app");
        }
        return found;
    }

    static float[] floats(DataInputStream in, int count) throws IOException {
        float[] values = new float[count];
        for (int i = 0; i < count; i++) {
            values[i] = in.readFloat();
        }
        return values;
    }
}
