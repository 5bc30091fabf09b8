"""A round as tasks with predictions for Label Studio, and the configuration of a project to label them in."""

import contextlib
import json
import sqlite3
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from ddal_jax import checks
from ddal_jax.adapters import labelstudio
from ddal_jax.campaign import store
from ddal_jax.campaign.errors import NothingLeft
from ddal_jax.campaign.knowledge import current_state
from ddal_jax.campaign.replays import queries_of, recorded
from ddal_jax.campaign.task_fields import read_fields
from ddal_jax.disk import whole

CONFIGURATION = "labeling_config.xml"


class ExportedTasks(NamedTuple):
    """The files that were written.

    Attributes:
      path: of the tasks.
      rows: tasks in it.
      round: they are of.
      labeling_config: path of the configuration; None while no class is known, for which there is none.
      config_kept: whether another one was there already, which was left as it is, since it is meant to be edited.
      shown: kind and field of what the configuration shows, or would show, such as "Text:caption".
    """

    path: Path
    rows: int
    round: int
    labeling_config: Path | None
    config_kept: bool
    shown: str


def export_tasks(
    connection: sqlite3.Connection,
    campaign: Path,
    path: Path,
    *,
    number: int | None = None,
    fields: Path | None = None,
    show: str | None = None,
) -> ExportedTasks:
    """Writes a round as tasks, all of it, and beside them the labelling configuration; both are ready to be imported.

    A configuration that is there and differs was edited, or is of other classes or fields; it is left as it is.

    Args:
      connection: to the record.
      campaign: its folder.
      path: of the tasks.
      number: of the round; the last one if None.
      fields: table with a row for each id asked and further columns, such as the text or the address of the image.
      show: KIND:FIELD, what a labeller sees; by default the first column of `fields` as text, or else the id.

    Raises:
      ValueError: no such round, fields that lack an id or clash with those of the round, a kind or a field that is not
        there; nothing is written then.
      NothingLeft: no round has been asked.
      OSError: a file cannot be written.
    """
    if path.name == CONFIGURATION:
        raise ValueError(
            f"path must not be called {CONFIGURATION}, which is written beside the tasks; got {str(path)!r}."
        )
    if fields is not None and path.resolve() == fields.resolve():
        raise ValueError(f"path must not overwrite what the tasks' fields are read from; got {str(path)!r}.")
    if number is not None:
        checks.integer("number", number, low=1)
    asked = store.rounds(connection)
    if not asked:
        raise NothingLeft("no round has been asked yet; run `ddal next` first.")
    record = asked[-1] if number is None else recorded(connection, number)
    queries = queries_of(connection, campaign, record)
    ids = [query["id"] for query in queries]
    own = None if fields is None else read_fields(fields, ids, id_column=store.facts(connection).pool.id_column)
    made = labelstudio.tasks(queries, model_version=f"round {record.number}", fields=own)
    kind, field = _shown(show, own, made)
    classes = current_state(connection).classes
    beside = path.with_name(CONFIGURATION) if classes else None
    files = {path: _json(made)}
    config = labelstudio.labeling_config(classes, kind=kind, field=field).encode() if classes else b""
    kept = beside is not None and beside.exists() and beside.read_bytes() != config
    if beside is not None and not kept:
        files[beside] = config
    _write(files)
    return ExportedTasks(path, len(made), record.number, beside, kept, f"{kind}:{field}")


def _write(files: Mapping[Path, bytes]) -> None:
    """Writes files that belong together: none takes its name before there was room for all."""
    with contextlib.ExitStack() as stack:
        for path, content in files.items():
            file = stack.enter_context(whole(path))
            file.write(content)
            file.flush()


def _shown(
    show: str | None, fields: Mapping[str, Mapping[str, Any]] | None, made: Sequence[Mapping[str, Any]]
) -> tuple[str, str]:
    """Returns the kind and the field of what is shown, which each task must have."""
    first = next(iter(next(iter(fields.values()), {})), labelstudio.ID_FIELD) if fields else labelstudio.ID_FIELD
    kind, colon, field = (show or f"Text:{first}").partition(":")
    if not colon or not field or kind not in labelstudio.OBJECTS:
        raise ValueError(
            f"show must be KIND:FIELD, with one of {', '.join(labelstudio.OBJECTS)} for KIND, such as Text:caption; "
            f"got {show!r}."
        )
    for task in made:
        if field not in task["data"]:
            raise ValueError(
                f"show must name a field that every task has; {task['data'][labelstudio.ID_FIELD]!r} has no "
                f"{field!r} but {', '.join(task['data'])}."
            )
    return kind, field


def _json(made: Sequence[Mapping[str, Any]]) -> bytes:
    try:
        return (json.dumps(made, indent=1, ensure_ascii=False, allow_nan=False) + "\n").encode()
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"fields must hold text, numbers and lists of them, as JSON does: {error}. Write other columns as text."
        ) from error
