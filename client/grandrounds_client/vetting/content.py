"""Tell what a file is by its first bytes, without importing anything that could open it."""

from grandrounds_client.vetting.limits import Limits
from grandrounds_protocol.errors import BadModel

SIGNATURES = (
    (b"PK", "a zip archive (torch.save, skops and Keras write these)"),
    (b"\x1f\x8b", "a gzip archive (joblib writes these)"),
    (b"BZh", "a bzip2 archive (joblib writes these)"),
    (b"\xfd7zXZ", "an xz archive (joblib writes these)"),
    (b"\x28\xb5\x2f\xfd", "a zstandard archive"),
    (b"x\x01", "zlib data (joblib writes these)"),
    (b"x\x5e", "zlib data (joblib writes these)"),
    (b"x\x9c", "zlib data (joblib writes these)"),
    (b"x\xda", "zlib data (joblib writes these)"),
    (b"ZF0x", "a joblib file"),
    (b"\x93NUMPY", "a numpy file"),
    (b"\x89HDF", "an HDF5 file"),
    (b"\x80\x02", "a pickle (joblib and torch.save write these)"),
    (b"\x80\x03", "a pickle (joblib and torch.save write these)"),
    (b"\x80\x04", "a pickle (joblib and torch.save write these)"),
    (b"\x80\x05", "a pickle (joblib and torch.save write these)"),
    (b"(dp", "a pickle"),
    (b"(lp", "a pickle"),
    (b"c__", "a pickle"),
)
"""None of these is how a ModelProto can begin: a tag or its type would be unknown."""

REMEDY = "release the model as ONNX; nothing else is opened"


def check_content(data: bytes, limits: Limits) -> None:
    """Refuse what is empty, too large, or visibly another format.

    Raises
    ------
    BadModel
    """
    if not data:
        raise BadModel("the model is empty", where="file", remedy=REMEDY)
    if len(data) > limits.size:
        raise BadModel(
            f"the model is {len(data)} bytes long, {limits.size} are accepted",
            where="file",
            remedy="release a smaller model: prune the trees or narrow the network",
        )
    for signature, what in SIGNATURES:
        if data.startswith(signature):
            raise BadModel(f"the model is {what}, not ONNX", where="file", remedy=REMEDY)
