package edgeacc.core;

/** The self-test of the signal code on a computer. */
public final class SelfTestMain {
    private SelfTestMain() {}

    /** Prints what it found; exit code 1 where it failed. */
    public static void main(String[] arguments) {
        SelfTest found = SelfTest.ofSignals();
        System.out.println(found);
        System.exit(found.passed() ? 0 : 1);
    }
}
