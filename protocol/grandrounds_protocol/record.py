"""The base of everything on the wire, and the numbers it is made of."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Share = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
Count = Annotated[int, Field(ge=0)]
Digest = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
"""A SHA-256, hex."""


class Record(BaseModel):
    """Base of everything on the wire: frozen, unknown fields refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)
