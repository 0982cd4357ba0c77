"""A server on loopback that asks whoever comes for the password in the clear, and writes down all that it is sent.

With a certificate it is one of those that LDAP, PAM or a cloud's tokens stand behind: it asks within TLS.
"""

import contextlib
import socket
import ssl
import struct
import threading
from types import TracebackType
from typing import Self

from tests.live.hostile import READY, message

CLEARTEXT, MD5, GSS = 3, 5, 7
ENCRYPTION = (80877103, 80877104)  # the requests for TLS and for GSS


class Hostile:
    """Asks by one method of authentication; `sent` is every byte of every client, decrypted."""

    def __init__(
        self, asks: int = CLEARTEXT, *, tls: ssl.SSLContext | None = None, right: bytes = b""
    ) -> None:
        self.tls = tls
        self.right = right  # whoever says this is let in; the others are told that it is wrong
        self.asks = message(b"R", struct.pack("!i", asks) + (b"salt" if asks == MD5 else b""))
        self.clients: list[bytearray] = []
        self._listens = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listens.getsockname()[1]
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._listens.shutdown(socket.SHUT_RDWR)
        self._listens.close()
        self._thread.join(10)

    @property
    def sent(self) -> bytes:
        """All of it, as far as it has come."""
        return b"".join(self.clients)

    def _serve(self) -> None:
        while True:
            try:
                client, _ = self._listens.accept()
            except OSError:
                return
            threading.Thread(target=self._ask, args=(client,), daemon=True).start()

    def _ask(self, client: socket.socket) -> None:
        sent = bytearray()
        self.clients.append(sent)
        with client, contextlib.suppress(OSError):
            client.settimeout(5)
            self._talk(client, sent)

    def _talk(self, client: socket.socket, sent: bytearray) -> None:
        while True:
            data = client.recv(1 << 16)
            sent += data
            code = struct.unpack("!ii", data)[1] if len(data) == 8 else 0
            if code not in ENCRYPTION:
                break
            if code == ENCRYPTION[0] and self.tls is not None:
                client.sendall(b"S")
                client = self.tls.wrap_socket(client, server_side=True)
            else:
                client.sendall(b"N")
        client.sendall(self.asks)
        answer = client.recv(1 << 16)
        sent += answer
        if self.right and self.right in answer:
            client.sendall(message(b"R", bytes(4)) + READY)
            client.recv(1)
        elif self.right:
            client.sendall(message(b"E", b"SFATAL\0VFATAL\0C28P01\0Mpassword authentication failed\0\0"))
        client.close()
