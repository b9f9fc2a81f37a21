"""What `mypy --strict` knows of a program that uses the library."""

from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PROGRAM = """
from pathlib import Path

import zoo
from zoo.index import Index

model = zoo.load("emoji-sup_hap")
reveal_type(model.embed_images("query.png"))
reveal_type(model.embed_images([Path("a.png"), "b.png"]).shape[0] + model.dim)
reveal_type(model.embed_texts(["a red heart"]))
reveal_type(model.score_images("query.png"))
reveal_type(Index.open("idx"))
reveal_type(Index.open(Path("idx")))
model.embed_images(3)
"""


@pytest.mark.long  # 47 s of processor time: mypy reads torch's own types
def test_a_users_program_is_typed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from mypy import api

    (tmp_path / "program.py").write_text(PROGRAM)
    monkeypatch.setenv("MYPYPATH", str(ROOT))
    options = ["--strict", "--follow-imports=silent", "--ignore-missing-imports"]
    cache = ["--config-file=", "--cache-dir", str(ROOT / ".mypy_cache/user")]
    told, problem, _ = api.run([*options, *cache, str(tmp_path / "program.py")])
    assert not problem
    revealed = [line.split('"')[1] for line in told.splitlines() if "Revealed type" in line]
    lists = "list[dict[str, float]]"
    tensor, number, index = "torch._tensor.Tensor", "int", "zoo.index.index.Index"
    wanted = [tensor, number, tensor, lists, index, index]
    assert [name.replace("builtins.", "") for name in revealed] == wanted
    (error,) = [line for line in told.splitlines() if ": error: " in line]
    assert 'Argument 1 to "embed_images" of "LoadedModel"' in error
