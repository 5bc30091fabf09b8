"""Figures, each a function of saved results. Needs the extra `figures`."""
