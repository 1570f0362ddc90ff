"""Small teachers of every kind, made by hand, on rows that look like an encoded hospital."""

import numpy as np
import numpy.typing as npt
import torch
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import GaussianNB
from sklearn.neural_network import MLPClassifier
from sklearn.tree import DecisionTreeClassifier

from grandrounds_client.arrays import Labels, Probabilities, Rows
from grandrounds_client.teacher import Leaves, Teacher, TreeEnsemble
from grandrounds_protocol.layout import Layout
from grandrounds_protocol.schema import Categorical, Continuous, Feature, Ordinal

NAMES = ("tree", "logistic", "naive-bayes", "mlp", "forest", "mlp-black-box")


def features() -> tuple[Feature, ...]:
    numbers = [Continuous(name=f"n{at}", low=0, high=1) for at in range(10)]
    groups = [
        Categorical(kind="categorical", name=f"c{at}", categories=("a", "b", "c")[: 2 + at % 2])
        for at in range(5)
    ]
    ordinals = [
        Ordinal(kind="ordinal", name=f"o{at}", levels=tuple("vwxyz")[: 3 + at]) for at in range(3)
    ]
    return (*numbers, *groups, *ordinals)


def draw_rows(layout: Layout, n: int, rng: np.random.Generator) -> Rows:
    x = rng.beta(2, 2, (n, layout.width))
    for group in layout.one_hot_groups:
        width = group.stop - group.start
        x[:, group] = np.eye(width + 1)[rng.integers(0, 6 * width, n) % (width + 1)][:, :width]
    for column, levels in layout.ordinal_levels:
        x[:, column] = rng.integers(0, levels, n) / (levels - 1)
    return x.astype(np.float32)


def draw_labels(x: Rows, rng: np.random.Generator) -> Labels:
    weight = np.random.default_rng(3).normal(size=x.shape[1])
    score = (x - x.mean(axis=0)) @ weight + 1.5 * (x[:, 0] - 0.5) * (x[:, 1] > 0.5)
    noisy = score + rng.normal(size=len(x)) * 0.6
    y: Labels = (noisy > 0).astype(np.int32)
    return y


def leaves_of(tree: DecisionTreeClassifier) -> Leaves:
    """Boxes of a fitted tree, in float32: closed on both sides."""
    inner, boxes = tree.tree_, []
    width = inner.n_features

    def descend(node: int, lower: Rows, upper: Rows) -> None:
        if inner.children_left[node] < 0:
            value = inner.value[node, 0] / inner.value[node, 0].sum()
            boxes.append((lower, upper, value.astype(np.float32)))
            return
        column, threshold = inner.feature[node], inner.threshold[node]
        below = np.float32(threshold)
        if float(below) > threshold:
            below = np.nextafter(below, np.float32(-1))
        left, right = upper.copy(), lower.copy()
        left[column] = min(left[column], below)
        right[column] = max(right[column], np.nextafter(below, np.float32(2)))
        descend(inner.children_left[node], lower, left)
        descend(inner.children_right[node], right, upper)

    descend(0, np.zeros(width, np.float32), np.ones(width, np.float32))
    inside = [box for box in boxes if (box[0] <= box[1]).all()]
    return Leaves(*(np.stack(part) for part in zip(*inside, strict=True)))


def ensemble_of(forest: RandomForestClassifier) -> TreeEnsemble:
    """Boxes of a fitted forest's trees, whose mean is its answer."""
    trees = [leaves_of(tree) for tree in forest.estimators_]
    lower, upper = (np.concatenate([getattr(t, end) for t in trees]) for end in ("lower", "upper"))
    leaf, column = np.nonzero((lower > 0) | (upper < 1))
    votes = np.concatenate([t.probabilities for t in trees]) / np.float32(len(trees))
    return TreeEnsemble(
        tree=np.repeat(np.arange(len(trees)), [len(t.lower) for t in trees]).astype(np.int32),
        votes=votes.astype(np.float32),
        leaf=leaf.astype(np.int32),
        column=column.astype(np.int32),
        lower=lower[leaf, column],
        upper=upper[leaf, column],
        link=lambda scores: scores,
    )


def from_sklearn(model: object, x: Rows, **known: object) -> Teacher:
    """Make a black box, unless more is known of it."""

    def predict(rows: Rows) -> Probabilities:
        found: Probabilities = model.predict_proba(rows).astype(np.float32)  # type: ignore[attr-defined]
        return found

    columns = np.arange(x.shape[1])
    return Teacher("north", type(model).__name__, columns, 2, predict, **known)  # type: ignore[arg-type]


def from_torch(network: torch.nn.Module, width: int, classes: int = 2) -> Teacher:
    def predict(rows: Rows) -> Probabilities:
        with torch.no_grad():
            return network(torch.tensor(rows)).numpy()  # type: ignore[no-any-return]

    return Teacher(
        "south", type(network).__name__, np.arange(width), classes, predict, differentiable=network
    )


def linear(weight: npt.ArrayLike, bias: npt.ArrayLike) -> torch.nn.Linear:
    weight, bias = np.asarray(weight, np.float32), np.asarray(bias, np.float32)
    layer = torch.nn.Linear(weight.shape[1], weight.shape[0])
    with torch.no_grad():
        layer.weight.copy_(torch.tensor(weight))
        layer.bias.copy_(torch.tensor(bias))
    return layer


class NaiveBayesNetwork(torch.nn.Module):
    def __init__(self, model: GaussianNB) -> None:
        super().__init__()
        self.mean = torch.tensor(model.theta_, dtype=torch.float32)
        self.variance = torch.tensor(model.var_, dtype=torch.float32)
        self.prior = torch.tensor(model.class_prior_, dtype=torch.float32).log()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        apart = (x[:, None] - self.mean) ** 2 / self.variance + self.variance.log()
        return torch.softmax(self.prior - apart.sum(dim=2) / 2, dim=1)


def logistic_network(model: LogisticRegression) -> torch.nn.Module:
    weight = np.concatenate([-model.coef_, model.coef_]) / 2
    bias = np.concatenate([-model.intercept_, model.intercept_]) / 2
    return torch.nn.Sequential(linear(weight, bias), torch.nn.Softmax(dim=1))


def mlp_network(model: MLPClassifier) -> torch.nn.Module:
    (first, last), (first_bias, last_bias) = model.coefs_, model.intercepts_
    weight = np.concatenate([-last.T, last.T]) / 2
    bias = np.concatenate([-last_bias, last_bias]) / 2
    return torch.nn.Sequential(
        linear(first.T, first_bias), torch.nn.ReLU(), linear(weight, bias), torch.nn.Softmax(dim=1)
    )


def make_teacher(name: str, x: Rows, y: Labels) -> Teacher:
    if name == "tree":
        tree = DecisionTreeClassifier(min_samples_leaf=5, random_state=0).fit(x, y)
        return from_sklearn(tree, x, leaves=leaves_of(tree))
    if name == "logistic":
        return from_torch(logistic_network(LogisticRegression().fit(x, y)), x.shape[1])
    if name == "naive-bayes":
        return from_torch(NaiveBayesNetwork(GaussianNB(var_smoothing=0.02).fit(x, y)), x.shape[1])
    if name == "forest":
        forest = RandomForestClassifier(30, min_samples_leaf=5, random_state=0)
        return from_sklearn(forest.fit(x, y), x, ensemble=ensemble_of(forest))
    mlp = MLPClassifier((16,), "relu", solver="lbfgs", alpha=0.1, max_iter=2000, random_state=0)
    mlp.fit(x, y)
    return from_torch(mlp_network(mlp), x.shape[1]) if name == "mlp" else from_sklearn(mlp, x)
