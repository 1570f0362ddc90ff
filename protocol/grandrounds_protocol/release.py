"""A model release: the public card and the ONNX graph, as one payload."""

import struct
from dataclasses import dataclass

from pydantic import ValidationError

from grandrounds_protocol.errors import BadModel
from grandrounds_protocol.records import ModelCard

_LENGTH = struct.Struct(">I")
_MAX_CARD_BYTES = 1 << 20


@dataclass(frozen=True)
class ModelRelease:
    """What a site releases: `onnx` reads float32 [N, D] and gives probabilities [N, C]."""

    card: ModelCard
    onnx: bytes

    def to_bytes(self) -> bytes:
        """Length of the card, the card as JSON, the graph."""
        card = self.card.model_dump_json().encode()
        return _LENGTH.pack(len(card)) + card + self.onnx

    @classmethod
    def from_bytes(cls, data: bytes) -> "ModelRelease":
        """Parse; the graph itself is not looked at here.

        Raises
        ------
        BadModel
            If the card is cut, too long or not well-formed.
        """
        if len(data) < _LENGTH.size:
            raise BadModel("the release is cut short")
        (length,) = _LENGTH.unpack_from(data)
        end = _LENGTH.size + length
        if length > _MAX_CARD_BYTES or end > len(data):
            raise BadModel("the release's card is cut short or too long")
        try:
            card = ModelCard.model_validate_json(data[_LENGTH.size : end])
        except (ValidationError, RecursionError):
            raise BadModel("the release's card is not well-formed") from None
        return cls(card, data[end:])
