"""Labelling on a fixed graph, without a network: one label at a time, judged by what the labels say harmonically."""
