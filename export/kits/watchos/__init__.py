"""The watchOS kit: a Swift package over the C core, with the network in Core ML or in C."""
