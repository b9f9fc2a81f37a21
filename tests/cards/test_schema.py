from pathlib import Path
from typing import Any

import pytest
import yaml

from zoo.cards.licences import licence_warning
from zoo.cards.results import Result, model_index, read_results
from zoo.cards.schema import problems
from zoo.cards.shelf import Card, read_card
from zoo.errors import DataError

SHA = "a" * 64


def front(**changes: Any) -> dict[str, Any]:
    block = {
        "source": {"repo": "me/photos", "revision": "0" * 40},
        "files": [{"name": "model.safetensors", "size": 3, "sha256": SHA}],
        "architecture": "resnet18",
    }
    base = {
        "license": "mit",
        "library_name": "rankzoo",
        "pipeline_tag": "image-feature-extraction",
        "tags": ["retrieval"],
    }
    return {**base, "rankzoo": {**block, **changes.pop("block", {})}, **changes}


def card(folder: Path, value: dict[str, Any], body: str = "# Photos\n") -> Card:
    path = folder / "photos.md"
    path.write_text(f"---\n{yaml.safe_dump(value)}---\n{body}")
    return read_card(path)


def metric(**args: Any) -> dict[str, Any]:
    results = {"dataset": {"type": "sop"}, "metrics": [{"type": "r1", "value": 0.8, "args": args}]}
    return {"model-index": [{"name": "photos", "results": [results]}]}


MEASURED = {"protocol": "p", "provenance": "measured", "command": "c", "seed": 0, "date": "d"}
QUOTED = {"protocol": "p", "provenance": "quoted", "source": "the paper, table 2"}


@pytest.mark.parametrize("extra", [{}, metric(**MEASURED), metric(**QUOTED)])
def test_a_good_card_has_no_problems(tmp_path: Path, extra: dict[str, Any]) -> None:
    assert problems(card(tmp_path, front(**extra)), recipes=()) == []


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"licence": "mit"}, "licence: unknown key, did you mean 'license'"),
        ({"license": "apache"}, "license: 'apache' is unknown, did you mean 'apache-2.0'"),
        ({"license": "other"}, "other needs license_name"),
        ({"library_name": "timm"}, "library_name"),
        ({"pipeline_tag": "image-retrieval"}, "pipeline_tag: 'image-retrieval' is unknown"),
        ({"tags": "retrieval"}, "tags: must be a list"),
        ({"block": {"archtecture": "x"}}, "rankzoo.archtecture: unknown key"),
        ({"block": {"architecture": None}}, "architecture: missing"),
        ({"block": {"source": None}}, "neither a source of weights nor a recipe"),
        ({"block": {"source": {"repo": "photos"}}}, "not owner/name"),
        ({"block": {"source": {"repo": "me/photos", "revision": "main"}}}, "40 hexadecimal"),
        ({"block": {"source": {"repo": "me/photos"}}}, "40 hexadecimal"),
        ({"block": {"files": []}}, "a fixed source needs its files"),
        ({"block": {"files": [{"name": "a", "size": 1, "sha256": "b"}]}}, "sha256 of a"),
        ({"block": {"files": [{"name": "a", "size": 0, "sha256": SHA}]}}, "size of a"),
        ({"block": {"recipe": "sop-nothing"}}, "no recipe is called 'sop-nothing'"),
        ({"block": {"transform": {"input_size": [224]}}}, "transform.input_size"),
        (metric(**{**MEASURED, "seed": None}), "a measured number needs seed"),
        (metric(**{**QUOTED, "source": ""}), "a quoted number needs source"),
        (metric(**{**QUOTED, "provenance": "guessed"}), "provenance must be one of"),
        (metric(provenance="quoted", source="s"), "protocol is missing"),
    ],
)
def test_each_mistake_is_named(tmp_path: Path, changes: dict[str, Any], words: str) -> None:
    found = problems(card(tmp_path, front(**changes)), recipes=("sop-supap",))
    assert any(words in line for line in found), found


def test_a_number_that_is_no_number_is_named(tmp_path: Path) -> None:
    value = metric(**QUOTED)
    value["model-index"][0]["results"][0]["metrics"][0]["value"] = "about 80"
    assert "not a number" in " ".join(problems(card(tmp_path, front(**value))))


@pytest.mark.parametrize(
    "text", ["no front matter", "---\na: [\n---\n", "---\n- a\n---\n", "---\nlicense: mit\n"]
)
def test_a_file_that_is_no_card_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "a.md").write_text(text)
    with pytest.raises(DataError, match=r"a\.md"):
        read_card(tmp_path / "a.md")


@pytest.mark.parametrize(
    "block",
    [
        {"files": [{"name": "a", "bytes": 3}]},
        {"source": {"package": "a==1"}},
    ],
)
def test_a_card_with_a_torn_block_is_refused(tmp_path: Path, block: dict[str, Any]) -> None:
    with pytest.raises(DataError, match="source, files or model-index"):
        card(tmp_path, front(block=block))


def test_the_model_index_goes_out_and_comes_back() -> None:
    results = [Result("sop", "r1", 0.8, QUOTED, "test"), Result("cub", "r1", 0.7, MEASURED)]
    assert list(read_results(model_index("photos", "image-feature-extraction", results))) == results
    assert model_index("photos", "x", []) == []


def test_the_hubs_own_reader_understands_our_model_index() -> None:
    from huggingface_hub.repocard_data import model_index_to_eval_results

    index = model_index("photos", "x", [Result("sop", "recall_at_1", 0.8, QUOTED, "test")])
    name, found = model_index_to_eval_results(index)
    assert name == "photos"
    assert (found[0].dataset_type, found[0].metric_type, found[0].metric_value) == (
        "sop",
        "recall_at_1",
        0.8,
    )


@pytest.mark.parametrize(
    ("licence", "words"),
    [
        ("cc-by-nc-4.0", "not for commercial use"),
        ("cc-by-sa-4.0", "keeps this licence"),
        ("unknown", "read it before use"),
        ("mit", ""),
    ],
)
def test_a_licence_that_binds_is_announced(tmp_path: Path, licence: str, words: str) -> None:
    warning = licence_warning(card(tmp_path, front(license=licence)))
    assert words in warning
    assert bool(words) == bool(warning)
