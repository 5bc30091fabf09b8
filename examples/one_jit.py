"""A whole active-learning experiment under one `jax.jit`: train, build the graph, diffuse, score, select, repeat."""

import jax
import jax.numpy as jnp
import optax

import ddal_jax

NUM_POINTS, NUM_CLASSES, NUM_CYCLES, QUERY_SIZE, NUM_EPOCHS = 600, 3, 8, 5, 100
optimizer = optax.adam(1e-2)


def embed(params, x):
    """A network of one hidden layer: features, and logits on top of them."""
    features = jax.nn.relu(x @ params["hidden"] + params["bias"])
    return features, features @ params["out"]


def train(params, x, y, labeled):
    """Full-batch training; the mask keeps shapes fixed however many labels there are."""

    def loss(params):
        losses = optax.softmax_cross_entropy_with_integer_labels(embed(params, x)[1], y)
        return jnp.sum(losses * labeled) / jnp.sum(labeled)

    def step(carry, _):
        params, state = carry
        updates, state = optimizer.update(jax.grad(loss)(params), state)
        return (optax.apply_updates(params, updates), state), None

    return jax.lax.scan(step, (params, optimizer.init(params)), length=NUM_EPOCHS)[0][0]


@jax.jit
def experiment(key, params, x, y, labeled):
    """Returns the accuracy on the pool after each cycle, and which points were asked."""

    def cycle(carry, key):
        params, labeled = carry
        params = train(params, x, y, labeled)
        features, logits = embed(params, x)
        graph = ddal_jax.affinity(ddal_jax.knn_graph(features, num_neighbors=10))
        mass = ddal_jax.label_mass(y, labeled, num_classes=NUM_CLASSES)
        mass = ddal_jax.diffuse(graph, mass, labeled, num_steps=3)
        asked = ddal_jax.selection.lowest(key, ddal_jax.scores.min_abs(mass), labeled, query_size=QUERY_SIZE)
        return (params, labeled.at[asked].set(True)), (jnp.mean(logits.argmax(1) == y), asked)

    return jax.lax.scan(cycle, (params, labeled), jax.random.split(key, NUM_CYCLES))[1]


def main():
    """Three curved bands of points, one label each to start."""
    keys = jax.random.split(jax.random.key(0), 4)
    y = jnp.arange(NUM_POINTS) % NUM_CLASSES
    angle = jax.random.uniform(keys[0], (NUM_POINTS,), maxval=2.0) + 2.1 * y
    radius = 1 + angle / 4 + 0.1 * jax.random.normal(keys[1], (NUM_POINTS,))
    x = jnp.stack([radius * jnp.cos(angle), radius * jnp.sin(angle)], axis=1)
    params = {
        "hidden": jax.random.normal(keys[2], (2, 32)) / 2,
        "bias": jnp.zeros((1, 32)),
        "out": jnp.zeros((32, NUM_CLASSES)),
    }
    accuracy, asked = experiment(keys[3], params, x, y, jnp.arange(NUM_POINTS) < NUM_CLASSES)
    for cycle, (value, points) in enumerate(zip(accuracy, asked, strict=True)):
        print(f"cycle {cycle}: accuracy {value:.3f}, then asked {points.tolist()}")


if __name__ == "__main__":
    main()
