"""Cost against N and against K, log-log, with fitted slopes: a figure a kernel, device and size, a panel a setting."""

import itertools
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.growth import Series
from benchmarks.runner import OURS
from benchmarks.sizes import LETTERS
from ddal_jax.figures.palette import Look, looks
from ddal_jax.figures.style import STYLE, plt, save

# Ours looks in these figures as the house's strategy does in others.
_HOUSE = "diffusion"
_FLOOR = Look("#7F7F7F", ":", "")
_COLUMNS = 3


def draw(found: Sequence[Series], folder: Path) -> list[str]:
    """Writes the figures and returns their names."""
    folder.mkdir(parents=True, exist_ok=True)
    names = []
    for (kernel, device, parameter), lines in itertools.groupby(sorted(found, key=_figure_of), _figure_of):
        name = f"{kernel}-{parameter}-{_slug(device)}.png"
        _draw_figure(list(lines), f"{kernel} on {device}", parameter, folder / name)
        names.append(name)
    return names


def _figure_of(line: Series) -> tuple[str, str, str]:
    return line.kernel, line.device, line.parameter


def _draw_figure(lines: Sequence[Series], title: str, parameter: str, path: Path) -> None:
    settings = list(dict.fromkeys(line.others for line in lines))
    columns = min(_COLUMNS, len(settings))
    rows = -(-len(settings) // columns)
    known = looks([_HOUSE, *(line.method for line in lines if line.method != OURS)])
    with plt.rc_context(STYLE):
        size = (max(5.0, 4.4 * columns), 3.8 * rows)
        figure, all_axes = plt.subplots(rows, columns, figsize=size, squeeze=False, sharey=True)
        for axes, others in zip(all_axes.flat, settings, strict=False):
            for line in (line for line in lines if line.others == others):
                _draw_line(axes, line, known[_HOUSE if line.method == OURS else line.method])
            told = ", ".join(f"{LETTERS[name]} = {value}" for name, value in others)
            axes.set(xscale="log", yscale="log", xlabel=LETTERS[parameter], title=told)
            measured = sorted({value for line in lines for value in line.values})
            axes.set_xticks(measured, [f"{value:,}" for value in measured])
            axes.minorticks_off()
            axes.legend(fontsize=9)
        for axes in all_axes.flat[len(settings) :]:
            axes.set_axis_off()
        figure.supylabel("ms a call")
        figure.suptitle(title)
        save(figure, path)


def _draw_line(axes: Any, line: Series, look: Look) -> None:
    label = f"{line.method}: {LETTERS[line.parameter]}^{line.slope:.2f}"
    milliseconds = [1e3 * seconds for seconds in line.seconds]
    axes.plot(line.values, milliseconds, color=look.color, ls=look.line, marker=look.marker, label=label)
    if line.method == OURS:
        floors = [1e3 * floor for floor in line.floors]
        axes.plot(line.values, floors, color=_FLOOR.color, ls=_FLOOR.line, label="floor")


def _slug(text: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")
