"""Which files the server shows, and which pictures it takes."""

import os
import struct
import zlib
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import pytest
import torch
from PIL import Image
from starlette.testclient import TestClient

from zoo.embedding.identity import identify
from zoo.index import Index, Record
from zoo.serve.pictures import received
from zoo.serve.refusal import RefusedError
from zoo.serve.settings import Limits

SEARCH = "/api/indexes/idx/search"


def picture_of(identifier: int, name: str = "idx") -> str:
    return f"/api/indexes/{name}/items/{identifier}/picture"


def bomb(side: int) -> bytes:
    """A PNG of side x side pixels in a few kilobytes."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    header = struct.pack(">IIBBBBB", side, side, 1, 0, 0, 0, 0)
    rows = zlib.compress(bytes((1 + side // 8) * side), 9)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")
    )


def test_thumbnails_are_small_cached_and_without_metadata(
    client: Callable[..., TestClient], photos: Path, idx: Path, colour_model: Callable[..., object]
) -> None:
    from zoo.data.dataset import read_dataset

    large = Image.new("RGB", (900, 600), "orange")
    exif = Image.Exif()
    exif[0x010E] = "taken at home"
    large.save(photos / "large.jpg", exif=exif)
    (photos / "large.csv").write_text("path,label\nlarge.jpg,orange\n")
    Index.open(idx).add(colour_model(), read_dataset(photos / "large.csv"))  # type: ignore[arg-type]
    ask = client()
    original = ask.get(picture_of(12).replace("picture", "original"))
    assert Image.open(BytesIO(original.content)).size == (900, 600)
    assert b"taken at home" not in original.content
    answer = ask.get(picture_of(12), params={"size": 160})
    assert Image.open(BytesIO(answer.content)).size == (160, 107)
    assert b"taken at home" not in answer.content
    assert "max-age" in answer.headers["cache-control"]
    (photos / "large.jpg").unlink()
    assert ask.get(picture_of(12), params={"size": 160}).content == answer.content
    assert ask.get(picture_of(12), params={"size": 320}).status_code == 404
    assert ask.get(picture_of(12), params={"size": 161}).status_code == 400


def test_a_file_put_in_place_of_an_indexed_one_is_not_shown(
    client: Callable[..., TestClient], photos: Path, tmp_path: Path
) -> None:
    secret = tmp_path / "secret.png"
    Image.new("RGB", (8, 8), "black").save(secret)
    ask = client()
    first = sorted(photos.rglob("*.png"))[0]
    first.write_bytes(secret.read_bytes())
    assert ask.get(picture_of(0)).status_code == 410
    first.unlink()
    first.symlink_to(secret)
    assert ask.get(picture_of(0)).status_code == 403
    first.unlink()
    os.mkfifo(first)
    assert ask.get(picture_of(0)).status_code == 404
    first.unlink()
    assert ask.get(picture_of(0)).status_code == 404


def test_an_index_cannot_name_files_elsewhere(
    client: Callable[..., TestClient],
    photos: Path,
    tmp_path: Path,
    colour_model: Callable[..., torch.nn.Module],
) -> None:
    secret = tmp_path / "secret.png"
    Image.new("RGB", (8, 8), "black").save(secret)
    (photos / "link.png").symlink_to(secret)
    (photos / "inside.png").symlink_to(photos / "red" / "0.png")
    paths = ["../secret.png", str(secret), "link.png", "red/../../secret.png", "inside.png", "red"]
    Index.from_vectors(
        tmp_path / "evil",
        torch.eye(3).repeat(2, 1),
        [Record(path) for path in paths],
        identify(colour_model(), "colours"),
        root=photos,
    )
    ask = client(tmp_path / "evil")
    statuses = [ask.get(picture_of(i, "evil")).status_code for i in range(6)]
    assert statuses == [403, 403, 403, 403, 200, 404]
    allowed = client(tmp_path / "evil", pictures=(tmp_path,))
    assert allowed.get(picture_of(1, "evil")).status_code == 200


@pytest.mark.parametrize("path", ["..%2F..%2Fsecret.png", "%2Fetc%2Fpasswd", "-1", "1.5", "0x1"])
def test_items_are_named_by_id_only(client: Callable[..., TestClient], path: str) -> None:
    assert client().get(f"/api/indexes/idx/items/{path}/picture").status_code in (404, 422)
    assert client().get(f"/static/{path}").status_code == 404


def test_what_is_no_picture_is_refused_and_the_server_stays_up(
    client: Callable[..., TestClient], photos: Path
) -> None:
    ask = client(limits=Limits(rate=0, upload_bytes=100_000))
    good = (photos / "red" / "0.png").read_bytes()
    for content, status, says in [
        (b"", 400, "no image was sent"),
        (b"hello", 415, "no image that can be read"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", 415, "no image"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", 415, "no image"),
        (good[:45], 422, ""),
        (bomb(10_000), 413, "too many pixels"),
        (bytes(100_001), 413, "more than 0.1 MB"),
    ]:
        answer = ask.post(SEARCH, content=content)
        assert answer.status_code == status, answer.text
        assert says in answer.json()["error"]
    assert ask.post(SEARCH, content=good).status_code == 200


def test_a_body_without_length_is_counted_as_it_comes(client: Callable[..., TestClient]) -> None:
    sent = 0

    def endless() -> object:
        nonlocal sent
        while sent < 10_000_000:
            sent += 10_000
            yield bytes(10_000)

    ask = client(limits=Limits(rate=0, upload_bytes=100_000))
    assert ask.post(SEARCH, content=endless()).status_code == 413  # type: ignore[arg-type]


def test_the_pixel_limit_is_read_from_the_header() -> None:
    buffer = BytesIO()
    Image.new("L", (100, 100)).save(buffer, "PNG")
    assert received(buffer.getvalue(), 10_000).size == (100, 100)
    with pytest.raises(RefusedError, match="too many pixels") as refused:
        received(buffer.getvalue(), 9_999)
    assert refused.value.hint == "scale it below 0.01 million pixels"
