"""What judges the house's batch rule: seven tasks with a network in the loop, and an ablation.

All of this was fixed before its first run. The ablation uses the seeds from 0 on, as all experiments that the rule was
chosen on; the confirmation has seeds of its own. Those from 2000 on went into a first confirmation, with T by the
paper's rule alone, which showed what that costs on imbalanced classes.
"""

import dataclasses

from ddal_jax.experiments.config import DataSettings, RunConfig
from ddal_jax.experiments.tasks import BINARY_BOARD, DIGITS, MULTICLASS_BOARD, POKER
from ddal_jax.pool_graph import GraphSettings

_RIVALS = ("random", "margin", "badge", "coreset")
_OURS = ("diffusion-paper", "diffusion-plain", "diffusion")
_ONE_BY_ONE = "diffusion:num_rediffusions=20"  # R = B
_AS_THE_HOUSE_DOES = {"graph": GraphSettings()}
_CONFIRMED = {"first_seed": 3000, "num_seeds": 40, **_AS_THE_HOUSE_DOES}

_DIGITS = dataclasses.replace(DIGITS, strategies=(*_RIVALS, *_OURS, _ONE_BY_ONE), **_CONFIRMED)
_DIGITS_BY_FIFTY = dataclasses.replace(
    _DIGITS,
    task="digits, B = 50",
    strategies=(*_RIVALS, *_OURS, "diffusion:num_rediffusions=10", "diffusion:num_rediffusions=50"),
    query_size=50,
    budget=320,
)
_ODD_OR_EVEN = dataclasses.replace(
    _DIGITS, task="digits, odd or even", data=DataSettings(name="digits-odd-even"), start_per_class=5, budget=290
)
_IMBALANCED = dataclasses.replace(
    _DIGITS,
    task="imbalanced digits",
    data=DataSettings(name="digits-imbalanced"),
    start_per_class=0,
    num_start=20,
    budget=260,
)
# More held-out points than the paper's 200: fewer would add as much noise as the strategies differ.
_BINARY_BOARD = dataclasses.replace(
    BINARY_BOARD,
    data=DataSettings(name="checkerboard", num_test=2000),
    strategies=(*_RIVALS, "coreset-inputs", *_OURS),
    **_CONFIRMED,
)
_MULTICLASS_BOARD = dataclasses.replace(
    MULTICLASS_BOARD,
    data=DataSettings(name="checkerboard-multiclass", num_test=2000),
    strategies=(*_RIVALS, "coreset-inputs", *_OURS),
    budget=252,
    watch=(),
    **_CONFIRMED,
)
_POKER = dataclasses.replace(POKER, strategies=(*_RIVALS, *_OURS), **_CONFIRMED | {"num_seeds": 20})

CONFIRMATION: tuple[RunConfig, ...] = (
    _DIGITS, _DIGITS_BY_FIFTY, _ODD_OR_EVEN, _MULTICLASS_BOARD, _BINARY_BOARD, _IMBALANCED, _POKER,
)  # fmt: skip

ABLATION = dataclasses.replace(
    DIGITS,
    task="digits, parts of the rule",
    **_AS_THE_HOUSE_DOES,
    strategies=(
        "random",
        "diffusion-plain",
        "diffusion-coverage",
        "diffusion",
        _ONE_BY_ONE,
        f"{_ONE_BY_ONE}:ties=coverage",
        f"{_ONE_BY_ONE}:criterion=margin",
        f"{_ONE_BY_ONE}:criterion=min_abs",
        f"{_ONE_BY_ONE}:symmetrize=none",
        "diffusion-local-minima",
        "diffusion:num_rediffusions=5",
        "diffusion:query_size=1",
        f"{_ONE_BY_ONE}:num_steps=2",
        f"{_ONE_BY_ONE}:num_steps=4",
        f"{_ONE_BY_ONE}:num_steps=8",
        f"{_ONE_BY_ONE}:num_steps=12",
        f"{_ONE_BY_ONE}:num_neighbors=5",
        f"{_ONE_BY_ONE}:num_neighbors=20",
        f"{_ONE_BY_ONE}:pick_weight=0.3",
        f"{_ONE_BY_ONE}:pick_weight=3",
        f"{_ONE_BY_ONE}:space=inputs",
    ),
)
