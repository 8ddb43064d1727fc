"""Ports for the broker: the one that was asked for if it is free, else free ones."""

import errno
import random
import socket

from services.broker.configuration import HOST
from services.runtime.errors import UserError

# Below the ports that Linux gives to outgoing connections (32768 and up): one of those could take the port of a broker that is
# being restarted, even a client that tries to reach it (TCP connects a socket to itself when both ports are the same).
FREE_PORTS = range(20000, 32000)
TRIES = 200


def check_port(port: int) -> None:
    """Raise UserError unless a server can listen on this port of the loopback address."""
    if not 0 < port < 65536:
        raise UserError(f"port {port} is not between 1 and 65535")
    try:
        _bind(port).close()
    except OSError as exc:
        raise UserError(f"port {port} on {HOST} {_why(exc)}; choose another, or none to have a free one found") from exc


def free_ports(count: int) -> list[int]:
    """So many different free ports of the loopback address. Raises UserError when there are not enough."""
    held: list[socket.socket] = []
    try:
        for port in random.sample(FREE_PORTS, TRIES):
            try:
                held.append(_bind(port))
            except OSError:
                continue
            if len(held) == count:
                return [server.getsockname()[1] for server in held]
    finally:
        for server in held:
            server.close()
    raise UserError(f"no free port on {HOST} from {FREE_PORTS.start} to {FREE_PORTS.stop - 1}; stop other servers or name a port")


def _bind(port: int) -> socket.socket:
    server = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as Java does: connections in TIME_WAIT do not count
        server.bind((HOST, port))
    except OSError:
        server.close()
        raise
    return server


def _why(error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return "is in use by another program"
    if error.errno == errno.EACCES:
        return "may only be used by root"
    return f"cannot be used ({error.strerror})"
