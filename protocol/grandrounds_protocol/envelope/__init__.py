"""Envelopes: bytes from one site that only the sites named can read, whoever carries them.

::

    seal ──> bytes ──> Sealed ──────> Letter ──> open_letter
                       for all        for one recipient, cut out by the coordinator,
                       recipients     who can read neither

    core      what everybody may know of it: run, round, phase, sender, size, times
    content   the payload, padded, under a key of its own (AES-256-GCM, core as associated data)
    wrap      that key, once per recipient (HPKE, RFC 9180, core as `info`)

The sender signs core, content and the Merkle root of the wrapped keys in one. A recipient gets
its own wrapped key with a proof. The core commits to the content key, so that one envelope
cannot show two readers two contents.
"""

from grandrounds_protocol.envelope.core import Core, Kind, Place, recipients_digest
from grandrounds_protocol.envelope.letter import Letter, open_letter
from grandrounds_protocol.envelope.sealed import Sealed, seal

__all__ = ["Core", "Kind", "Letter", "Place", "Sealed", "open_letter", "recipients_digest", "seal"]
