"""Names out of hostile files, made fit to print."""

LONGEST = 40


def shown(name: str | bytes) -> str:
    r"""Return at most 40 characters of a name, everything but printable ASCII escaped.

    Examples
    --------
    >>> shown("Gemm")
    "'Gemm'"
    >>> shown("\x1b[2J" + "a" * 1000)
    "'\\x1b[2Jaaaaaaaaaaaaaaaaaaaaaaaaaaaaa..."
    """
    text = ascii(name[:LONGEST].decode("latin-1") if isinstance(name, bytes) else name[:LONGEST])
    return text if len(name) <= LONGEST and len(text) <= LONGEST else f"{text[: LONGEST - 3]}..."
