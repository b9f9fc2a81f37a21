"""The server under load, beside what its model and its index cost alone in the same run."""

import io
import json
import re
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np
import torch
from PIL import Image

from zoo.benchmarks.index import clustered
from zoo.data.images import decode_image
from zoo.data.preprocessing import Preprocessing
from zoo.embedding.identity import identify
from zoo.errors import RankzooError
from zoo.index import Index, Plan, Record
from zoo.index.reader import Reader
from zoo.models import Embedder, EmbedderConfig, build_embedder, load_embedder, save_embedder
from zoo.progress import Track, silent

K = 24
IMAGES = 32
FILES = 1_000  # images on disk, shared by all items
SIDE = 256  # pixels of a query; decoding is part of the work
SERVER = """
import sys
from pathlib import Path
from zoo.serve.models import Models
from zoo.serve.run import open_service, serve
from zoo.serve.settings import Limits, Settings
settings = Settings(port=0, limits=Limits(rate=0, batch=int(sys.argv[2])))
service = open_service([Path(sys.argv[1])], settings, Models(offline=True))
try:
    serve(service, lambda address: print(address, flush=True))
except KeyboardInterrupt:
    pass
"""


@dataclass(frozen=True)
class Load:
    """So many searches by image in all, so many under way at once."""

    requests: int
    concurrency: int


@dataclass(frozen=True)
class Served:
    """What is served: so many vectors of a network's width, or of a projection to `dim`."""

    count: int = 100_000
    dim: int | None = None
    kind: str = "Flat"
    architecture: str = "resnet18"
    seed: int = 0


def bench_serve(
    folder: Path,
    served: Served = Served(),
    loads: Sequence[Load] = (Load(160, 1), Load(160, 16)),
    batches: Sequence[int] = (32, 1),
    track: Track = silent,
) -> dict[str, Any]:
    """Serve vectors and search them by images that are all different.

    Every load is put on a server for each of `batches`: how many queries it takes together at most.
    `bare` is decoding, forward pass and search without a server, one by one and in batches;
    `browsing` is what the page asks besides, one after the other. The threads that ask share the
    machine with the server, so its figures are lower bounds.
    """
    images = _images(served.seed)
    index = _make(folder, served, images)
    model = load_embedder(folder / "model")
    sizes = {1: loads[0].requests} | {load.concurrency: load.requests for load in loads}
    bare = {n: _bare(model, index, images, n, sizes[n]) for n in sorted(sizes)}
    rows = []
    browsing: list[dict[str, Any]] = []
    memory: dict[str, float] = {}
    for batch in track(batches, "serve", len(batches)):
        with _served(folder / "index", batch) as (address, process):
            browsing = browsing or _browsing(address, served.count)
            memory = memory or _memory(process)
            for load in loads:
                row = _under(address, images, load)
                row |= {"share_of_bare": row["requests_per_s"] / bare[load.concurrency]}
                rows.append({"batch": batch, "concurrency": load.concurrency, **row})
    return {
        "count": served.count,
        "dim": model.dim,
        "architecture": served.architecture,
        "kind": served.kind,
        "k": K,
        "seed": served.seed,
        "bare": [{"batch": size, "queries_per_s": rate} for size, rate in bare.items()],
        "served": rows,
        "browsing": browsing,
        "opening": [{**_opening(folder / "index"), **memory}],
    }


def _make(folder: Path, served: Served, images: Sequence[bytes]) -> Index:
    torch.manual_seed(served.seed)
    config = EmbedderConfig(served.architecture, dim=served.dim)
    model = build_embedder(replace(config, preprocessing=Preprocessing(size=224, resize=256)))
    save_embedder(model, folder / "model")
    (folder / "images").mkdir()
    for number in range(FILES):
        (folder / "images" / f"{number}.jpg").write_bytes(images[number % IMAGES])
    vectors = torch.from_numpy(clustered(served.count, model.dim, served.seed))
    records = [
        Record(f"{i % FILES}.jpg", labels={"label": f"class {i % 1_000}"}, extra={"number": i})
        for i in range(served.count)
    ]
    identity = identify(load_embedder(folder / "model"), str(folder / "model"))
    root = folder / "images"
    return Index.from_vectors(
        folder / "index", vectors, records, identity, plan=Plan(served.kind), root=root
    )


def _images(seed: int) -> list[bytes]:
    random = np.random.default_rng(seed)
    found = []
    for _ in range(IMAGES):
        coarse = Image.fromarray(random.integers(0, 256, (8, 8, 3), dtype=np.uint8))
        buffer = io.BytesIO()
        coarse.resize((SIDE, SIDE), Image.Resampling.BICUBIC).save(buffer, "JPEG", quality=90)
        found.append(buffer.getvalue())
    return found


@torch.inference_mode()
def _bare(
    model: Embedder, index: Index, images: Sequence[bytes], batch: int, requests: int
) -> float:
    """Queries a second without a server."""
    transform = model.transform
    started = time.perf_counter()
    for first in range(0, requests, batch):
        chosen = [images[i % IMAGES] for i in range(first, min(first + batch, requests))]
        inputs = [transform(decode_image(content, "query", 10**8)) for content in chosen]
        index.search(model(torch.stack(inputs)), K)
    return requests / (time.perf_counter() - started)


@contextmanager
def _served(index: Path, batch: int) -> Iterator[tuple[str, int]]:
    """Serve an index; the address and the process's number."""
    command = [sys.executable, "-c", SERVER, str(index), str(batch)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        try:
            address = server.stdout.readline().strip()
            if not address:
                raise RankzooError("the server did not start", "its own message stands above")
            yield address, server.pid
        finally:
            server.terminate()
            server.communicate()


def _under(address: str, images: Sequence[bytes], load: Load) -> dict[str, Any]:
    """Put a load on a server and return its figures."""
    _search(address, images, range(-IMAGES, 0))  # first answers are slower
    before = _batches(address)
    shares = [range(i, load.requests, load.concurrency) for i in range(load.concurrency)]
    started = time.perf_counter()
    with ThreadPoolExecutor(load.concurrency) as threads:
        found = list(threads.map(lambda share: _search(address, images, share), shares))
    elapsed = time.perf_counter() - started
    statuses, seconds = zip(*(pair for share in found for pair in share), strict=True)
    passes, queries = (b - a for a, b in zip(before, _batches(address), strict=True))
    return {
        "requests": len(statuses),
        "errors": sum(status != 200 for status in statuses),
        "requests_per_s": len(statuses) / elapsed,
        **_milliseconds(seconds),
        "mean_batch": queries / passes,
    }


def _browsing(address: str, count: int) -> list[dict[str, Any]]:
    """How long what the page asks besides searches by image takes, on one connection."""
    home = "/api/indexes/index"
    known = "where=label+like+'class+1%25'"
    asked: dict[str, tuple[int, Callable[[int], str]]] = {
        "a page of items": (100, lambda i: f"{home}/items?offset={i * 7_919 % (count - K)}"),
        "more like an item": (100, lambda i: f"{home}/search?like={i * 7_919 % count}"),
        "under a new condition": (10, lambda i: f"{home}/search?like={i}&where=number%25{i + 2}=1"),
        "under a known condition": (100, lambda i: f"{home}/search?like={i}&{known}"),
        "under one for 1 in 1,000": (
            100,
            lambda i: f"{home}/search?like={i}&where=label='class+7'",
        ),
        "the values of a column": (10, lambda _: f"{home}/values?column=label"),
        "a small image": (100, lambda i: f"{home}/items/{i}/picture"),
        "the same image again": (100, lambda i: f"{home}/items/{i}/picture"),
    }
    connection = HTTPConnection(urlsplit(address).netloc, timeout=60)
    found = []
    for what, (times, path) in asked.items():
        seconds = []
        for number in range(times):
            started = time.perf_counter()
            connection.request("GET", path(number))
            answer = connection.getresponse()
            answer.read()
            assert answer.status == 200, f"{path(number)}: {answer.status}"
            seconds.append(time.perf_counter() - started)
        found.append({"what": what, "times": times, **_milliseconds(seconds)})
    connection.close()
    return found


def _opening(index: Path) -> dict[str, float]:
    """How long opening takes, reading every byte or trusting what passed before."""
    found = {}
    for name, trusting in (("verified", False), ("seen before", True)):
        started = time.perf_counter()
        Reader.open(index, trust_seen=trusting).close()
        found[f"{name}_s"] = time.perf_counter() - started
    return found


def _memory(process: int) -> dict[str, float]:
    """Megabytes that the server holds, and with the pages of its mapped files."""
    status = Path(f"/proc/{process}/status").read_text(encoding="ascii")
    names = {"RssAnon": "held_mb", "VmRSS": "resident_mb"}
    found = (line.split() for line in status.splitlines())
    return {names[w[0][:-1]]: int(w[1]) / 1e3 for w in found if w and w[0][:-1] in names}


def _milliseconds(seconds: Sequence[float]) -> dict[str, float]:
    p50, p99 = (1_000 * float(np.percentile(seconds, p)) for p in (50, 99))
    return {"p50_ms": p50, "p99_ms": p99}


def _search(address: str, images: Sequence[bytes], numbers: range) -> list[tuple[int, float]]:
    """Search with one image after the other on one connection; return statuses and seconds."""
    found = []
    connection = HTTPConnection(urlsplit(address).netloc, timeout=60)
    for number in numbers:
        # Bytes after a JPEG's end change its hash only: no image is one the server remembers.
        content = images[number % IMAGES] + f"{id(connection)} {number}".encode()
        started = time.perf_counter()
        connection.request("POST", f"/api/indexes/index/search?k={K}", content)
        answer = connection.getresponse()
        json.loads(answer.read())
        found.append((answer.status, time.perf_counter() - started))
    connection.close()
    return found


def _batches(address: str) -> tuple[float, float]:
    """How many batches there were, and how many queries in them."""
    with urllib.request.urlopen(f"{address}metrics") as answer:
        text = answer.read().decode()
    found = [re.search(rf"^rankzoo_batch_size_{n} (\S+)$", text, re.M) for n in ("count", "sum")]
    count, total = (float(match[1]) for match in found if match)
    return count, total
