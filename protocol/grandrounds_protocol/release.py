"""A model release: the public card and the ONNX graph, as one payload."""

import struct
from dataclasses import dataclass

from pydantic import ValidationError

from grandrounds_protocol.errors import BadModel
from grandrounds_protocol.fault import field_at_fault
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
            If the card is cut, too long, not well-formed, or not written as `to_bytes` does.
        """
        if len(data) < _LENGTH.size:
            raise BadModel("the release is cut short", where="length of the card")
        (length,) = _LENGTH.unpack_from(data)
        end = _LENGTH.size + length
        if length > _MAX_CARD_BYTES or end > len(data):
            problem = "the release's card is cut short or too long"
            raise BadModel(problem, where="length of the card")
        text = data[_LENGTH.size : end]
        try:
            card = ModelCard.model_validate_json(text)
        except ValidationError as error:
            problem = "the release's card is not well-formed"
            raise BadModel(problem, where=f"card, field {field_at_fault(error)}") from None
        if card.model_dump_json().encode() != text:
            problem = "the card is not written as this protocol writes it, or a key stands twice"
            raise BadModel(problem, where="card")
        return cls(card, data[end:])
