"""Named experiments. Fixed before they were run; what the paper does not say is our choice and said so here."""

from ddal_jax.experiments.config import RunConfig
from ddal_jax.pool_graph import GraphSettings
from ddal_jax.query import QuerySettings
from ddal_jax.training import TrainSettings

# The paper's MNIST network and training (appendix c) and K, on scikit-learn's digits. Start, batch and budget are ours.
DIGITS = RunConfig(
    data="digits",
    strategies=("random", "margin", "diffusion"),
    widths=(100, 50),
    batch_norm=True,
    training=TrainSettings(num_epochs=100, minibatch_size=8, optimizer="adam", learning_rate=1e-3),
    graph=GraphSettings(num_neighbors=10),
    query=QuerySettings(criterion="min_abs", diversity="none"),
    start_per_class=2,
    query_size=20,
    budget=200,
    num_seeds=20,
)

# The paper's checkerboard network, training, start and K (appendix b, g). Batch and budget are ours.
CHECKERBOARD = RunConfig(
    data="checkerboard",
    strategies=("random", "margin", "diffusion"),
    widths=(30, 30),
    batch_norm=False,
    training=TrainSettings(num_epochs=100, minibatch_size=1, optimizer="sgd", learning_rate=1e-3, momentum=0.9),
    graph=GraphSettings(num_neighbors=10),
    query=QuerySettings(criterion="min_abs", diversity="none"),
    start_per_class=4,
    query_size=10,
    budget=208,
    num_seeds=4,
)

PRESETS = {"digits": DIGITS, "checkerboard": CHECKERBOARD}
