"""A strategy's name can hold its settings, and they are what it runs with."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pools
import pytest

from ddal_jax.experiments.build import build, check
from ddal_jax.experiments.catalog import entry
from ddal_jax.experiments.header import header
from ddal_jax.experiments.presets import EXPERIMENTS
from ddal_jax.experiments.run import run
from ddal_jax.experiments.variations import WeighedDiffusion
from ddal_jax.networks.architectures import MLP
from ddal_jax.query import QuerySettings
from ddal_jax.strategies import Diffusion, Pool

BOARD = EXPERIMENTS["fig3"].runs[0]
TINY = dataclasses.replace(
    BOARD,
    strategies=("random",),
    network=MLP(widths=(4,)),
    num_seeds=2,
    budget=20,
    query_size=8,
    training=dataclasses.replace(BOARD.training, num_epochs=1, minibatch_size=8),
)


def _made(name):
    return entry(name).make(BOARD, 2)


def test_words_in_a_name_change_graph_and_query_and_nothing_else():
    plain, made = _made("diffusion"), _made("diffusion:num_steps=8:ties=coverage:num_rediffusions=3:symmetrize=none")

    assert made.graph == dataclasses.replace(plain.graph, num_steps=8, symmetrize="none")
    assert made.settings == dataclasses.replace(plain.settings, ties="coverage", num_rediffusions=3)
    assert type(made) is Diffusion


def test_none_stands_for_the_rule():
    config = dataclasses.replace(BOARD, query=QuerySettings(num_rediffusions=4))

    assert entry("diffusion:num_rediffusions=none:num_steps=none").make(config, 2) == Diffusion(
        num_classes=2, graph=dataclasses.replace(BOARD.graph, num_steps=None), settings=QuerySettings()
    )


def test_the_query_size_of_a_name_leaves_the_labels_between_two_retrainings():
    config = dataclasses.replace(TINY, strategies=("diffusion", "diffusion:query_size=2"), num_sub_batches=2)

    settings = build(config).settings

    assert [(own.query_size, own.num_sub_batches) for own in settings.values()] == [(8, 2), (2, 8)]


def test_a_weight_of_one_is_the_rule_itself_and_others_pick_otherwise():
    labels, labeled = pools.random_labels(60, 6, 2)
    known = jnp.asarray(np.where(labeled, labels, -1), jnp.int32)
    pool = Pool(jnp.asarray(pools.gaussian(60, 2)), None, None, known, jnp.asarray(labeled))
    key = jax.random.key(3)

    def ask(weight):
        strategy = WeighedDiffusion(num_classes=2, graph=_made("diffusion:num_steps=3").graph, pick_weight=weight)
        return np.asarray(strategy.query(key, strategy.prepare(key, pool), pool, query_size=12).indices).tolist()

    plain = Diffusion(num_classes=2, graph=_made("diffusion:num_steps=3").graph)
    alone = np.asarray(plain.query(key, plain.prepare(key, pool), pool, query_size=12).indices).tolist()

    assert ask(1.0) == alone
    assert ask(0.0) != alone
    assert _made("diffusion:pick_weight=0.3").pick_weight == 0.3


def test_headers_say_what_the_name_stands_for():
    trial = build(dataclasses.replace(TINY, strategies=("diffusion:pick_weight=3:num_neighbors=7",)))

    (said,) = header(trial).strategies.values()

    assert said["kind"] == "WeighedDiffusion"
    assert said["settings"]["pick_weight"] == 3
    assert said["settings"]["graph"]["num_neighbors"] == 7


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("diffusion:steps=3", "strategies may vary diffusion by num_neighbors, .*got no 'steps' in"),
        ("diffusion:num_steps=3:num_steps=4", "got a word twice"),
        ("diffusion:num_steps=many", "num_steps must be a whole number in the strategy .*got 'many'"),
        ("diffusion:pick_weight=", "pick_weight must be a number"),
        ("diffusion:pick_weight=-1", "pick_weight must be at least 0 and finite; got -1.0"),
        ("diffusion:num_steps=-1", "num_steps must be at least 0; got -1"),
        ("diffusion:ties=index", "ties must be one of 'random', 'coverage', 'wide_coverage'; got 'index'"),
        ("diffusion:pick_weight=2:diversity=none", "pick_weight goes with diversity=redistribute only; got 'none'"),
        ("diffusion:query_size=3", "query_size must divide the 8 labels of a cycle; got 3"),
        ("diffusion:query_size=0", "query_size must divide the 8 labels of a cycle; got 0"),
        ("margin:num_steps=3", "strategies must be one of .*got 'margin:num_steps=3'"),
    ],
)
def test_names_that_cannot_be_read_are_refused_before_anything_is_loaded(name, message):
    with pytest.raises(ValueError, match=message):
        check(dataclasses.replace(TINY, strategies=(name,)))


@pytest.mark.slow
def test_seeds_start_where_they_are_told_to():
    first = build(dataclasses.replace(TINY, num_seeds=3))
    later = build(dataclasses.replace(TINY, num_seeds=1, first_seed=2))

    np.testing.assert_array_equal(first.tasks.inputs[2], later.tasks.inputs[0])
    np.testing.assert_array_equal(first.states.chosen[2], later.states.chosen[0])
    assert [record.seed for finished in run(later) for record in finished.records] == [2] * len(later.counts)
