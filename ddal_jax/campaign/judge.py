"""The judge of a simulation: logistic regression on the features, which sees labels alone and knows of no graph."""

import warnings
from typing import NamedTuple

import numpy as np
import sklearn.exceptions
import sklearn.linear_model
import sklearn.preprocessing
from jaxtyping import Float, Int

# More steps change few predictions; fits that stop here are judged as they are.
_MAX_STEPS = 200


class Grade(NamedTuple):
    """How well probabilities tell held-out points.

    Attributes:
      accuracy: share told rightly; where several classes are likeliest, each counts for its part.
      balanced_accuracy: mean over the classes held out of the share of each told rightly.
    """

    accuracy: float
    balanced_accuracy: float


def scaled(features: Float[np.ndarray, "n d"], others: Float[np.ndarray, "m d"]) -> tuple[np.ndarray, np.ndarray]:
    """Returns both with mean 0 and variance 1 in each column of the first: a pool's features need no labels."""
    scaler = sklearn.preprocessing.StandardScaler().fit(features)
    return np.asarray(scaler.transform(features)), np.asarray(scaler.transform(others))


def learnt_probabilities(
    features: Float[np.ndarray, "n d"],
    labels: Int[np.ndarray, " n"],
    *others: Float[np.ndarray, "_ d"],
    num_classes: int,
) -> list[Float[np.ndarray, "_ c"]]:
    """Learns from labelled points and returns class probabilities of others.

    A class without a label has probability 0. With labels of a single class it has probability 1; with none at all
    every class has the same.
    """
    known = np.unique(labels)
    if len(known) < 2:
        sure = np.full(num_classes, 1 / num_classes)
        if len(known):
            sure = (np.arange(num_classes) == known[0]).astype(np.float64)
        return [np.tile(sure, (len(points), 1)) for points in others]
    model = sklearn.linear_model.LogisticRegression(max_iter=_MAX_STEPS)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", sklearn.exceptions.ConvergenceWarning)
        model.fit(features, labels)
    found = []
    for points in others:
        probabilities = np.zeros((len(points), num_classes))
        probabilities[:, known] = model.predict_proba(points)
        found.append(probabilities)
    return found


def grade(probabilities: Float[np.ndarray, "m c"], labels: Int[np.ndarray, " m"]) -> Grade:
    """Judges probabilities by true labels."""
    likeliest = probabilities == probabilities.max(axis=1, keepdims=True)
    credit = likeliest[np.arange(len(labels)), labels] / likeliest.sum(axis=1)
    return grade_of_credit(credit, labels)


def grade_of_credit(credit: Float[np.ndarray, " m"], labels: Int[np.ndarray, " m"]) -> Grade:
    """Averages what each point is worth, 1 if told rightly and 0 if not, over points and over classes."""
    counts = np.bincount(labels)
    per_class = np.bincount(labels, weights=credit)[counts > 0] / counts[counts > 0]
    return Grade(float(credit.mean()), float(per_class.mean()))
