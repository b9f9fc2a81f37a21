"""What stands before every route: who may ask, how much, how often, how long."""

import asyncio
import hmac
import time
from http.cookies import CookieError, SimpleCookie

from cachetools import LRUCache
from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from zoo.serve.body import Body
from zoo.serve.metrics import Metrics
from zoo.serve.refusal import RefusedError, body_of, headers_of
from zoo.serve.settings import Settings, is_address

COOKIE = "rankzoo"
STATIC = "/static/"
OPEN = ("/", "/health")  # hold nothing of the indexes, like what is static
SECURITY = {
    "content-security-policy": "default-src 'none'; script-src 'self'; style-src 'self'; "
    "img-src 'self' blob:; connect-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), microphone=(), geolocation=()",
}
CLIENTS = 10_000  # whose rates are remembered
BURST = 4  # seconds' worth of requests that may come at once
WRONG_TOKEN = 5.0  # searches that a wrong token costs
CHEAP = 0.05  # of a search: looking at an image or a list
DEAR = ("/search", "/detect", "/pictures", "/original")
FREE = ("/", "/health", "/metrics")
GONE = 499  # what metrics call a request whose client left before the answer


class Guard:
    """ASGI middleware: refuses what `Settings` do not allow and adds the security headers."""

    def __init__(self, app: ASGIApp, settings: Settings, metrics: Metrics) -> None:
        self.app = app
        self.settings = settings
        self.metrics = metrics
        self.session = session_of(settings.token)
        self._allowances: LRUCache[str, tuple[float, float]] = LRUCache(CLIENTS)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or say why not."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        started = time.perf_counter()
        answered: list[int] = []

        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                answered.append(message["status"])
                headers = MutableHeaders(scope=message)
                for name, value in SECURITY.items():
                    headers.setdefault(name, value)
                headers.setdefault("cache-control", "no-store")
            await send(message)

        limits = self.settings.limits
        body = None
        try:
            self._check(scope)
            body = Body(receive, limits.upload_bytes, Headers(scope=scope))
            async with asyncio.timeout(limits.seconds):
                await self._until_gone(scope, body, guarded)
        except RefusedError as refusal:
            await _say(refusal, scope, receive, guarded)
        except TimeoutError:
            if not answered:
                what, code = ("sending this", 408) if body and body.awaited else ("this", 504)
                late = RefusedError(code, f"{what} took over {limits.seconds:g} s")
                await _say(late, scope, receive, guarded)
        finally:
            route = getattr(scope.get("route"), "path", "none")
            status = str(answered[0] if answered else GONE if body and body.left else 500)
            self.metrics.requests.labels(scope["method"], route, status).inc()
            self.metrics.seconds.labels(route).observe(time.perf_counter() - started)

    async def _until_gone(self, scope: Scope, body: Body, send: Send) -> None:
        """Answer, unless the client leaves before: its request is then cancelled where it is."""
        answer = asyncio.ensure_future(self.app(scope, body.receive, send))
        leaving = asyncio.ensure_future(body.gone())
        try:
            await asyncio.wait((answer, leaving), return_when=asyncio.FIRST_COMPLETED)
            if answer.done():
                answer.result()
        finally:
            for task in (answer, leaving):
                task.cancel()
            await asyncio.gather(answer, leaving, return_exceptions=True)

    def _check(self, scope: Scope) -> None:
        headers = Headers(scope=scope)
        path = scope["path"]
        try:
            self._check_host(headers)
            _check_site(headers, path)
            client = (scope.get("client") or ("", 0))[0]
            self._check_token(headers, path, client)
            self._pay(client, _cost(path))
        except RefusedError as refusal:
            self.metrics.refusals.labels(str(refusal.status)).inc()
            raise

    def _check_host(self, headers: Headers) -> None:
        """Answer to addresses and our own names only: a foreign name is DNS rebinding."""
        # Not Starlette's TrustedHostMiddleware: it knows names and `*.` patterns, while the rule
        # here is that any address is ours (no page can rebind one) and no foreign name is. It
        # answers 400 in plain text, and we 421 with a hint, counted by /metrics.
        host = host_of(headers.get("host", ""))
        if not (is_address(host) or host in self.settings.host_names):
            raise RefusedError(
                421,
                f"this server is not called {host!r}",
                f"start it with --host-name {host}" if host.isascii() else "",
            )

    def _check_token(self, headers: Headers, path: str, client: str) -> None:
        if not self.settings.token or path in OPEN or path.startswith(STATIC):
            return
        scheme, _, shown = headers.get("authorization", "").partition(" ")
        cookie = _cookie(headers)
        right = scheme.lower() == "bearer" and _same(shown, self.settings.token)
        if right or (cookie and _same(cookie, self.session)):
            return
        if shown or cookie:
            self._pay(client, WRONG_TOKEN)
        raise RefusedError(401, "the token is missing or wrong", "Authorization: Bearer TOKEN")

    def _pay(self, client: str, cost: float) -> None:
        """Take `cost` searches from what a client may still do; it grows by `rate` a second."""
        rate = self.settings.limits.rate
        if rate <= 0 or cost <= 0:
            return
        now = time.monotonic()
        left, before = self._allowances.get(client) or (rate * BURST, now)
        left = min(rate * BURST, left + (now - before) * rate)
        if left < cost:
            raise RefusedError(
                429,
                f"more than {rate:g} searches a second",
                "ask more slowly",
                retry_after=max(1, round((cost - left) / rate)),
            )
        self._allowances[client] = (left - cost, now)


def session_of(token: str) -> str:
    """Return what the page's cookie holds instead of the token itself."""
    return hmac.new(token.encode(), b"rankzoo page", "sha256").hexdigest()


def host_of(header: str) -> str:
    """Return the host of a `Host` header, without port and brackets.

    >>> host_of("[::1]:8642"), host_of("LocalHost:80"), host_of("10.0.0.1")
    ('::1', 'localhost', '10.0.0.1')
    """
    name = header.strip().lower()
    if name.startswith("["):
        return name[1:].partition("]")[0]
    return name.partition(":")[0].rstrip(".")


def _check_site(headers: Headers, path: str) -> None:
    """Answer our own page and programs, not the pages of other sites in the same browser."""
    if headers.get("sec-fetch-site") in ("cross-site", "same-site") and path != "/":
        raise RefusedError(403, "another site may not ask this server")


def _cost(path: str) -> float:
    if path in FREE or path.startswith(STATIC):
        return 0.0
    return 1.0 if path.endswith(DEAR) else CHEAP


def _cookie(headers: Headers) -> str:
    try:
        found = SimpleCookie(headers.get("cookie", "")).get(COOKIE)
    except CookieError:
        return ""
    return found.value if found else ""


def _same(shown: str, expected: str) -> bool:
    return hmac.compare_digest(shown.encode("utf-8", "surrogateescape"), expected.encode())


async def _say(refusal: RefusedError, scope: Scope, receive: Receive, send: Send) -> None:
    response = JSONResponse(body_of(refusal), refusal.status, headers_of(refusal))
    await response(scope, receive, send)
