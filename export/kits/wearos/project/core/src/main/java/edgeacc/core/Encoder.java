package edgeacc.core;

/** A network: a prepared window in, its embedding out. Any thread may call it, one at a time gets in. */
public interface Encoder extends AutoCloseable {
    /** For people, such as "C, int8". */
    String name();

    /**
     * @param scores standard scores (3, T)
     * @return the embedding
     * @throws WristProblem NO_MODEL, ENCODER_FAILED
     */
    float[] embed(float[][] scores) throws WristProblem;

    @Override
    void close();
}
