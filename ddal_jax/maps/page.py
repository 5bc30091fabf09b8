"""The page of a map: our own few hundred lines of script and style, and the data, in one file.

A plotting library would put some megabytes of script into each file, slow down at tens of thousands of points that can
be hovered over, and could not refuse the network: here the page's own policy lets run nothing but this very script.
"""

import base64
import hashlib
import html
import importlib.resources
import json
import string
from collections.abc import Mapping
from typing import Any

import numpy as np

from ddal_jax.maps.colors import THEMES

_SCRIPTS = ("points.js", "picture.js", "controls.js")
_TYPES = {"float32": "Float32Array", "int32": "Int32Array", "uint8": "Uint8Array"}


def fill(told: Mapping[str, Any], *, title: str) -> bytes:
    """Returns the page; arrays of `told["columns"]` travel as little-endian bytes in base64, the rest as JSON."""
    columns = {name: _encoded(values) for name, values in told["columns"].items()}
    # Within a script element nothing but `<` can end it or begin another.
    data = json.dumps({**told, "columns": columns, "colors": THEMES}).replace("<", "\\u003c")
    style, script = _asset("map.css"), "".join(map(_asset, _SCRIPTS))
    page = string.Template(_asset("map.html")).substitute(
        title=html.escape(title),
        style=style,
        style_hash=_fingerprint(style),
        script=script,
        script_hash=_fingerprint(script),
        told=data,
    )
    return page.encode("utf-8")


def _encoded(values: np.ndarray) -> dict[str, str]:
    raw = values.astype(values.dtype.newbyteorder("<")).tobytes()
    return {"type": _TYPES[values.dtype.name], "data": base64.b64encode(raw).decode("ascii")}


def _asset(name: str) -> str:
    return importlib.resources.files("ddal_jax.maps").joinpath("assets", name).read_text(encoding="utf-8")


def _fingerprint(text: str) -> str:
    """Names a script or a style in the page's policy: no other runs, whatever the data hold."""
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode("utf-8")).digest()).decode("ascii")
