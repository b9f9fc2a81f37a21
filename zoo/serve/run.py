"""Binding, running and stopping the server."""

import errno
import signal
import socket
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from types import FrameType

import uvicorn

from zoo.errors import RankzooError, UsageError
from zoo.index.reader import Reader
from zoo.serve.app import create_app
from zoo.serve.connection import Hurried
from zoo.serve.detector import Detector
from zoo.serve.library import Library
from zoo.serve.models import Models
from zoo.serve.service import Service
from zoo.serve.settings import Settings, check_door
from zoo.serve.words import words_of

CONNECTIONS = 512  # open at once; more get 503
IDLE = 15  # seconds a client may take for headers, or to take an answer
GOODBYE = 10  # seconds running requests may take once the server was asked to stop


def bind(host: str, port: int) -> socket.socket:
    """Return a listening socket; port 0 takes any free one.

    Raises:
        UsageError: the port is taken or not allowed, or the host is not this machine's.
    """
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        family, kind, protocol, _, address = found[0]
        # asyncio turns Nagle's algorithm off where the socket names its protocol; with it, each
        # answer on a kept connection waits 40 ms for the client's delayed acknowledgement.
        listening = socket.socket(family, kind, protocol)
    except OSError as error:
        raise _cannot_bind(host, port, error) from error
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(address)
        listening.listen(CONNECTIONS)
    except OSError as error:
        listening.close()
        raise _cannot_bind(host, port, error) from error
    return listening


def open_service(
    folders: Sequence[Path],
    settings: Settings,
    models: Models,
    open_reader: Callable[[Path], Reader] = Reader.open,
) -> Service:
    """Open indexes, models and the detector.

    open_reader: see `Library.open`.

    Raises:
        RankzooError: one of them cannot be opened.
    """
    words = partial(words_of, load=models.load, offline=models.offline)
    library = Library.open(folders, models.load, models.model, words, open_reader)
    name = models.detector
    return Service(library, settings, Detector(models.load(name), name) if name else None)


def serve(service: Service, ready: Callable[[str], None]) -> None:
    """Serve until SIGINT or SIGTERM; finish running requests, then raise KeyboardInterrupt.

    ready: told the address once it can be asked.

    Raises:
        UsageError: the address cannot be bound, or needs a token.
        KeyboardInterrupt: the server was asked to stop, and has stopped.
    """
    settings = service.settings
    check_door(settings.host, settings.token)
    listening = bind(settings.host, settings.port)
    server = uvicorn.Server(config_of(service))
    before = signal.signal(signal.SIGTERM, _interrupt)  # uvicorn raises it again once it is done
    try:
        with listening:
            ready(address_of(settings.host, listening))
            server.run(sockets=[listening])
    finally:
        service.close()  # a second signal ends uvicorn without its goodbye
        signal.signal(signal.SIGTERM, before)


def config_of(service: Service) -> uvicorn.Config:
    """Return how uvicorn runs the application."""
    return uvicorn.Config(
        create_app(service),
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,  # a client must not choose the address its rate is counted by
        loop="asyncio",  # `Hurried` and its deadlines are tested on it, not on an uvloop found here
        ws="none",
        http=Hurried,
        timeout_keep_alive=IDLE,
        timeout_graceful_shutdown=GOODBYE,
        limit_concurrency=CONNECTIONS,
    )


def address_of(host: str, listening: socket.socket) -> str:
    """Return the address to type into a browser."""
    port = listening.getsockname()[1]
    return f"http://[{host}]:{port}/" if ":" in host else f"http://{host}:{port}/"


def _interrupt(number: int, frame: FrameType | None) -> None:  # noqa: ARG001
    raise KeyboardInterrupt


def _cannot_bind(host: str, port: int, error: OSError) -> RankzooError:
    if error.errno == errno.EADDRINUSE:
        return UsageError(f"port {port} is taken", "--port 0 takes any free one")
    if error.errno == errno.EACCES:
        return UsageError(f"port {port} is not allowed", "choose --port above 1023")
    return UsageError(f"--host {host} cannot be bound: {error.strerror or error}")
