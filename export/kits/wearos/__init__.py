"""The Wear OS kit: a Gradle project with the signal code in Java and the encoder in C or LiteRT."""
