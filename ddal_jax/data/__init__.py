"""Data sets: a loader each, NumPy arrays out."""
