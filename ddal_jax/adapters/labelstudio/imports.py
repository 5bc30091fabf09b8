"""What Label Studio imports: the tasks of a batch, and the configuration of a project to label them in."""

import math
import xml.etree.ElementTree as ElementTree
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ddal_jax import checks

ID_FIELD = "pool_id"
CONTROL = "label"
OBJECTS = ("Text", "HyperText", "Image", "Audio", "Video")


def tasks(
    queries: Sequence[Mapping[str, Any]],
    *,
    model_version: str,
    fields: Mapping[str, Mapping[str, Any]] | None = None,
    control: str = CONTROL,
    shown: str = "item",
) -> list[dict[str, Any]]:
    """Makes the tasks of a batch, to be written as JSON and imported.

    Each task repeats the columns of its query in `data`, since Label Studio shows a prediction's score only while the
    project names its model version. The prediction chooses the predicted class where there is one; its score is the
    rank as a share of the largest, so that the point to label first has the lowest, which Label Studio serves first.

    Args:
      queries: rows of `queries.csv` or `queries.jsonl`: `id` and `rank` (from 1), and what else they tell.
      model_version: names the batch.
      fields: further data of each id, such as the text or the address of the image to show.
      control: name of the Choices in the labelling configuration.
      shown: name of what they are about.

    Raises:
      ValueError: a row without id or rank, an id twice, a rank below 1, an id that `fields` leaves out, fields that
        would overwrite a column or an answer.
    """
    ranks = [_rank(number, query) for number, query in enumerate(queries, start=1)]
    made: dict[str, dict[str, Any]] = {}
    for rank, query in zip(ranks, queries, strict=True):
        name = str(query["id"])
        if name in made:
            raise ValueError(f"queries must name each id once; got {name!r} again.")
        data = {ID_FIELD: name} | {key: _plain(value) for key, value in query.items() if key != "id"}
        data |= _own_fields(name, fields, taken={*data, "id", control})
        prediction = {"model_version": model_version, "score": rank / max(ranks), "result": []}
        predicted = _plain(query.get("predicted"))
        if predicted not in (None, ""):
            answer = {"from_name": control, "to_name": shown, "type": "choices", "value": {"choices": [str(predicted)]}}
            prediction["result"] = [answer]
        made[name] = {"data": data, "predictions": [prediction]}
    return list(made.values())


def _rank(number: int, query: Mapping[str, Any]) -> int:
    if "id" not in query or "rank" not in query:
        raise ValueError(f"queries must have an id and a rank each; row {number} has {', '.join(query) or 'nothing'}.")
    rank = query["rank"]
    # A table read as text has its ranks as text.
    return checks.integer("rank", int(rank) if isinstance(rank, str) and rank.isdecimal() else rank, low=1)


def _plain(value: Any) -> Any:
    """Returns a value that JSON knows: Python's own numbers, and None in place of NaN and infinity."""
    value = value.item() if isinstance(value, np.generic) else value
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _own_fields(name: str, fields: Mapping[str, Mapping[str, Any]] | None, taken: set[str]) -> dict[str, Any]:
    if fields is None:
        return {}
    if name not in fields:
        raise ValueError(f"fields must have an entry for every id asked; got none for {name!r}.")
    clash = sorted(taken & fields[name].keys())
    if clash:
        raise ValueError(f"fields must not be named as a column of the query or as the control; got {clash}.")
    return {key: _plain(value) for key, value in fields[name].items()}


def labeling_config(
    classes: Sequence[str], *, kind: str = "Text", field: str = ID_FIELD, control: str = CONTROL, shown: str = "item"
) -> str:
    """Writes the labelling configuration of a project in which one class is chosen for each point.

    Args:
      classes: what can be chosen.
      kind: what is shown: "Text", "HyperText", "Image", "Audio" or "Video".
      field: of the task's data, with the text or the address of it.
      control: name of the Choices, as in `tasks`.
      shown: name of what they are about, as in `tasks`.

    Raises:
      ValueError: no classes, or an unknown kind.
    """
    if not len(classes):
        raise ValueError("classes must name at least one class, since Label Studio takes no empty Choices; got none.")
    view = ElementTree.Element("View")
    ElementTree.SubElement(view, checks.choice("kind", kind, OBJECTS), name=shown, value=f"${field}")
    choices = ElementTree.SubElement(view, "Choices", name=control, toName=shown, choice="single", showInLine="true")
    for name in classes:
        ElementTree.SubElement(choices, "Choice", value=str(name))
    ElementTree.indent(view)
    return ElementTree.tostring(view, encoding="unicode") + "\n"
