"""Whether this container's program is well, for its healthcheck; exit code 0 or 1.

python3 -m grandrounds.running.health                   a program of Flower's, by gRPC
python3 -m grandrounds.running.health --edge DIR PORT   the edge, by HTTPS
"""

import sys
from pathlib import Path

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

ADDRESS = "127.0.0.1:9099"
"""Where a container's own check asks Flower whether it is well (gRPC)."""
SECONDS = 5.0


def serves() -> bool:
    """Whether Flower's health service says that it serves."""
    with grpc.insecure_channel(ADDRESS) as channel:
        try:
            reply = health_pb2_grpc.HealthStub(channel).Check(
                health_pb2.HealthCheckRequest(), timeout=SECONDS
            )
        except grpc.RpcError:
            return False
    return bool(reply.status == health_pb2.HealthCheckResponse.SERVING)


def main(arguments: list[str]) -> int:
    """Check what the arguments name."""
    match arguments:
        case []:
            return 0 if serves() else 1
        case ["--edge", folder, port]:
            from grandrounds.running.addresses import answers  # noqa: PLC0415 (one side only)

            return 0 if answers(f"localhost:{port}", Path(folder) / "tls" / "ca.pem") else 1
        case _:
            sys.stderr.write(__doc__ or "")
            return 2


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
