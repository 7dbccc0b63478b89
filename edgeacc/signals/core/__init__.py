"""The signal contract's arithmetic in C99, for firmware and watch kits, and the tables that it works with."""
