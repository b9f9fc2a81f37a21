"""Addresses that show what is served: indexes, their items, pictures and values."""

from dataclasses import asdict
from typing import Annotated

from fastapi import APIRouter, Query, Response

from zoo import __version__
from zoo.embedding.words import short_name
from zoo.index import Hit
from zoo.serve.access import PROBLEMS, ItemId, TheIndex, TheService
from zoo.serve.answers import Indexes, IndexInfo, Item, Items, Page, Values
from zoo.serve.pictures import LARGEST_SIDE, SIZES, read_item, received, shrunk
from zoo.serve.refusal import RefusedError
from zoo.serve.served import Served
from zoo.serve.service import Service, unknown_item
from zoo.serve.snapshot import Snapshot

router = APIRouter(prefix="/api", tags=["indexes"], responses=PROBLEMS)
KEEP = "private, max-age=86400"  # the address holds the content's hash


@router.get("/indexes")
async def indexes(service: TheService) -> Indexes:
    """List what is served, and the limits."""
    return Indexes(
        indexes=[described(index) for index in service.library.served.values()],
        detector=service.detector.name if service.detector else None,
        limits=asdict(service.limits),
        version=__version__,
    )


@router.get("/indexes/{name}")
async def info(index: TheIndex) -> IndexInfo:
    """Describe one index."""
    with index.hold():
        return described(index)


@router.get("/indexes/{name}/values")
async def values(index: TheIndex, service: TheService, column: str) -> Values:
    """Return the most frequent values of a label level or column with their counts."""

    async def work(snapshot: Snapshot) -> Values:
        found = await service.aside(snapshot.values, column)
        return Values(column=column, values=list(found), counts=list(found.values()))

    manifest = index.manifest
    if column not in (*manifest.levels, *manifest.columns):
        known = ", ".join((*manifest.levels, *manifest.columns)) or "none"
        raise RefusedError(404, f"{index.name} has no column {column!r}", f"columns: {known}")
    return await index.answer(work)


@router.get("/indexes/{name}/items")
async def items(index: TheIndex, service: TheService, page: Annotated[Page, Query()]) -> Items:
    """List items in the order they were added."""

    async def work(snapshot: Snapshot) -> Items:
        among = await service.filtered(snapshot, page)
        reader = snapshot.reader
        found = await service.aside(reader.page, among.masks, page.offset, page.limit)
        return Items(
            index=index.name,
            generation=reader.manifest.generation,
            total=among.count,
            offset=page.offset,
            items=[Item.of(hit, index.name) for hit in found],
        )

    return await index.answer(work)


@router.get("/indexes/{name}/items/{identifier}")
async def item(index: TheIndex, service: TheService, identifier: ItemId) -> Item:
    """Describe one item."""
    return Item.of(await find_item(service, index, identifier), index.name)


@router.get(
    "/indexes/{name}/items/{identifier}/picture",
    response_class=Response,
    responses={200: {"content": {"image/webp": {}}}},
)
async def item_picture(
    index: TheIndex,
    service: TheService,
    identifier: ItemId,
    size: Annotated[int, Query(description=f"Longest side: one of {SIZES}.")] = SIZES[1],
    v: Annotated[str, Query(description="Content's hash, for caches.")] = "",  # noqa: ARG001
) -> Response:
    """Return an item's picture, made small and without its metadata."""
    if size not in SIZES:
        raise RefusedError(400, f"size={size} is none of {SIZES}")
    found = await find_item(service, index, identifier)
    key = (index.name, found.record.sha256, found.record.path, size)
    content = service.thumbnails.get(key)
    if content is None:
        content = await service.aside(_thumbnail, service, index, found, size)
        if len(content) <= service.thumbnails.maxsize:
            service.thumbnails[key] = content
    return Response(content, media_type="image/webp", headers={"Cache-Control": KEEP})


@router.get(
    "/indexes/{name}/items/{identifier}/original",
    response_class=Response,
    responses={200: {"content": {"image/webp": {}}}},
)
async def item_original(index: TheIndex, service: TheService, identifier: ItemId) -> Response:
    """Return an item's image as large as it is, without its metadata."""
    found = await find_item(service, index, identifier)
    content = await service.aside(_thumbnail, service, index, found, LARGEST_SIDE)
    return Response(content, media_type="image/webp", headers={"Cache-Control": KEEP})


def described(index: Served) -> IndexInfo:
    """Describe an index as clients need to know it; no path of this machine is told."""
    manifest, config = index.manifest, index.manifest.model.config
    return IndexInfo(
        name=index.name,
        count=manifest.count,
        dim=manifest.dim,
        kind=manifest.plan.kind,
        modality=manifest.modality,
        model=short_name(manifest.model.name),
        architecture=str(config.get("architecture") or config.get("family") or ""),
        levels=list(manifest.levels),
        columns=list(manifest.columns),
        generation=manifest.generation,
        sees=index.encoder.sees,
        reads=index.encoder.reads,
        no_images=index.encoder.no_images,
        no_text=index.encoder.no_text,
        problem=index.problem,
    )


async def find_item(service: Service, index: Served, identifier: int) -> Hit:
    """Return an item by id.

    Raises:
        RefusedError: there is none.
    """

    async def work(snapshot: Snapshot) -> Hit:
        try:
            return (await service.aside(snapshot.reader.items, [identifier]))[0]
        except KeyError as error:
            raise unknown_item(index.name, identifier) from error

    return await index.answer(work)


def _thumbnail(service: Service, index: Served, found: Hit, size: int) -> bytes:
    roots = [index.root, *service.settings.pictures]
    checked = index.manifest.modality == "images"  # a caption's hash is of its text
    content = read_item(found, roots, checked)
    return shrunk(received(content, service.limits.pixels), size)
