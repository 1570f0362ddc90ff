"""Which engine solves CKD eq. 2 for which teacher."""

from grandrounds_client.counterfactuals.adam import adam
from grandrounds_client.counterfactuals.boxes import boxes
from grandrounds_client.counterfactuals.exact import exact
from grandrounds_client.counterfactuals.linear import linear
from grandrounds_client.counterfactuals.problem import Engine
from grandrounds_client.counterfactuals.swarm import swarm
from grandrounds_client.teacher import Teacher
from grandrounds_protocol.errors import BadInput

ENGINES: dict[str, Engine] = {
    "exact": exact,
    "boxes": boxes,
    "linear": linear,
    "adam": adam,
    "swarm": swarm,
}


def choose(engine: str | Engine, teacher: Teacher, *, fallback: bool = False) -> tuple[str, Engine]:
    """Return the engine's name and the engine.

    "auto" goes by what the teacher's graph is, never by who sent it. With `fallback` it is
    also taken where the named engine cannot work with this teacher.

    Raises
    ------
    BadInput
        No engine has that name.
    """
    if not isinstance(engine, str):
        return getattr(engine, "__name__", type(engine).__name__), engine
    name = _fitting(teacher) if engine == "auto" else engine
    if name not in ENGINES:
        raise BadInput(
            f"there is no counterfactual engine {name!r}",
            where="engine",
            remedy=f"choose one of auto, {', '.join(ENGINES)}",
        )
    if fallback and not _fits(name, teacher):
        name = _fitting(teacher)
    return name, ENGINES[name]


def _fits(name: str, teacher: Teacher) -> bool:
    match name:
        case "exact":
            return teacher.leaves is not None
        case "boxes":
            return teacher.ensemble is not None
        case "linear" | "adam":
            return teacher.differentiable is not None
        case _:
            return True


def _fitting(teacher: Teacher) -> str:
    if teacher.leaves is not None:
        return "exact"
    if teacher.ensemble is not None:
        return "boxes"
    return "linear" if teacher.differentiable is not None else "swarm"
