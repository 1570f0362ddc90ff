"""What is measured: a teacher as its peers get it, and the pairs it has to write about."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from grandrounds.bench.pairs import Pairs, missing
from grandrounds.bench.rows import SIDE, Labelled, car, digits, heart
from grandrounds.bench.setting import SEED
from grandrounds_client.learners import make_learner
from grandrounds_client.release import export
from grandrounds_client.teacher import Teacher
from grandrounds_client.vet import vet


@dataclass(frozen=True)
class Kind:
    """Rows and the learner that is trained on them.

    Attributes
    ----------
    network : bool
        The authors have Adam for it; for all else the swarm.
    lessons : bool
        Whether the pairs are a row's own class only, where the teacher is right about it.
    """

    rows: Callable[[], Labelled]
    learner: str
    parameters: Mapping[str, object]
    network: bool = False
    lessons: bool = False


KINDS: dict[str, Kind] = {
    "tree": Kind(heart, "tree", {}),
    "naive-bayes": Kind(heart, "naive-bayes", {}),
    "svm": Kind(heart, "svm", {}),
    "logistic": Kind(heart, "logistic", {}),
    "mlp": Kind(heart, "mlp", {}, network=True),
    "forest": Kind(heart, "forest", {}),
    "boosting": Kind(heart, "boosting", {}),
    "wide-tree": Kind(car, "tree", {}),
    # fewer, larger steps than the default: training is not what is measured
    "wide-net": Kind(car, "mlp", {"hidden": [512], "epochs": 4, "batch": 128}, network=True),
    # one pass over the rows, so that hundreds of lessons are left to give
    "images": Kind(
        digits, "cnn", {"shape": [SIDE, SIDE, 1], "epochs": 1}, network=True, lessons=True
    ),
    "images-any": Kind(digits, "cnn", {"shape": [SIDE, SIDE, 1], "epochs": 4}, network=True),
}


@dataclass(frozen=True)
class Workload:
    """One teacher and its instances.

    Attributes
    ----------
    says : str
        What it is, for people.
    """

    name: str
    says: str
    network: bool
    teacher: Teacher
    pairs: Pairs


def workload(name: str, pairs: int) -> Workload:
    """Train, release and vet the model, and draw its pairs."""
    kind = KINDS[name]
    x, y, says = kind.rows()
    (learner,) = make_learner(kind.learner, kind.parameters, "bench")
    width, classes = x.shape[1], int(y.max()) + 1
    fitted = learner.fit(x, y, classes=classes, weight=None, seed=SEED)
    teacher = vet(
        export(fitted, np.arange(width, dtype=np.int64), width),
        name="bench",
        algorithm=learner.algorithm,
        width=width,
        classes=classes,
    )
    drawn = missing(teacher, x, y if kind.lessons else None, pairs)
    says = f"{learner.algorithm}, {says}, {width} columns"
    return Workload(name, says, kind.network, teacher, drawn)
