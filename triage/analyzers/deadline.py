"""An end to an HTTP request, whatever the other side does."""

from __future__ import annotations

import socket
import threading


class Deadline:
    """Cuts the connection when its time is over.

    The client's own timeouts begin anew with every byte, so a server that drips would hold a worker for ever. Only a
    name that takes long to resolve is not cut off: the system's resolver has a limit of its own.
    """

    def __init__(self, seconds: float):
        """``seconds`` run from entering the context to leaving it."""
        self._timer = threading.Timer(seconds, self._cut)
        self._timer.daemon = True
        self._socket: socket.socket | None = None
        self.is_over = False

    def __enter__(self):
        self._timer.start()

    def __exit__(self, *error):
        self._timer.cancel()

    def trace(self, name: str, told: dict) -> None:
        """What the client calls at each step of a request (its ``trace`` extension): here the socket becomes known."""
        if name in ("connection.connect_tcp.complete", "connection.start_tls.complete", "proxy.start_tls.complete"):
            self._socket = told["return_value"].get_extra_info("socket")

    def _cut(self) -> None:
        self.is_over = True
        if self._socket is not None:
            try:
                # Not TLS's own shutdown, which would wait for the other side.
                socket.socket.shutdown(self._socket, socket.SHUT_RDWR)
            except OSError:
                return
