"""Experiments: settings in, records out, one JSON line per seed and cycle."""
