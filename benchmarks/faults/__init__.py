"""Studies whose workers are killed, stopped and cut off, held against undisturbed ones."""
