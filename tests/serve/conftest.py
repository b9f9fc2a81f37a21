"""A served index of twelve one-coloured pictures, and clients to ask it."""

import shutil
import threading
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest
import uvicorn
from playwright.sync_api import Error, Page, expect, sync_playwright
from starlette.testclient import TestClient

from zoo.data.dataset import read_dataset
from zoo.index import Index
from zoo.serve.app import create_app
from zoo.serve.conditions import Conditions
from zoo.serve.detector import Detector
from zoo.serve.library import Library
from zoo.serve.run import address_of, bind, config_of
from zoo.serve.service import Service
from zoo.serve.settings import Limits, Settings

Client = Callable[..., TestClient]


@pytest.fixture
def idx(photos: Path, tmp_path: Path, colour_model: Callable[..., object]) -> Path:
    """An index folder over `photos`."""
    rows = ["path,label,year,caption"]
    for number, path in enumerate(sorted(photos.rglob("*.png"))):
        place = path.relative_to(photos)
        rows.append(f"{place},{place.parts[0]},{2000 + number},a {place.parts[0]} square {number}")
    (photos / "set.csv").write_text("\n".join(rows) + "\n")
    Index.build(
        tmp_path / "idx",
        colour_model(),  # type: ignore[arg-type]
        read_dataset(photos / "set.csv"),
        name="colours",
    )
    return tmp_path / "idx"


@pytest.fixture
def open_service(idx: Path, colour_model: Callable[..., object]) -> Callable[..., Service]:
    """Open a service over `idx`, or over the folders given."""

    def open_it(*folders: Path, **settings: object) -> Service:
        library = Library.open(folders or (idx,), lambda _: colour_model())  # type: ignore[arg-type, return-value]
        defaults = {"limits": Limits(rate=0)}
        return Service(library, Settings(**{**defaults, **settings}))  # type: ignore[arg-type]

    return open_it


@pytest.fixture
def patient_conditions(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no condition end for its time, however long the machine takes and whoever waits."""
    patient = partial(Conditions, alone_s=600.0, crowded_s=600.0)
    monkeypatch.setattr("zoo.serve.service.Conditions", patient)


@pytest.fixture
def client(open_service: Callable[..., Service]) -> Iterator[Client]:
    """Start an application as its server would, and return what asks it."""
    started: list[TestClient] = []

    def start(*folders: Path, **settings: object) -> TestClient:
        app = create_app(open_service(*folders, **settings))
        found = TestClient(app, base_url="http://localhost:8642")
        started.append(found.__enter__())
        return found

    yield start
    for found in started:
        found.__exit__(None, None, None)


@pytest.fixture
def address(open_service: Callable[..., Service]) -> Iterator[Callable[..., str]]:
    """Serve in a thread, on a real socket; return the address."""
    running: list[tuple[uvicorn.Server, threading.Thread]] = []

    def start(detector: Detector | None = None, **settings: object) -> str:
        service = open_service(**settings)
        service.detector = detector
        listening = bind("127.0.0.1", 0)
        server = uvicorn.Server(config_of(service))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        running.append((server, thread))
        return address_of("127.0.0.1", listening)

    yield start
    for server, thread in running:
        server.should_exit = True
        thread.join()


@pytest.fixture
def page() -> Iterator[Page]:
    """A page that fails the test when a script does."""
    chromium = shutil.which("chromium")
    assert chromium, "apt-get install chromium"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        shown = browser.new_page()
        shown.set_default_timeout(60_000)
        expect.set_options(timeout=60_000)  # the page's does not reach it
        failures: list[Error] = []
        shown.on("pageerror", lambda error: failures.append(error))
        yield shown
        browser.close()
    assert failures == []
