"""How routes get at the service, and what every one of them may answer."""

from typing import Annotated, Any

from fastapi import Depends, Path, Request

from zoo.serve.answers import LARGEST_ID, Problem
from zoo.serve.served import Served
from zoo.serve.service import Service

PICTURE_TYPES = ("image/*", "application/octet-stream")
REFUSALS = {
    400: "The request cannot be.",
    401: "The token is missing or wrong.",
    403: "Another site asked, or the file is not the index's.",
    404: "There is no such thing.",
    408: "The image was sent too slowly.",
    410: "The image has changed since it was indexed.",
    413: "The image is too large.",
    415: "The body is no image.",
    421: "The server is not called that.",
    422: "A value cannot be, or the image is damaged.",
    429: "Too many requests.",
    503: "The index is gone, or too many queries are waiting.",
    504: "It took too long.",
}
PROBLEMS: dict[int | str, dict[str, Any]] = {
    status: {"model": Problem, "description": text} for status, text in REFUSALS.items()
}
PICTURE_BODY = {
    "requestBody": {
        "required": True,
        "description": "The bytes of a JPEG, PNG, WebP, GIF, BMP, TIFF or PPM file.",
        "content": {
            kind: {"schema": {"type": "string", "format": "binary"}} for kind in PICTURE_TYPES
        },
    }
}


def service_of(request: Request) -> Service:
    """Return the application's service."""
    service: Service = request.app.state.service
    return service


TheService = Annotated[Service, Depends(service_of)]


def served_of(name: str, service: TheService) -> Served:
    """Return the index that the address names."""
    return service.library[name]


TheIndex = Annotated[Served, Depends(served_of)]
ItemId = Annotated[int, Path(ge=0, le=LARGEST_ID)]
