"""The edge as a site finds it: by TLS, with the certificate from the bundle and no other."""

import http.client
import ssl
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path

from cryptography import x509

from grandrounds.doctor.finding import Finding, failed, ok, warning
from grandrounds.provision.tls import read_certificate
from grandrounds_protocol.times import SKEW, spell
from grandrounds_protocol.transport import split_address

_SECONDS = 10
_SOON_DAYS = 30
_NOTABLE_SECONDS = 30


@dataclass(frozen=True)
class Met:
    """An edge that was reached.

    Attributes
    ----------
    certificate : x509.Certificate
        Its own; the root has vouched for it.
    date : str
        What it says the time is.
    """

    certificate: x509.Certificate
    date: str


def meet(address: str, root: Path) -> Met | Finding:
    """Ask the edge for its health; return what it said, or why it could not be asked.

    Raises
    ------
    BadInput
        If the root certificate is not there.
    """
    read_certificate(root)
    host, port = split_address(address)
    trusted = ssl.create_default_context(cafile=str(root))
    connection = http.client.HTTPSConnection(host, port, timeout=_SECONDS, context=trusted)
    try:
        connection.connect()
        sent = connection.sock.getpeercert(binary_form=True)
        connection.request("HEAD", "/health")
        reply = connection.getresponse()
        return Met(x509.load_der_x509_certificate(sent or b""), reply.getheader("Date", ""))
    except ssl.SSLCertVerificationError as error:
        return _not_vouched(address, error)
    except (ssl.SSLError, http.client.HTTPException):
        return failed(
            "edge",
            f"something answers at {address}, and it is no coordinator",
            "ask the operator whether host and port are right, and no proxy opens TLS on the way",
        )
    except OSError as error:
        return failed(
            "edge",
            f"{address} is not reached: {error.strerror or type(error).__name__}",
            "ask the operator whether it runs, at this host and port; open this one outbound port "
            "in the firewall",
        )
    finally:
        connection.close()


def _not_vouched(address: str, error: ssl.SSLCertVerificationError) -> Finding:
    mend = "ask the operator to run `grandrounds coordinator check`, and the authority for a bundle"
    says = f"the certificate of {address} is not what the bundle says: {error.verify_message}"
    return Finding(
        check="edge", state="refused", says=says, mend=f"connect to nobody there; {mend}"
    )


def check_edge(met: Met, address: str, now: int) -> Finding:
    """Look how long the certificate of an edge that was reached holds."""
    return check_expiry("edge", f"{address} is reached", met.certificate, now)


def check_expiry(check: str, says: str, certificate: x509.Certificate, now: int) -> Finding:
    """Look how long a certificate holds."""
    end = int(certificate.not_valid_after_utc.timestamp())
    start = int(certificate.not_valid_before_utc.timestamp())
    says = f"{says}, certificate until {spell(end)}"
    mend = "the operator: grandrounds coordinator renew DIR, and start the edge again"
    if not start <= now <= end:
        return failed(check, says, mend)
    if end - now < _SOON_DAYS * 86400:
        return warning(check, says, mend)
    return ok(check, says)


def check_clock(met: Met, now: int) -> Finding:
    """Compare this machine's clock with the edge's."""
    mend = "set the clock by the network (NTP)"
    try:
        there = parsedate_to_datetime(met.date)
    except ValueError:
        return warning("clock", "the edge did not say what time it is", mend)
    apart = abs(int((datetime.fromtimestamp(now, UTC) - there.astimezone(UTC)).total_seconds()))
    says = f"{apart} s from the edge's; {SKEW} s are allowed"
    if apart > SKEW:
        return failed("clock", says, mend)
    return warning("clock", says, mend) if apart > _NOTABLE_SECONDS else ok("clock", says)
