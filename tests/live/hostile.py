"""A peer that speaks PostgreSQL's protocol and answers what a test wants: on loopback, in a thread, one for a test."""

import socket
import struct
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress

Cells = Sequence[str | bytes | None]
Table = tuple[Sequence[str], Iterable[Cells]]
Peer = Callable[[socket.socket, bytes], None]  # what is said after each query


def message(kind: bytes, body: bytes = b"", length: int | None = None) -> bytes:
    """One message of the protocol."""
    return kind + struct.pack("!i", len(body) + 4 if length is None else length) + body


READY = message(b"Z", b"I")


def parameter(name: str, value: str) -> bytes:
    """ParameterStatus."""
    return message(b"S", f"{name}\0{value}\0".encode())


def hello(version: str = "15.4", *more: bytes) -> bytes:
    """A login that asks for nothing."""
    told = parameter("server_version", version) + parameter("client_encoding", "UTF8") + b"".join(more)
    return message(b"R", bytes(4)) + told + message(b"K", struct.pack("!ii", 4711, 1)) + READY


def header(names: Sequence[str]) -> bytes:
    """RowDescription, all text."""
    fields = b"".join(name.encode() + b"\0" + struct.pack("!ihihih", 0, 0, 25, -1, -1, 0) for name in names)
    return message(b"T", struct.pack("!h", len(names)) + fields)


def row(cells: Cells) -> bytes:
    """DataRow."""
    raw = [cell.encode() if isinstance(cell, str) else cell for cell in cells]
    packed = (struct.pack("!i", -1) if cell is None else struct.pack("!i", len(cell)) + cell for cell in raw)
    return message(b"D", struct.pack("!h", len(raw)) + b"".join(packed))


def table(names: Sequence[str], rows: Iterable[Cells]) -> bytes:
    """A result, whole."""
    return header(names) + b"".join(map(row, rows)) + message(b"C", b"SELECT\0")


def answer(*tables: Table) -> bytes:
    """The results of one message."""
    return b"".join(table(*each) for each in tables) + READY


@contextmanager
def server(peer: Peer, login: bytes | None = None) -> Iterator[int]:
    """Listen; `peer` is given the socket and each query's text, after the `login`. Gives the port."""

    def talk(client: socket.socket) -> None:
        with suppress(OSError, struct.error), client:
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            reader = client.makefile("rb")
            while True:  # no TLS, no GSSAPI
                length, code = struct.unpack("!ii", reader.read(8))
                reader.read(length - 8)
                if code == 196608:
                    break
                client.sendall(b"N")
            client.sendall(hello() if login is None else login)
            while (kind := reader.read(1)) and kind != b"X":
                (length,) = struct.unpack("!i", reader.read(4))
                peer(client, reader.read(length - 4).rstrip(b"\0"))

    def accept() -> None:
        with suppress(OSError):
            while True:
                threading.Thread(target=talk, args=(entry.accept()[0],), daemon=True).start()

    with socket.create_server(("127.0.0.1", 0)) as entry:
        threading.Thread(target=accept, daemon=True).start()
        yield entry.getsockname()[1]


def says(data: bytes) -> Peer:
    """The same answer to everything."""
    return lambda client, _: client.sendall(data)


def forever(first: bytes, again: bytes) -> Peer:
    """An answer that never ends."""

    def talk(client: socket.socket, _: bytes) -> None:
        client.sendall(first)
        while True:
            client.sendall(again)

    return talk
