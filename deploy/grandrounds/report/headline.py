"""The run in one sentence: who gained, and who did not."""

from dataclasses import dataclass

from grandrounds.report.numbers import Change, change, counted, listed
from grandrounds.results import Comparison, Results

_NAMED = 5
"""More sites than this are counted, not named."""


@dataclass(frozen=True)
class Headline:
    """A sentence for all, and one that keeps it in proportion."""

    main: str
    aside: str


def headline(results: Results) -> Headline:
    """Say who gained on its own held-out rows, in balanced accuracy."""
    changes = {name: balanced(site.own) for name, site in results.sites.items()}
    parts = [_moved(changes, "gain", "gained"), _moved(changes, "loss", "lost")]
    parts += [_same(results, changes), _without(changes)]
    main = _sentence("; ".join(part for part in parts if part))
    if results.stopped:
        main = f"The run ended early ({results.stopped}). {main}"
    return Headline(main, _aside(results))


def headline_of(results: Results, name: str) -> Headline:
    """Say the same of one site."""
    site = results.sites[name]
    found = balanced(site.own)
    if found.kind == "undefined":
        main = f"{name} has no figures of its own in this run"
    elif found.kind == "same" and not site.adopted:
        main = f"{name} kept the model it had"
    else:
        verbs = {"gain": "gained", "loss": "lost", "same": "moved by"}
        points = found.text.lstrip("+\N{MINUS SIGN}")
        main = (
            f"{name} {verbs[found.kind]} {points} points of balanced accuracy "
            "on its own held-out rows"
        )
    received = counted(site.received, "virtual row")
    aside = f"It received {received}; its model stands on {site.adopted:,} of them."
    noted = f"On the way: {site.reason}." if site.reason else ""
    return Headline(f"{main}.", " ".join(part for part in (aside, noted) if part))


def balanced(part: Comparison) -> Change:
    """Change in balanced accuracy from the first to the last model."""
    return change(part.before.balanced_accuracy, part.after.balanced_accuracy)


def _moved(changes: dict[str, Change], kind: str, verb: str) -> str:
    moved = {name: found.text for name, found in changes.items() if found.kind == kind}
    if not moved:
        return f"no site {verb}"
    if len(moved) > _NAMED:
        return f"{counted(len(moved), 'site')} {verb}"
    names = [f"{name} ({text})" for name, text in moved.items()]
    names[0] = names[0].replace(")", " points)")
    return f"{listed(names)} {verb}"


def _same(results: Results, changes: dict[str, Change]) -> str:
    same = [name for name, found in changes.items() if found.kind == "same"]
    old = [name for name in same if not results.sites[name].adopted]
    new = [name for name in same if results.sites[name].adopted]
    parts = []
    if old:
        parts.append(f"{_who(old)} kept the {'model it' if len(old) == 1 else 'models they'} had")
    if new:
        parts.append(f"{_who(new)} adopted a model that does equally well")
    return "; ".join(parts)


def _without(changes: dict[str, Change]) -> str:
    without = [name for name, found in changes.items() if found.kind == "undefined"]
    if not without:
        return ""
    has = "has" if len(without) == 1 else "have"
    return f"{_who(without)} {has} no figures of {'its' if len(without) == 1 else 'their'} own"


def _who(names: list[str]) -> str:
    return listed(names) if len(names) <= _NAMED else counted(len(names), "site")


def _sentence(text: str) -> str:
    # a site's name at the start keeps its spelling
    return f"{text[0].upper() + text[1:] if text.startswith('no ') else text}."


def _aside(results: Results) -> str:
    sites = [site.federation for site in results.sites.values()]
    pairs = [
        (part.after.balanced_accuracy, part.ensemble.balanced_accuracy)
        for part in sites
        if part.after.balanced_accuracy is not None and part.ensemble.balanced_accuracy is not None
    ]
    if not pairs:
        return ""
    gained = sum(balanced(part).kind == "gain" for part in sites)
    lost = sum(balanced(part).kind == "loss" for part in sites)
    ahead = sum(ensemble > after for after, ensemble in pairs)
    return (
        f"On the held-out rows of all sites together, {gained} of {len(pairs)} models improved "
        f"and {lost} got worse. Simply averaging all first models beats "
        f"{ahead} of the {len(pairs)} models that sites ended with."
    )
