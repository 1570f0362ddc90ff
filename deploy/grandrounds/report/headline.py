"""The run in one sentence: who adopted what it was taught, who kept its model, and why."""

from collections.abc import Iterable
from dataclasses import dataclass

from grandrounds.report.numbers import MINUS, Change, change, counted, listed
from grandrounds.report.verdicts import why
from grandrounds.results import Comparison, Results, SiteResult

_NAMED = 5
"""More sites than this are counted, not named."""


@dataclass(frozen=True)
class Headline:
    """A sentence for all, and some that keep it in proportion."""

    main: str
    aside: str


@dataclass(frozen=True)
class _Parted:
    """Names of sites by what became of them, each in one list."""

    adopted: list[str]
    kept: list[str]
    without: list[str]
    """No figures of their own."""


def headline(results: Results) -> Headline:
    """Say who adopted, what it brought in balanced accuracy, and why others did not."""
    parted = _part(results)
    parts = [_adopters(results, parted.adopted), _keepers(parted), _without(parted.without)]
    main = _sentence("; ".join(part for part in parts if part))
    if results.stopped:
        main = f"The run ended early ({results.stopped}). {main}"
    asides = (_losers(results), _reasons(results, parted.kept), _rival(results))
    return Headline(main, _together(asides))


def headline_of(results: Results, name: str) -> Headline:
    """Say the same of one site."""
    site = results.sites[name]
    if balanced(site.own).kind == "undefined":
        main = f"{name} has no figures of its own in this run"
    elif site.adopted:
        main = f"{name} adopted what it was taught: {_brought(site)}"
    else:
        main = f"{name} kept the model it had{_because(site.verdict)}"
    received = counted(site.received, "virtual row")
    aside = f"It received {received}; its model stands on {site.adopted:,} of them."
    noted = f"On the way: {site.reason}." if site.reason else ""
    return Headline(f"{main}.", _together((aside, noted)))


def balanced(part: Comparison) -> Change:
    """Change in balanced accuracy from the first to the last model."""
    return change(part.before.balanced_accuracy, part.after.balanced_accuracy)


def _part(results: Results) -> _Parted:
    parted = _Parted([], [], [])
    for name, site in results.sites.items():
        if balanced(site.own).kind == "undefined":
            parted.without.append(name)
        else:
            (parted.adopted if site.adopted else parted.kept).append(name)
    return parted


def _adopters(results: Results, names: list[str]) -> str:
    if not names:
        return "no site adopted what it was taught"
    what = f"adopted what {'it was' if len(names) == 1 else 'they were'} taught"
    sites = {name: results.sites[name] for name in names}
    if len(names) > _NAMED:
        found = [balanced(site.own).kind for site in sites.values()]
        gained, lost = found.count("gain"), found.count("loss")
        return f"{_who(names)} {what}: on their own held-out rows {gained} gained and {lost} lost"
    first, *others = sites.items()
    told = [f"{first[0]} ({_brought(first[1])})"]
    told += [f"{name} ({', '.join(_points(site))})" for name, site in others]
    return f"{listed(told)} {what}"


def _brought(site: SiteResult) -> str:
    own, *everywhere = _points(site)
    return ", ".join(
        [f"{own} points on its own held-out rows"]
        + [f"{points} on those of all sites" for points in everywhere]
    )


def _points(site: SiteResult) -> list[str]:
    """Return the change at home, and everywhere if it is known: a coordinator is not told."""
    found = [balanced(site.own), balanced(site.federation)]
    return [found[0].text] + [each.text for each in found[1:] if each.kind != "undefined"]


def _keepers(parted: _Parted) -> str:
    if not parted.kept:
        return ""
    one = len(parted.kept) == 1
    return f"{_who(parted.kept)} kept the {'model it' if one else 'models they'} had"


def _without(names: list[str]) -> str:
    if not names:
        return ""
    one = len(names) == 1
    return f"{_who(names)} {'has' if one else 'have'} no figures of {'its' if one else 'their'} own"


def _losers(results: Results) -> str:
    found = {name: balanced(site.own) for name, site in results.sites.items()}
    lost = [name for name, each in found.items() if each.kind == "loss"]
    if not lost:
        return "Nobody lost on its own held-out rows."
    if len(lost) > _NAMED:
        return f"{_who(lost)} lost on their own held-out rows."
    told = [
        f"{name} lost {found[name].text.lstrip(MINUS)} points "
        f"on its own {counted(results.sites[name].own.after.n, 'held-out row')}"
        for name in lost
    ]
    return f"{'; '.join(told)}."


def _reasons(results: Results, kept: list[str]) -> str:
    """Say why, once for all sites that kept their models for the same reason."""
    said: dict[str, list[str]] = {}
    for name in kept:
        verdict = results.sites[name].verdict
        if verdict:
            said.setdefault(why(verdict), []).append(name)
    told = [f"by {_who(names)}: {reason}" for reason, names in said.items()]
    return f"Not adopted {'; '.join(told)}." if told else ""


def _because(verdict: str) -> str:
    return f": {why(verdict)}" if verdict else ""


def _rival(results: Results) -> str:
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


def _who(names: list[str]) -> str:
    return listed(names) if len(names) <= _NAMED else counted(len(names), "site")


def _sentence(text: str) -> str:
    # a site's name at the start keeps its spelling
    return f"{text[0].upper() + text[1:] if text.startswith('no ') else text}."


def _together(sentences: Iterable[str]) -> str:
    return " ".join(sentence for sentence in sentences if sentence)
