"""Servers that misbehave, on real sockets: dead, hung, dripping, talking nonsense, or answering what a test says."""

import select
import socket
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress

OK = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"

Behave = Callable[[socket.socket, threading.Event], None]


@contextmanager
def misbehaving(behave: Behave, address: tuple[str, int] = ("127.0.0.1", 0)) -> Iterator[str]:
    """Serve in a thread for each connection, and yield the address.

    Args:
        behave: what is done with a connection; the event is set when the server is to stop.
        address: where to listen.
    """
    stop = threading.Event()
    with socket.create_server(address) as listener:
        accepting = threading.Thread(target=_accept, args=(listener, behave, stop))
        accepting.start()
        try:
            yield "http://{}:{}".format(*listener.getsockname())
        finally:
            stop.set()
            listener.shutdown(socket.SHUT_RDWR)
            accepting.join()


def _accept(listener: socket.socket, behave: Behave, stop: threading.Event) -> None:
    connections, threads = [], []
    with suppress(OSError):
        while not stop.is_set():
            connections.append(listener.accept()[0])
            threads.append(threading.Thread(target=_serve, args=(connections[-1], behave, stop)))
            threads[-1].start()
    for connection in connections:
        with suppress(OSError):
            connection.shutdown(socket.SHUT_RDWR)
    for thread in threads:
        thread.join()


def _serve(connection: socket.socket, behave: Behave, stop: threading.Event) -> None:
    with connection, suppress(OSError):
        behave(connection, stop)


def relaying(host: str, port: int) -> Behave:
    """Hand everything to another server, and its answers back."""

    def relay(connection: socket.socket, stop: threading.Event) -> None:
        with socket.create_connection((host, port)) as other:
            ends = {connection: other, other: connection}
            while not stop.is_set():
                for one in select.select([*ends], [], [], 0.1)[0]:
                    if not (data := one.recv(65_536)):
                        return
                    ends[one].sendall(data)

    return relay


def read_request(connection: socket.socket) -> bytes:
    """Read one request with a length."""
    data = b""
    while b"\r\n\r\n" not in data:
        if not (part := connection.recv(65_536)):
            return b""
        data += part
    head, _, body = data.partition(b"\r\n\r\n")
    lengths = [line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
    missing = int(lengths[0].partition(b":")[2]) - len(body) if lengths else 0
    while missing > 0 and (part := connection.recv(missing)):
        data += part
        missing -= len(part)
    return data


def hang(_: socket.socket, stop: threading.Event) -> None:
    """Take the connection and never answer."""
    stop.wait()


def dripping(data: bytes, every: float = 0.05) -> Behave:
    """Answer one byte at a time, the last one again and again."""

    def drip(connection: socket.socket, stop: threading.Event) -> None:
        read_request(connection)
        for byte in data:
            connection.sendall(bytes([byte]))
            if stop.wait(every):
                return
        while not stop.wait(every):
            connection.sendall(data[-1:])

    return drip


def late(seconds: float, body: bytes) -> Behave:
    """Answer after so many seconds."""

    def wait(connection: socket.socket, stop: threading.Event) -> None:
        read_request(connection)
        if not stop.wait(seconds):
            connection.sendall(OK % len(body) + body)

    return wait


def saying(*answers: bytes) -> Behave:
    """Give these answers to the requests in their order, whatever they ask; the last one to all that follow."""
    left = list(answers)

    def say(connection: socket.socket, _: threading.Event) -> None:
        while read_request(connection):
            connection.sendall(left.pop(0) if len(left) > 1 else left[0])

    return say


def answer(body: bytes, status: str = "200 OK", headers: Sequence[str] = ()) -> bytes:
    """Return an HTTP answer."""
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers]
    return "\r\n".join([*lines, "", ""]).encode() + body


@contextmanager
def dead() -> Iterator[str]:
    """Yield an address where nobody listens, and nobody else will."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield "http://{}:{}".format(*bound.getsockname())
