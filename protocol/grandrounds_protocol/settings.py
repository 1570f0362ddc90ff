"""From the text of a settings file to a checked model, or one readable message."""

import tomllib
from typing import TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from grandrounds_protocol.errors import BadInput


class Settings(BaseModel):
    """Base of everything a person writes: unknown fields are errors, nothing changes later."""

    model_config = ConfigDict(extra="forbid", frozen=True)


S = TypeVar("S", bound=BaseModel)
DOCS = "see docs/hospital.md for site.toml and docs/operator.md for federation.toml"


def parse_settings(model: type[S], text: str, source: str) -> S:
    """Read TOML `text` as `model`; `source` names the file in messages.

    Raises
    ------
    BadInput
        With the file, the first faulty field and what is expected there.
    """
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise BadInput(
            f"not valid TOML: {error}", where=source, remedy="correct the line named above"
        ) from None
    return check_settings(model, table, source)


def check_settings(model: type[S], table: object, source: str, remedy: str = DOCS) -> S:
    """Check an already parsed `table` as `model`; `source` and `remedy` go into messages.

    Raises
    ------
    BadInput
        With the file, the first faulty field and what is expected there.
    """
    try:
        return model.model_validate(table)
    except ValidationError as error:
        raise _first_problem(error, source, remedy) from None


def _first_problem(error: ValidationError, source: str, remedy: str) -> BadInput:
    found = error.errors(include_url=False, include_context=False)
    # a misspelt field is also a missing one: name the spelling first
    first = min(found, key=lambda problem: problem["type"] != "extra_forbidden")
    field = ".".join(str(part) for part in first["loc"]) or "the whole file"
    more = error.error_count() - 1
    also = f" (and {more} more)" if more else ""
    message = first["msg"].removeprefix("Value error, ")
    if first["type"] == "extra_forbidden":
        message = "unknown field"
    if first["type"] == "missing":
        message = "this field is required"
    return BadInput(
        f"{field}: {message}{also}",
        where=f"{source}, field {field}",
        remedy=remedy,
    )
