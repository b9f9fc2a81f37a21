"""The ASGI application: the page, the API, its OpenAPI document."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.resources import files
from pathlib import PurePath

from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse

from zoo import __version__
from zoo.errors import RankzooError
from zoo.serve import browsing, searching
from zoo.serve.access import PROBLEMS, TheService
from zoo.serve.answers import Health
from zoo.serve.guard import COOKIE, STATIC, Guard, session_of
from zoo.serve.refusal import RefusedError, body_of, headers_of, status_of
from zoo.serve.service import Service

TYPES = {
    ".css": "text/css",
    ".html": "text/html",
    ".js": "text/javascript",
    ".svg": "image/svg+xml",
}
router = APIRouter(tags=["server"], responses=PROBLEMS)


def create_app(service: Service) -> Guard:
    """Return the application, guarded, as an ASGI server runs it."""
    app = FastAPI(
        title="rankzoo serve",
        version=__version__,
        description="Search indexes by image, by text, or by one of their items.",
        lifespan=_lifespan,
        docs_url=None,  # both pages of documentation would be loaded from a CDN
        redoc_url=None,
    )
    app.state.service = service
    app.add_exception_handler(RankzooError, _refused)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _plain)
    app.include_router(searching.router)
    app.include_router(browsing.router)
    app.include_router(router)
    palette = files("zoo.report").joinpath("palette.css")  # reports and page look alike
    for file in (*files("zoo.serve").joinpath("page").iterdir(), palette):
        _add_static(app, file.name, file.read_bytes())
    return Guard(app, service.settings, service.metrics)


@router.get("/health", response_model_exclude_defaults=True)
async def health(service: TheService, response: Response) -> Health:
    """Say whether every index is served as it is on disk; 503 if not."""
    ill = [index for index in service.library.served.values() if index.problem]
    response.status_code = 503 if ill else 200
    problems = [index.told_problem for index in ill]
    return Health(status="degraded" if ill else "ok", problems=problems)


@router.get("/metrics", response_class=Response)
async def metrics(service: TheService) -> Response:
    """Return counters in Prometheus's text format."""
    text = service.metrics.text(service.library, service.worker.queued)
    return Response(text, media_type="text/plain; version=0.0.4")


@router.post("/api/session", status_code=204)
async def session(service: TheService, response: Response) -> None:
    """Give the page, which showed the token, a cookie: pictures are loaded without headers."""
    if service.settings.token:
        value = session_of(service.settings.token)
        response.set_cookie(COOKIE, value, httponly=True, samesite="strict")


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    service: Service = app.state.service
    watching = asyncio.create_task(service.library.watch())
    yield
    watching.cancel()
    await asyncio.to_thread(service.close)


def _add_static(app: FastAPI, name: str, content: bytes) -> None:
    kind = TYPES[PurePath(name).suffix]

    async def static() -> Response:
        return Response(content, media_type=kind, headers={"Cache-Control": "no-cache"})

    path = "/" if name == "index.html" else f"{STATIC}{name}"
    app.add_api_route(path, static, include_in_schema=False)


def _answer(error: RankzooError) -> JSONResponse:
    return JSONResponse(body_of(error), status_of(error), headers_of(error))


async def _refused(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RankzooError)
    return _answer(error)


async def _invalid(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    first = error.errors()[0]
    where = ".".join(str(part) for part in first["loc"][1:])
    return _answer(RefusedError(422, f"{where}: {first['msg']}", "see /openapi.json"))


async def _plain(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    return JSONResponse(
        body_of(RefusedError(error.status_code, str(error.detail))),
        error.status_code,
        error.headers,
    )
