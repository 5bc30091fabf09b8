"""The pool as an interactive map: one HTML file that holds everything and loads nothing."""

from ddal_jax.maps.columns import Propagated
from ddal_jax.maps.layout import LAYOUTS
from ddal_jax.maps.map import COLORS, Asked, MapSettings, write_map

__all__ = ["COLORS", "LAYOUTS", "Asked", "MapSettings", "Propagated", "write_map"]
