"""Ports: free ones are found, a busy one is named."""

import socket

import pytest

from services.broker.ports import FREE_PORTS, check_port, free_ports
from services.runtime.errors import UserError


def test_free_ports_differ_and_can_be_bound() -> None:
    ports = free_ports(3)
    assert len(set(ports)) == 3
    assert all(port in FREE_PORTS for port in ports)
    for port in ports:
        check_port(port)


def test_a_port_in_use_is_named() -> None:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        port = server.getsockname()[1]
        with pytest.raises(UserError, match=rf"port {port} on 127\.0\.0\.1 is in use by another program"):
            check_port(port)


def test_a_port_with_closing_connections_is_free() -> None:
    """A broker that is started again at once finds its port with connections in TIME_WAIT."""
    with socket.socket() as server:
        server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        server.bind(("127.0.0.1", 0))
        server.listen()
        port = server.getsockname()[1]
        with socket.create_connection(("127.0.0.1", port)) as client:
            accepted, _ = server.accept()
            accepted.close()
            assert client.recv(1) == b""
    check_port(port)


@pytest.mark.parametrize("port", [0, -1, 65536])
def test_what_is_no_port_is_refused(port: int) -> None:
    with pytest.raises(UserError, match="not between 1 and 65535"):
        check_port(port)
