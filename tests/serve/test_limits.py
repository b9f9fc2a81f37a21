"""What the server allows is what its README, its document and its command line say."""

import inspect
import re
from collections.abc import Callable
from io import BytesIO
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from prometheus_client.parser import text_string_to_metric_families
from starlette.testclient import TestClient

from cli.serve import Door, limit_options, model_options, setting_options, spread_options
from zoo.cluster import Cluster
from zoo.errors import UsageError
from zoo.serve import (
    access,
    answers,
    conditions,
    guard,
    library,
    pictures,
    run,
    served,
    service,
    shards,
    snapshot,
    spread,
    values,
)
from zoo.serve import settings as allowed
from zoo.serve.models import Models
from zoo.serve.settings import Limits, Settings
from zoo.sorters import GaussianSorter
from zoo.sorters.store import save_sorter

README = (Path(answers.__file__).parent / "README.md").read_text(encoding="utf-8")
LIMITS = {
    "characters of a text": Limits().text,
    "characters of a condition": Limits().where,
    "parts of a query": service.PARTS,
    "images remembered, to be asked with again": service.REMEMBERED,
    "queries in line, and conditions in line": Limits().waiting,
    "connections": run.CONNECTIONS,
    "threads that decode images": service.THREADS,
    "seconds for headers, and for an answer to be read": run.IDLE,
    "seconds of running requests once the server stops": run.GOODBYE,
    "seconds of a condition": conditions.ALONE_S,
    "seconds of a condition while another waits": conditions.CROWDED_S,
    "seconds between two looks at `CURRENT`": library.LOOK_EVERY,
    "seconds between two looks at a generation that could not be taken": served.AGAIN_S,
    "generations tried for one answer": served.TRIES,
    "conditions kept with what they found, a generation": snapshot.FILTERS,
    "clients whose rates are remembered": guard.CLIENTS,
    "seconds' worth of `--rate` that may come at once": guard.BURST,
    "searches that a wrong token costs": guard.WRONG_TOKEN,
    "share of a search that an image or a list costs": guard.CHEAP,
    "values of a column": values.OFFERED,
    "values of a column considered, a segment": values.CONSIDERED,
    "bytes of images made small, kept": Limits().cache_bytes,
    "bytes of an image file that is read": pictures.LARGEST_FILE,
    "pixels of an original's longest side": pictures.LARGEST_SIDE,
    "shortest token, characters": allowed.SHORTEST_TOKEN,
    "segments that a shard keeps open": shards.KEPT,
    "seconds that a shard that stayed away is waited for": shards.AWAY_S,
}


def table(header: str) -> list[list[str]]:
    """The rows under a header of the README."""
    after = README[README.index(header) :].splitlines()[2:]
    rows = []
    for line in after:
        if not line.strip().startswith("|"):
            break
        rows.append([cell.strip() for cell in line.strip().strip("|").split("|")])
    return rows


def number(cell: str) -> float | None:
    return float(cell.replace(",", "")) if cell else None


def test_limits_that_no_flag_changes_are_those_told() -> None:
    told = {name: number(value) for name, value in table("| limit | |")}
    assert told == LIMITS


def test_every_number_of_a_search_has_the_range_and_the_default_told(
    client: Callable[..., TestClient],
) -> None:
    document = client().get("/openapi.json").json()
    told = {name.strip("`"): [*map(number, rest[:3])] for name, *rest in table("| parameter |")}
    asked = document["paths"]["/api/indexes/{name}/search"]["get"]["parameters"]
    found = {p["name"]: p["schema"] for p in asked if "default" in p["schema"]}
    assert found.pop("where")["default"] == ""
    assert told == {
        name: [schema.get("minimum"), schema.get("maximum"), schema["default"]]
        for name, schema in found.items()
        if schema["type"] != "array"
    }


@pytest.mark.parametrize("asked", [2**63 - 1, 2**63])
def test_an_id_is_at_most_what_sqlite_stores(client: Callable[..., TestClient], asked: int) -> None:
    status = 404 if asked < 2**63 else 422
    for path in (f"items/{asked}", f"search?like={asked}"):
        assert client().get(f"/api/indexes/idx/{path}").status_code == status


def test_every_status_told_is_in_the_document_with_the_body_of_an_error(
    client: Callable[..., TestClient],
) -> None:
    told = {int(one) for row in table("| status | when |") for one in re.findall(r"\d+", row[0])}
    assert told - {guard.GONE} == set(access.REFUSALS)
    paths: dict[str, Any] = client().get("/openapi.json").json()["paths"]
    for operation in (one for methods in paths.values() for one in methods.values()):
        kinds = {
            int(n): r["content"]["application/json"]["schema"]
            for n, r in operation["responses"].items()
            if n >= "400"
        }
        assert set(kinds) == set(access.REFUSALS)
        assert {kind["$ref"].rpartition("/")[2] for kind in kinds.values()} == {"Problem"}


def test_an_image_is_a_body_that_must_be_sent(client: Callable[..., TestClient]) -> None:
    paths = client().get("/openapi.json").json()["paths"]
    for path in ("/api/detect", "/api/indexes/{name}/search", "/api/indexes/{name}/pictures"):
        body = paths[path]["post"]["requestBody"]
        assert body["required"] is True
        assert set(body["content"]) == {"image/*", "application/octet-stream"}


def test_an_image_is_made_small_to_the_sizes_that_the_page_asks_for(
    client: Callable[..., TestClient], photos: Path
) -> None:
    page = Path(answers.__file__).parent / "page"
    asked = {int(n) for js in page.glob("*.js") for n in re.findall(r"&size=(\d+)", js.read_text())}
    assert asked == {320, 1280} < set(pictures.SIZES)
    buffer = BytesIO()
    Image.new("RGB", (1000, 500), "red").save(buffer, "PNG")
    ask = client()
    sent = ask.post("/api/indexes/idx/pictures", content=buffer.getvalue()).json()["picture"]
    shown = ask.get(f"/api/pictures/{sent}")
    assert Image.open(BytesIO(shown.content)).size == (320, 160)
    assert shown.headers["cache-control"] == "private"
    usual, chosen = (ask.get(f"/api/indexes/idx/items/0/picture{n}") for n in ("", "?size=320"))
    assert usual.content == chosen.content


def test_counted_seconds_and_batches_go_up_by_twos_and_to_what_may_be(
    client: Callable[..., TestClient],
) -> None:
    ask = client()
    ask.get("/api/indexes/idx/search", params={"text": "red"})
    families = {f.name: f for f in text_string_to_metric_families(ask.get("/metrics").text)}

    def bounds(name: str) -> list[float]:
        found = {s.labels["le"] for s in families[name].samples if s.name.endswith("_bucket")}
        return sorted(float(bound) for bound in found if bound != "+Inf")

    seconds, batches = bounds("rankzoo_request_seconds"), bounds("rankzoo_batch_size")
    assert (seconds[0], seconds[-1]) == (0.001, Limits().seconds)
    ratios = [after / before for before, after in pairwise(seconds[:-1])]
    assert [round(ratio, 6) for ratio in ratios] == [2.5, 2, 2] * 4
    assert batches == [2.0**n for n in range(7)]
    assert batches[-1] == 2 * Limits().batch


def defaults_of(maker: Callable[..., Any]) -> dict[str, Any]:
    """What a command's flags are when nothing is typed."""
    found = inspect.signature(maker).parameters.values()
    return {flag.name: flag.default for flag in found}


def test_a_server_from_python_is_the_one_the_command_starts() -> None:
    assert limit_options(**defaults_of(limit_options)) == Limits()
    assert setting_options(**defaults_of(setting_options)) == Settings()
    assert (Settings().host, Settings().port) == (Door().host, Door().port)
    assert f"http://{Settings().host}:{Settings().port}/" in README
    typed = defaults_of(spread_options) | {"engine": "ray"}
    assert spread_options(**typed) == spread.Spread(Cluster())
    assert (Cluster().cpus, Cluster().gpus, Cluster().address) == (1, None, None)
    offline = defaults_of(model_options)["offline"]
    assert Models() == Models("", "", "cpu", offline) == Models(offline=False)


def test_a_shard_is_waited_for_a_third_of_the_request() -> None:
    assert spread.Spread(Cluster()).seconds == Limits().seconds / 3


@pytest.mark.parametrize(("kind", "option"), [("model", "--model"), ("detector", "--detector")])
def test_a_model_of_a_task_that_is_not_served_is_refused_by_its_option(
    tmp_path: Path, kind: str, option: str
) -> None:
    save_sorter(GaussianSorter(), tmp_path / "sorter", "gaussian")
    chosen = Models(**{kind: str(tmp_path / "sorter")}, offline=True)
    with pytest.raises(UsageError, match=f"serve {option}"):
        chosen.check()
    Models().check()
    assert isinstance(chosen.load(str(tmp_path / "sorter")), GaussianSorter)
