"""Data sets: a loader each, NumPy arrays out; `catalog.load` opens any of them by name."""
