"""Label Studio, by files: a ranked batch out as tasks with predictions, annotations in from any of its exports.

Nothing of Label Studio needs to be installed. Two of its habits shape the files. It serves the task with the lowest
prediction score first, so a score is the rank as a share of the batch. And two of its exports put its own number of a
task in place of a data field `id`, so the id of a point travels as `pool_id`.
"""

from ddal_jax.adapters.labelstudio.exports import Annotation, Placed, is_export, placed_annotations, read_annotations
from ddal_jax.adapters.labelstudio.imports import ID_FIELD, OBJECTS, labeling_config, tasks

__all__ = [
    "ID_FIELD", "OBJECTS", "Annotation", "Placed", "is_export", "labeling_config", "placed_annotations",
    "read_annotations", "tasks",
]  # fmt: skip
