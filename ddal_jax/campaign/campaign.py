"""A campaign of labelling from Python, with the words of the command."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from os import PathLike
from pathlib import Path
from sqlite3 import Connection
from typing import TYPE_CHECKING, Any

from ddal_jax import checks
from ddal_jax.campaign import folders, ingestion, label_files, store
from ddal_jax.campaign.ingestion import Ingested, Undone
from ddal_jax.campaign.pool_paths import pool_path

# What needs JAX is imported where it is used, so that labels are taken in at once.
if TYPE_CHECKING:
    from ddal_jax.campaign.beginning import Begun
    from ddal_jax.campaign.exports import Exported
    from ddal_jax.campaign.replays import Replay
    from ddal_jax.campaign.rounds import Round
    from ddal_jax.campaign.simulation import Simulation

_PathLike = str | PathLike[str]


class Campaign:
    """A campaign in a folder. Nothing is kept open or in memory between calls, and several processes may use one.

    Attributes:
      folder: where it is.
      begun: what `init` took in, columns and labels; None of a campaign that was opened.
    """

    def __init__(self, folder: _PathLike = "campaign") -> None:
        """Opens a campaign.

        Raises:
          ValueError: `folder` holds none.
        """
        self.folder = Path(folder)
        self.begun: Begun | None = None
        with store.opened(self.folder):
            pass

    @classmethod
    def init(
        cls,
        pool: _PathLike,
        folder: _PathLike = "campaign",
        *,
        labels: _PathLike | None = None,
        ids: str | None = None,
        classes: Sequence[str] | None = None,
        seed: int = 0,
    ) -> "Campaign":
        """Begins a campaign; its folder is there whole or not at all.

        Args:
          pool: .npy, .npz, .parquet or .csv; it stays where it is.
          folder: new or empty.
          labels: a file of labels known already, taken in as by `ingest`.
          ids: a column or array of the pool, or a file; by default the pool's own column `id`, or row numbers.
          classes: all there are; by default those that labels name, at any time.
          seed: decides ties, in [0, 2^32 - 1].

        Raises:
          ValueError: bad files or settings; nothing is written then.
          TypeError: `classes` is a single string.
        """
        from ddal_jax.campaign.beginning import begin

        begun = begin(
            Path(pool),
            Path(folder),
            labels=None if labels is None else Path(labels),
            ids=None if ids is None else str(ids),
            classes=classes,
            seed=seed,
        )
        campaign = cls(folder)
        campaign.begun = begun
        return campaign

    def next(
        self,
        num: int,
        *,
        metric: str | None = None,
        num_neighbors: int | None = None,
        num_steps: int | None = None,
        symmetrize: str | None = None,
        criterion: str | None = None,
        diversity: str | None = None,
        ties: str | None = None,
        num_rediffusions: int | None = None,
        num_refine_steps: int | None = None,
        soft_labels: bool = False,
        ask_again: bool = False,
    ) -> "Round":
        """Asks for the points to label next, and writes them to a numbered folder.

        Points asked before are not asked again while they are waited for, and those near them wait too, unless
        `ask_again` takes them as never asked, as after a batch that was abandoned. Settings are those of
        `ddal_jax.suggest`; None is the default, whatever earlier rounds were given. Until the next round, `status`,
        `export` and `map` look with the settings of this one. A last batch shrinks to what is left.

        Raises:
          ValueError: bad settings, or a pool that is not what it was.
          NothingLeft: every point is labelled, ignored or waited for.
          OSError: the disk is full; no round was asked then.
        """
        from ddal_jax.campaign import rounds
        from ddal_jax.campaign.settings import settings_from

        with self._record() as connection:
            settings = settings_from(
                checks.integer("num", num, low=1), store.facts(connection).pool.rows,
                metric=metric, num_neighbors=num_neighbors, num_steps=num_steps, symmetrize=symmetrize,
                criterion=criterion, diversity=diversity, ties=ties, num_rediffusions=num_rediffusions,
                num_refine_steps=num_refine_steps, soft_labels=soft_labels, ask_again=ask_again,
            )  # fmt: skip
            return rounds.ask(connection, self.folder, settings)

    def ingest(self, labels: _PathLike, *, columns: Mapping[str, str] | None = None) -> Ingested:
        """Takes in a file of labels, all of it or nothing.

        The last word counts: the same file again changes nothing, unless later ingests changed votes of it, which then
        stand again as the file says.

        Args:
          labels: a table with columns id, label and, where they are, annotator and action, as CSV or JSON; or a
            labelling tool's export.
          columns: names of these columns where they are others, such as `{"label": "answer"}`.

        Raises:
          ValueError: names the file, the line and a remedy.
          OSError: the disk is full; nothing changed then.
        """
        with self._record() as connection:
            classes = store.facts(connection).classes
            found = label_files.read_labels(Path(labels), columns=columns or {}, classes=classes)
            return ingestion.ingest(connection, found)

    def undo(self) -> Undone:
        """Takes back the last ingest that still stands; labels given at the start come last.

        Raises:
          NothingLeft: no ingest is left.
        """
        with self._record() as connection:
            return ingestion.undo(connection)

    def status(self) -> dict[str, Any]:
        """Returns where the campaign stands, by the last round's settings, ready for JSON; see `reports.status`."""
        from ddal_jax.campaign import reports

        with self._record() as connection:
            return reports.status(connection, self.folder)

    def export(
        self,
        path: _PathLike | None = None,
        *,
        format: str = "csv",
        number: int | None = None,
        fields: _PathLike | None = None,
        show: str | None = None,
    ) -> "Exported":
        """Writes labels and propagated labels of the whole pool, all votes, or a round as tasks of a labelling tool.

        Labels are propagated by the settings of the last round, or the defaults before the first.

        Args:
          path: of the file; by default `export.csv`, `votes.csv` or `tasks.json` in the campaign's folder.
          format: "csv", "votes" or "labelstudio", which writes a `labeling_config.xml` beside the tasks, but leaves
            one that is there and differs.
          number: of the round whose tasks are written; by default the last.
          fields: table (.csv, .jsonl, .parquet) of ids and what else their tasks are to hold, such as a text.
          show: "KIND:FIELD", what a labeller sees, such as "Image:address"; by default the first of `fields` as text.

        Raises:
          ValueError: an unknown format, an option that it does not have, a bad table; nothing is written then.
          NothingLeft: tasks before the first round.
          OSError: the file cannot be written.
        """
        from ddal_jax.campaign import exports

        how = exports.FORMATS[checks.choice("format", format, exports.FORMATS)]
        options = {"number": number, "fields": None if fields is None else Path(fields), "show": show}
        given = {name: value for name, value in options.items() if value is not None}
        for name in given:
            if name not in how.options:
                raise ValueError(f"{name} must be left out with format {format!r}; it goes with 'labelstudio'.")
        target = self._output(path, how.file)
        with self._record() as connection:
            return how.write(connection, self.folder, target, **given)

    def map(self, path: _PathLike | None = None, *, layout: str = "pca", color: str = "predicted") -> Path:
        """Draws the pool as one interactive page, with the points of the last round marked, by that round's settings.

        Args:
          path: of the page; by default `map.html` in the campaign's folder.
          layout: "pca", or "diffusion" for the leading eigenvectors of the graph.
          color: what the points show at first: "predicted", "reach" or "score".

        Raises:
          ValueError: an unknown layout or colour, or a pool that is not what it was.
        """
        from ddal_jax.campaign import pictures

        target = self._output(path, "map.html")
        with self._record() as connection:
            return pictures.draw_map(connection, self.folder, target, layout=layout, color=color)

    def replay(self, number: int) -> "Replay":
        """Computes a round again from the log as it stood then, and compares.

        Raises:
          ValueError: there is no such round, or the pool is not what it was.
        """
        from ddal_jax.campaign import replays

        with self._record() as connection:
            return replays.replay(connection, self.folder, checks.integer("number", number, low=1))

    @staticmethod
    def simulate(
        pool: _PathLike,
        labels: _PathLike,
        *,
        ids: str | None = None,
        strategies: Sequence[str] | None = None,
        num_seeds: int = 20,
        query_size: int = 20,
        budget: int | None = None,
        num_start: int | None = None,
        num_points: int | None = None,
        num_test: int | None = None,
        options: Mapping[str, Any] | None = None,
    ) -> "Simulation":
        """Labels a labelled pool again from the start, strategy by strategy; see `pool_simulation.simulate_pool`.

        Raises:
          ValueError: bad files, an unknown strategy or option, too few labels, sizes that do not fit.
        """
        from ddal_jax.campaign.labeled_pools import read_labeled_pool
        from ddal_jax.campaign.pool_simulation import simulate_pool
        from ddal_jax.campaign.trials import WantedSizes

        wanted = WantedSizes(
            num_seeds=num_seeds, query_size=query_size, budget=budget, num_start=num_start,
            num_points=num_points, num_test=num_test,
        )  # fmt: skip
        found = read_labeled_pool(pool, labels, ids=ids)
        return simulate_pool(found, strategies=strategies, wanted=wanted, options=options, name=Path(pool).stem)

    def about(self) -> dict[str, Any]:
        """Returns what the campaign is, without looking at its pool: sizes, where ids come from, rounds, votes."""
        with self._record() as connection:
            facts = store.facts(connection)
            votes = store.standing(connection, until=store.last_position(connection))
            return {
                "campaign": str(self.folder),
                "pool": facts.pool.rows,
                "columns": facts.pool.columns,
                "ids_from": facts.pool.ids_from,
                "classes": facts.classes,
                "seed": facts.seed,
                "rounds": len(store.rounds(connection)),
                "votes": sum(vote.action == store.SET for vote in votes),
            }

    def _output(self, path: _PathLike | None, usual: str) -> Path:
        """Returns where to write, or refuses a place that holds what the campaign stands on."""
        target = self.folder / usual if path is None else Path(path)
        if target.is_dir():
            raise ValueError(f"path must name a file; {str(target)!r} is a folder.")
        with self._record() as connection:
            pool = pool_path(self.folder, store.facts(connection).pool_path)
        folders.refuse_to_overwrite(self.folder, pool, target)
        return target

    @contextmanager
    def _record(self) -> Iterator[Connection]:
        with store.opened(self.folder) as connection:
            folders.clear_leftovers(connection, self.folder)
            yield connection
