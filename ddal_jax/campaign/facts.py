"""What was settled when a campaign began and never changes."""

import dataclasses
from collections.abc import Mapping
from typing import Any

ROW_NUMBERS = "row numbers"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Fingerprint:
    """What tells one pool from another.

    Attributes:
      rows: N.
      columns: d.
      dtype: as stored.
      sha256: of the features, row by row.
      ids_sha256: of the ids, in order.
      ids_from: where the ids came from: "row numbers", "column NAME" or "file NAME".
    """

    rows: int
    columns: int
    dtype: str
    sha256: str
    ids_sha256: str
    ids_from: str

    @property
    def id_column(self) -> str | None:
        """The column or array of the pool that the ids came from, None where they came from elsewhere."""
        return self.ids_from.removeprefix("column ") if self.ids_from.startswith("column ") else None


@dataclasses.dataclass(frozen=True, kw_only=True)
class Facts:
    """What a campaign stands on.

    Attributes:
      pool_path: where the pool lies, as kept; see `pool_paths`.
      pool: what it was.
      classes: names, where they are fixed, else None.
      seed: decides ties.
      begun: when, in UTC.
    """

    pool_path: str
    pool: Fingerprint
    classes: tuple[str, ...] | None
    seed: int
    begun: str

    @classmethod
    def from_json(cls, kept: Mapping[str, Any]) -> "Facts":
        """Returns facts from what `dataclasses.asdict` made of them and JSON kept."""
        classes = kept["classes"]
        return cls(
            pool_path=kept["pool_path"],
            pool=Fingerprint(**kept["pool"]),
            classes=None if classes is None else tuple(classes),
            seed=kept["seed"],
            begun=kept["begun"],
        )
