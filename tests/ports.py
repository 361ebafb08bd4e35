"""Ports for programs that take none of their own choice."""

import random
import socket

_BELOW_EPHEMERAL = range(10_000, 32_768)


def find_free_port() -> int:
    """A port of 127.0.0.1 that the system gives to no connection: nobody takes it before the program does.

    Nor does a client that knocks until the program listens connect to itself.
    """
    while True:
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port := random.choice(_BELOW_EPHEMERAL)))
            except OSError:
                continue
            return port


def is_answering(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port)).close()
    except ConnectionRefusedError:
        return False
    return True
