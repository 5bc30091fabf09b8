"""Graphs over a pool: exact nearest neighbours, affinities, and the table that a random walk reads."""
