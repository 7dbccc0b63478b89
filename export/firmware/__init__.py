"""Target `firmware`: an int8 TFLite model as C99 for microcontrollers."""
