"""What all figures share: matplotlib without a screen, one look, one way to save."""

from pathlib import Path
from typing import Any

try:
    import matplotlib
    import matplotlib.collections
    import matplotlib.colors
    import matplotlib.patches

    matplotlib.use("agg")
    import matplotlib.pyplot as plt
    import PIL.Image
except ImportError as error:
    raise ImportError('Figures need matplotlib: pip install "ddal-jax[figures]".') from error

__all__ = ["BOARD_STYLE", "CLASS_COLORS", "EARLY", "LATE", "PIL", "STYLE", "matplotlib", "plt", "save"]

EARLY, LATE = "#1b6ca8", "#d9305f"
# Of classes: told apart by the colour-blind too.
CLASS_COLORS = (
    "#1b6ca8",
    "#e08214",
    "#2a9d5c",
    "#8e4ba8",
    "#b5651d",
    "#d9305f",
    "#707070",
    "#9aa01a",
    "#1fa2b8",
    "#444",
)
STYLE: dict[Any, Any] = {
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.grid": True,
    "grid.alpha": 0.25,
    "font.size": 11,
    "legend.frameon": False,
    "figure.constrained_layout.use": True,
}
BOARD_STYLE: dict[Any, Any] = {**STYLE, "axes.grid": False}


def save(figure: Any, path: Path) -> None:
    """Writes a figure as PNG and lets go of it."""
    figure.savefig(path, dpi=130, bbox_inches="tight", pad_inches=0.1)
    plt.close(figure)
