"""What a campaign leaves, by format: labels of the whole pool, all votes, or a round as tasks of a labelling tool."""

from collections.abc import Callable
from typing import NamedTuple

from ddal_jax.campaign.exported_labels import ExportedLabels, export_labels
from ddal_jax.campaign.exported_tasks import ExportedTasks, export_tasks
from ddal_jax.campaign.exported_votes import ExportedVotes, export_votes

Exported = ExportedLabels | ExportedVotes | ExportedTasks


class Format(NamedTuple):
    """One form of export.

    Attributes:
      file: its usual name.
      write: from the record, the campaign's folder, the path to write and the options.
      options: names of those it takes.
    """

    file: str
    write: Callable[..., Exported]
    options: tuple[str, ...] = ()


FORMATS = {
    "csv": Format("export.csv", export_labels),
    "votes": Format("votes.csv", export_votes),
    "labelstudio": Format("tasks.json", export_tasks, ("number", "fields", "show")),
}
