"""A connection that does not wait for ever."""

import asyncio

from uvicorn.protocols.http.h11_impl import H11Protocol


class Hurried(H11Protocol):
    """Waits `timeout_keep_alive` seconds for whole headers, and for answers to be taken.

    Headers that trickle in, a body that goes on after it was refused, and answers nobody reads all
    hold one of a limited number of connections. uvicorn's own deadline starts with the first
    answer and ends with the next byte; this one starts with the connection and ends with the
    headers of a request. From there on `Guard` limits the time.
    """

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Start waiting for the first request."""
        super().connection_made(transport)
        transport.set_write_buffer_limits(0)  # whatever the system does not take counts as unread
        self.timeout_keep_alive_task = self.loop.call_later(
            self.timeout_keep_alive, self.timeout_keep_alive_handler
        )

    def data_received(self, data: bytes) -> None:
        """Take bytes without forgetting the deadline."""
        self.conn.receive_data(data)
        self.handle_events()

    def pause_writing(self) -> None:
        """Start waiting for the client to take its answer."""
        super().pause_writing()
        self._unread = self.loop.call_later(self.timeout_keep_alive, self.transport.abort)

    def resume_writing(self) -> None:
        """Stop waiting: it was taken."""
        super().resume_writing()
        self._unread.cancel()
