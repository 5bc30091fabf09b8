"""The theory made executable: spectra, limits, cuts and how many queries they take."""
