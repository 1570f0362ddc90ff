"""What became of a site's candidate, in words."""

_WHY = {
    "adopted": "the reviewers saw a gain",
    "no candidate": "nothing new to learn from",
    "teaches only": "it brought a finished model, which teaches and does not learn",
    "too few reviewers": "fewer than three sites could judge",
    "nobody reviewed": "no site had enough validation rows to judge",
    "no gain": "the reviewers saw no gain",
    "harmed by a peer": "the reviewers saw a gain, its own validation rows the harm of one peer",
    "vetoed by own rule": "too large a loss on its own validation rows, by its own rule",
}


def why(verdict: str) -> str:
    """Say why a candidate was adopted or not; a verdict that is not known stands as it is.

    >>> why("no gain"), why("something new")
    ('the reviewers saw no gain', 'something new')
    """
    return _WHY.get(verdict, verdict)
