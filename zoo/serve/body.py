"""A request's body as it arrives, and the client's leaving after it."""

import asyncio

from starlette.datastructures import Headers
from starlette.types import Message, Receive

from zoo.serve.refusal import RefusedError


class Body:
    """A request's body as it arrives, of at most `most` bytes.

    awaited: whether the client has still to send some of what was asked for.
    left: whether the client went away.
    """

    def __init__(self, receive: Receive, most: int, headers: Headers) -> None:
        """Refuse a body that says itself that it is too large, before any of it.

        Raises:
            RefusedError: it does.
        """
        self.awaited = False
        self.left = False
        self.most = most
        self._receive = receive
        self._size = 0
        self._whole = asyncio.Event()
        length = headers.get("content-length", "0")
        if length.isdecimal() and int(length[:20]) > self.most:
            raise self._too_large()
        self._empty = length == "0" and "transfer-encoding" not in headers
        if self._empty:  # whoever answers may never ask for it, and leaving is seen all the same
            self._whole.set()

    async def receive(self) -> Message:
        """Return the next piece.

        Raises:
            RefusedError: that makes too many bytes, whatever was announced.
        """
        if self._empty:
            self._empty = False
            return {"type": "http.request", "body": b"", "more_body": False}
        self.awaited = True
        message = await self._receive()
        self.awaited = False
        self.left = self.left or message["type"] == "http.disconnect"
        if not message.get("more_body"):
            self._whole.set()
        self._size += len(message.get("body", b""))
        if self._size > self.most:
            raise self._too_large()
        return message

    async def gone(self) -> None:
        """Return when the client has left; nobody sees that before the body is read."""
        await self._whole.wait()
        while not self.left:
            message = await self._receive()
            self.left = message["type"] == "http.disconnect"

    def _too_large(self) -> RefusedError:
        return RefusedError(
            413, f"more than {self.most / 1e6:g} MB were sent", "send a smaller picture"
        )
