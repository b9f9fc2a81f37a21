"""What does a hostile input cost in memory before it is refused?

    python -m tests.ceilings

Each input is written and read in a process that does nothing else; printed is the peak of resident
memory above what that process held before.
"""

import json
import multiprocessing
import struct
import sys
import tempfile
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

import torch

from tests.stored import CONFIG
from zoo.data.datasets.fashion_mnist import read_idx
from zoo.data.images import decode_image, open_image
from zoo.device import memory_held, memory_peak, restart_memory_peak
from zoo.errors import RankzooError
from zoo.files import FOLDER_SEAL
from zoo.hub.listing import as_model
from zoo.hub.pickles import read_state_dict
from zoo.models.embedder import Embedder, load_embedder, save_embedder

UPLOAD = 10**6  # pixels that a server of these inputs takes


def png(folder: Path, width: int, height: int, extra: bytes = b"") -> Path:
    """Write a PNG whose header claims a size; its pixels are one short, compressed run of zeros."""
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    pixels = zlib.compress(bytes(min((width + 1) * height, 10**8)), 9)
    content = b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", header) + extra
    path = folder / "x.png"
    path.write_bytes(content + _chunk(b"IDAT", pixels) + _chunk(b"IEND", b""))
    return path


def _chunk(kind: bytes, content: bytes) -> bytes:
    body = kind + content
    return struct.pack(">I", len(content)) + body + struct.pack(">I", zlib.crc32(body))


def thin(folder: Path) -> object:
    return Embedder(CONFIG).transform(open_image(png(folder, 20_000, 1)))


def thinner(folder: Path) -> object:
    return open_image(png(folder, 80_000_000, 1))


def wide(folder: Path) -> object:
    return open_image(png(folder, 60_000, 60_000))


def upload(folder: Path) -> object:
    return decode_image(png(folder, 9_000, 9_000).read_bytes(), "upload", UPLOAD)


def chunks(folder: Path) -> object:
    text = _chunk(b"zTXt", b"k\0\0" + zlib.compress(bytes(6 * 10**7), 9))
    return open_image(png(folder, 8, 8, 40 * text))


def dimension(folder: Path) -> object:
    save_embedder(Embedder(CONFIG), folder)
    (folder / FOLDER_SEAL).unlink(missing_ok=True)
    config = json.loads((folder / "config.json").read_text())
    config["embedder"]["dim"] = 10**12
    (folder / "config.json").write_text(json.dumps(config))
    return load_embedder(folder)


def bomb(folder: Path) -> object:
    torch.save({"a": torch.ones(4)}, folder / "small.pth")
    with (
        zipfile.ZipFile(folder / "small.pth") as small,
        zipfile.ZipFile(folder / "x.pth", "w", zipfile.ZIP_DEFLATED) as large,
    ):
        for entry in small.infolist():
            swollen = entry.filename.endswith("data/0")
            large.writestr(entry.filename, bytes(3 * 10**8) if swollen else small.read(entry))
    return read_state_dict(folder / "x.pth")


def nesting(folder: Path) -> object:
    return as_model(b"[" * 10**6, "me/x")


def idx(folder: Path) -> object:
    import gzip

    header = struct.pack(">BBBBIII", 0, 0, 8, 3, 2**31 - 1, 2**15, 2**15)
    (folder / "a.gz").write_bytes(gzip.compress(header))
    return read_idx(folder / "a.gz", 3)


INPUTS: dict[str, Callable[[Path], object]] = {
    "PNG of 20,000 x 1 pixels": thin,
    "PNG of 80,000,000 x 1": thinner,
    "PNG of 60,000 x 60,000": wide,
    "upload of 9,000 x 9,000": upload,
    "PNG with 40 texts of 60 MB": chunks,
    "config.json: dim 10^12": dimension,
    ".pth: 300 MB in 300 kB": bomb,
    "listing nested 10^6 deep": nesting,
    "idx of 2^61 pixels": idx,
}


def cost(name: str) -> tuple[int, str]:
    """Return the bytes that reading an input took above what was held, and what came of it."""
    with tempfile.TemporaryDirectory() as folder:
        restart_memory_peak()
        before = memory_held() or 0
        try:
            INPUTS[name](Path(folder))
        except RankzooError as error:
            return memory_peak() - before, str(error).removeprefix(folder).splitlines()[0]
    return memory_peak() - before, "read"


def costs() -> dict[str, tuple[int, str]]:
    """Return `cost` of every input."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return {name: pool.apply(cost, (name,)) for name in INPUTS}


def main() -> int:
    for name, (took, what) in costs().items():
        print(f"{name:28} +{took / 2**20:5.0f} MB  {what[:60]}")  # noqa: T201
    return 0


if __name__ == "__main__":
    sys.exit(main())
