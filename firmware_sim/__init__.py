"""The wearable simulator: compiled firmware on emulated cores. It arrives with its own release; see CHANGELOG."""
