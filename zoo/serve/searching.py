"""Addresses that search: by image, text, item; and that look into an image."""

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from zoo.serve.access import PICTURE_BODY, PROBLEMS, TheIndex, TheService
from zoo.serve.answers import Asked, Boxes, Found, Sent
from zoo.serve.pictures import received
from zoo.serve.refusal import RefusedError

router = APIRouter(prefix="/api", tags=["search"], responses=PROBLEMS)


@router.post("/indexes/{name}/search", openapi_extra=PICTURE_BODY)
async def search_by_picture(
    request: Request,
    index: TheIndex,
    service: TheService,
    asked: Annotated[Asked, Query()],
) -> Found:
    """Search with the image that is the request's body, and with whatever else is asked."""
    key = await service.picture(index, await request.body())
    asked = asked.model_copy(update={"picture": [key, *asked.picture]})
    return await service.find(index, await service.question(index, asked), asked)


@router.post("/indexes/{name}/pictures", openapi_extra=PICTURE_BODY)
async def send_picture(request: Request, index: TheIndex, service: TheService) -> Sent:
    """Remember the image that is the request's body, to search with it and others together."""
    return Sent(picture=await service.picture(index, await request.body()))


@router.get("/indexes/{name}/search")
async def search(index: TheIndex, service: TheService, asked: Annotated[Asked, Query()]) -> Found:
    """Search by text, by items' ids, by images sent before, or by several of them together."""
    return await service.find(index, await service.question(index, asked), asked)


@router.get(
    "/pictures/{picture}", response_class=Response, responses={200: {"content": {"image/webp": {}}}}
)
async def picture_sent(picture: str, service: TheService) -> Response:
    """Return an image that was searched with, made small."""
    content = service.asked_with.get(picture)
    if content is None:
        raise RefusedError(404, "the server does not remember that image", "send it again")
    return Response(content, media_type="image/webp", headers={"Cache-Control": "private"})


@router.post("/detect", openapi_extra=PICTURE_BODY)
async def detect(request: Request, service: TheService) -> Boxes:
    """Find things in the image that is the request's body."""
    if service.detector is None:
        raise RefusedError(404, "no detector is served", "start with --detector MODEL")
    picture = await service.aside(received, await request.body(), service.limits.pixels)
    return await service.worker.run(service.detector.find, picture)
