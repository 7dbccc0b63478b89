"""The C kit: the signal core, the compiled encoder and its self-test, for any C99 compiler."""
