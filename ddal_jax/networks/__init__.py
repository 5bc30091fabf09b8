"""Networks, seen by everything else as a pair of pure functions."""
