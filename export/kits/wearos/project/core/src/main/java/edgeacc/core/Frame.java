package edgeacc.core;

/**
 * How the sensor lies in the contract's frame: out[i] = sign[i] * raw[from[i]].
 *
 * <p>The contract's frame is that of a watch on the left wrist with its crown at the hand's side, face up +1 g: x towards
 * the hand, y up the screen, z out of it.
 */
public final class Frame {
    /** Whose axes: Apple's signs are the opposite of Android's on all three. */
    public enum Platform {
        APPLE,
        ANDROID
    }

    /** Of the wrist, or of the case's side with the crown. */
    public enum Side {
        LEFT,
        RIGHT
    }

    /** Samples that are in the contract's frame already. */
    public static final Frame SAME = new Frame(new int[] {0, 1, 2}, new float[] {1, 1, 1});

    final int[] from;
    final float[] sign;

    private Frame(int[] from, float[] sign) {
        this.from = from;
        this.sign = sign;
    }

    /**
     * The frame of a watch. A crown at the other side turns the case by 180 degrees; the right wrist is the left one's mirror
     * image.
     *
     * @throws WristProblem NO_FRAME where one of the three is not stated (null): it is asked, never guessed
     */
    public static Frame ofWatch(Platform platform, Side wrist, Side crown) throws WristProblem {
        if (platform == null || wrist == null || crown == null) {
            String lacking = platform == null ? "platform" : wrist == null ? "wrist" : "crown";
            throw new WristProblem(WristProblem.Kind.NO_FRAME, "the " + lacking + " is not stated; ask the wearer");
        }
        float up = platform == Platform.ANDROID ? 1 : -1;
        float turned = crown == Side.RIGHT ? up : -up;
        return new Frame(new int[] {0, 1, 2}, new float[] {wrist == Side.LEFT ? turned : -turned, turned, up});
    }
}
