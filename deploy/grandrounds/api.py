"""The method without any federation: models and arrays that teach each other."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from grandrounds.estimator import EstimatorLearner, as_learner
from grandrounds.results import Results
from grandrounds.simulate import Simulation, check_drawn, check_known, simulate
from grandrounds.trial import check_learner, remembering
from grandrounds_client import state as kept
from grandrounds_client.arrays import Probabilities, Rows
from grandrounds_client.counterfactuals import Engine
from grandrounds_client.encoding import Encoded
from grandrounds_client.phases.teachers import teacher_of
from grandrounds_client.recipes import Recipe, find_recipe, works_on_drawn_seeds
from grandrounds_client.settings import SiteSettings
from grandrounds_client.site import Site
from grandrounds_client.state import State
from grandrounds_client.teacher import Teacher
from grandrounds_protocol.errors import BadInput
from grandrounds_protocol.instances import Bounds
from grandrounds_protocol.schema import Federation, Rules
from grandrounds_protocol.settings import check_settings

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Scale:
    """From the arrays' units to [0, 1] and back.

    Attributes
    ----------
    low, high : float64 [D]
    """

    low: npt.NDArray[np.float64]
    high: npt.NDArray[np.float64]

    def encode(self, x: Array) -> Rows:
        """Scale and clip; what is missing (NaN) becomes 0."""
        scaled = (np.asarray(x, dtype=np.float64) - self.low) / (self.high - self.low)
        return np.nan_to_num(np.clip(scaled, 0, 1)).astype(np.float32)

    def decode(self, x: Rows) -> npt.NDArray[np.float64]:
        """Values in the arrays' units."""
        values: npt.NDArray[np.float64] = self.low + x.astype(np.float64) * (self.high - self.low)
        return values


@dataclass(frozen=True)
class Model:
    """A site's model after the last round, in the units and labels of the arrays given."""

    teacher: Teacher
    scale: Scale
    classes: Array

    def predict_proba(self, x: Array) -> Probabilities:
        """Probabilities of `classes`, float32 [N, C], for rows [N, D]."""
        return self.teacher.predict_proba(self.scale.encode(x))

    def predict(self, x: Array) -> Array:
        """Return the likeliest label of each row."""
        return np.asarray(self.classes[self.predict_proba(x).argmax(axis=1)])


@dataclass(frozen=True)
class Outcome:
    """What came of it.

    Attributes
    ----------
    results : Results
        As `results.json`: before, after and ensemble on held-out rows.
    before, models : dict of str to Model
        Each site's model before the first lesson, and after the last round.
    lessons : dict of str to (float64 [n, D], labels [n])
        Virtual rows each site's final model stands on; none where it adopted nothing.
    """

    results: Results
    before: dict[str, Model]
    models: dict[str, Model]
    lessons: dict[str, tuple[npt.NDArray[np.float64], Array]]

    def summary(self) -> str:
        """One line a site: balanced accuracy on its own held-out rows, before and after."""
        lines = []
        for name, site in self.results.sites.items():
            figures = (site.own.before, site.own.after, site.own.ensemble)
            before, after, ensemble = (_share(metrics.balanced_accuracy) for metrics in figures)
            kept_rows = f"{site.adopted} lessons" if site.adopted else site.reason
            lines.append(f"{name}: {before} -> {after} (ensemble {ensemble}), {kept_rows}")
        return "\n".join(lines)


def _share(value: float | None) -> str:
    return "-" if value is None else f"{100 * value:.1f}"


def cooperate(
    sites: Mapping[str, tuple[Any, Array, Array]],
    *,
    recipe: str | Recipe = "guarded",
    engine: str | Engine = "auto",
    bounds: tuple[Sequence[float], Sequence[float]] | None = None,
    features: Sequence[str] | None = None,
    patients: bool = False,
    **rules: Any,
) -> Outcome:
    """Let the models of several sites teach each other (CKD alg. 1, with review).

    Parameters
    ----------
    sites : mapping of name to (learner, X, y)
        A learner is an unfitted scikit-learn classifier that can be exported without its
        rows (docs/researcher.md lists them), or a function `fit(x, y, weight, seed)` that
        returns a fitted one or a `Fitted`. X is [N, D] with
        the same D columns everywhere: NaN is missing, and a column of nothing but NaN is a
        feature that the site does not have. y holds labels of any kind.
    recipe : str or callable
        `paper`, `guarded`, `private`, or any `Recipe`. Those on drawn seeds take `bounds`:
        epsilon says nothing of bounds that were learned from rows.
    engine : str or callable
        `auto`, `exact`, `linear`, `adam`, `swarm`, or any `Engine`.
    bounds : (low, high), each of length D, optional
        Range of each column. By default the smallest and largest value at any site, which
        between real hospitals would tell of the patients who set them.
    features : sequence of str, optional
        Names of the columns.
    patients : bool
        Hold back what hospitals must: rows too near a patient, models that hold any.
    **rules
        Fields of `grandrounds_protocol.schema.Rules`: rounds, seed, alpha, held_out, ...

    Raises
    ------
    BadInput
        If the arrays do not fit together, a rule is out of range, or a learner's model
        cannot be released.
    Exception
        Whatever a recipe or engine passed in raises.
    """
    arrays = {name: (np.asarray(x, float), np.asarray(y)) for name, (_, x, y) in sites.items()}
    _check(arrays)
    scale = _scale(arrays, bounds)
    classes = np.unique(np.concatenate([y for _, y in arrays.values()]))
    federation = _federation(scale, classes, features, recipe, engine, rules)
    raised: list[Exception] = []
    recipes = {_name(recipe): remembering(recipe, raised)} if callable(recipe) else {}
    engines = {_name(engine): remembering(engine, raised)} if callable(engine) else {}
    check_known(federation.rules, recipes, engines)
    _check_bounds(recipe, bounds)
    opened = {
        name: Site(
            settings=_settings(name, as_learner(learner), patients, federation.rules),
            federation=federation,
            rows=_rows(*arrays[name], scale, classes),
            learners=(as_learner(learner),),
            store={},
            recipes=recipes,
            engines=engines,
            simulated=True,
        )
        for name, (learner, _, _) in sites.items()
    }
    check_drawn(opened)
    for site in opened.values():
        check_learner(site)
    simulation = Simulation(federation, opened)
    results = simulate(simulation, lambda *_: None)
    if raised:
        raise raised[0]
    return _outcome(simulation, results, scale, classes)


def _settings(name: str, learner: EstimatorLearner, patients: bool, rules: Rules) -> SiteSettings:
    table = {
        "name": name,
        "data": "array",
        "learner": learner.algorithm,
        "patients": patients,
        "privacy": {"budget": rules.privacy_epsilon},  # arrays have no history: one release
    }
    return check_settings(SiteSettings, table, f"site {name!r}")


def _check_bounds(
    recipe: str | Recipe, bounds: tuple[Sequence[float], Sequence[float]] | None
) -> None:
    chosen = recipe if callable(recipe) else find_recipe(recipe, "option recipe")
    if bounds is None and works_on_drawn_seeds(chosen):
        raise BadInput(
            f"recipe {_name(recipe)!r} needs bounds that no row had a say in",
            where="option bounds",
            remedy="give the lowest and highest value that each column can have",
        )


def _check(arrays: Mapping[str, tuple[Array, Array]]) -> None:
    if len(arrays) < 2:
        raise BadInput("at least two sites are needed", where="sites")
    width = next(iter(arrays.values()))[0].shape[-1]
    for name, (x, y) in arrays.items():
        if x.ndim != 2 or x.shape[1] != width or y.shape != (len(x),) or not len(x):
            raise BadInput(
                "X must be [N, D] with the same D at every site, and y [N]", where=f"site {name}"
            )
        if y.dtype.kind == "f" and np.isnan(y).any():
            raise BadInput(
                "a label is missing", where=f"site {name}", remedy="leave those rows out"
            )
        if len(np.unique(y)) < 2:
            raise BadInput("all rows are of one class", where=f"site {name}")


def _scale(
    arrays: Mapping[str, tuple[Array, Array]],
    bounds: tuple[Sequence[float], Sequence[float]] | None,
) -> Scale:
    if bounds is not None:
        return Scale(*(np.asarray(side, dtype=np.float64) for side in bounds))
    pooled = np.concatenate([x for x, _ in arrays.values()])
    empty = np.isnan(pooled).all(axis=0)
    low = np.where(empty, 0.0, np.nanmin(np.where(empty, 0.0, pooled), axis=0))
    high = np.nanmax(np.where(empty, 0.0, pooled), axis=0)
    return Scale(low, np.where(high > low, high, low + 1))


def _federation(
    scale: Scale,
    classes: Array,
    features: Sequence[str] | None,
    recipe: str | Recipe,
    engine: str | Engine,
    rules: Mapping[str, Any],
) -> Federation:
    names = features or [f"column {column}" for column in range(len(scale.low))]
    table = {
        "name": "cooperation",
        "label": "label",
        "classes": {f"class {index}": [str(label)] for index, label in enumerate(classes)},
        "features": [
            {"kind": "continuous", "name": name, "low": float(low), "high": float(high)}
            for name, low, high in zip(names, scale.low, scale.high, strict=True)
        ],
        "rules": {**rules, "recipe": _name(recipe), "engine": _name(engine)},
    }
    return check_settings(Federation, table, "grandrounds.cooperate")


def _name(given: Any) -> str:
    return given if isinstance(given, str) else str(getattr(given, "__name__", "callable"))


def _rows(x: Array, y: Array, scale: Scale, classes: Array) -> Encoded:
    columns = np.flatnonzero(~np.isnan(x).all(axis=0)).astype(np.int64)
    labels = np.searchsorted(classes, y).astype(np.int32)
    return Encoded(scale.encode(x), labels, columns, {}, {})


def _outcome(simulation: Simulation, results: Results, scale: Scale, classes: Array) -> Outcome:
    before, after, lessons = {}, {}, {}
    bounds = Bounds(len(scale.low), len(classes), len(simulation.sites))
    for name, site in simulation.sites.items():
        state = State(site.store, simulation.run_name)
        if state.get(kept.FIRST) is None:
            continue  # it failed; results say why
        before[name] = Model(teacher_of(site, state.need(kept.FIRST), name), scale, classes)
        after[name] = Model(teacher_of(site, state.need(kept.CURRENT), name), scale, classes)
        virtual = state.instances(kept.VIRTUAL, bounds)
        lessons[name] = (scale.decode(virtual.x), np.asarray(classes[virtual.y]))
    return Outcome(results, before, after, lessons)
