import os
import pickle
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from zoo.errors import IntegrityError
from zoo.hub.pickles import read_state_dict


class Malicious:
    def __init__(self, witness: Path) -> None:
        self.witness = witness

    def __reduce__(self) -> tuple[Callable[[str], None], tuple[str]]:
        return os.mkdir, (str(self.witness),)


@pytest.mark.parametrize("zipped", [True, False])
def test_a_pickle_that_would_run_code_is_refused_and_runs_nothing(
    tmp_path: Path, zipped: bool
) -> None:
    path, witness = tmp_path / "evil.pth", tmp_path / "it_ran"
    if zipped:
        torch.save({"weight": Malicious(witness)}, path)
    else:
        path.write_bytes(pickle.dumps({"weight": Malicious(witness)}))
    with pytest.raises(IntegrityError, match="not made of tensors alone") as error:
        read_state_dict(path)
    assert "safetensors" in error.value.hint
    assert not witness.exists()


def test_the_witness_would_have_been_written_by_a_careless_reader(tmp_path: Path) -> None:
    path, witness = tmp_path / "evil.pth", tmp_path / "it_ran"
    path.write_bytes(pickle.dumps(Malicious(witness)))
    pickle.loads(path.read_bytes())
    assert witness.is_dir()


@pytest.mark.parametrize("wrapper", [None, "state_dict", "net_state", "model"])
def test_tensors_are_found_plain_and_in_the_usual_wrappers(
    tmp_path: Path, wrapper: str | None
) -> None:
    tensors = {"a.weight": torch.arange(3.0)}
    torch.save({wrapper: tensors, "epoch": 3} if wrapper else tensors, tmp_path / "a.pth")
    found = read_state_dict(tmp_path / "a.pth")
    assert found.keys() == {"a.weight"}
    assert torch.equal(found["a.weight"], torch.arange(3.0))


def test_a_truncated_file_is_called_damaged(tmp_path: Path) -> None:
    path = tmp_path / "a.pth"
    torch.save({"a": torch.zeros(1000)}, path)
    path.write_bytes(path.read_bytes()[:700])
    with pytest.raises(IntegrityError, match="damaged"):
        read_state_dict(path)


@pytest.mark.parametrize("value", [[torch.zeros(1)], {}, {"epoch": 3}, {"a": "text"}])
def test_a_file_without_named_tensors_is_refused(tmp_path: Path, value: object) -> None:
    torch.save(value, tmp_path / "a.pth")
    with pytest.raises(IntegrityError, match="no named tensors"):
        read_state_dict(tmp_path / "a.pth")


@pytest.mark.parametrize(("names", "held"), [(4, True), (5, False)])
def test_tied_weights_are_written_out_up_to_four_times(
    tmp_path: Path, names: int, held: bool
) -> None:
    """4 MiB in the file once: what is read may be 4 of these and 1 MiB."""
    weight = torch.zeros(2**20)
    torch.save({f"layer{n}": weight for n in range(names)}, tmp_path / "a.pth")
    if held:
        assert len(read_state_dict(tmp_path / "a.pth")) == names
    else:
        with pytest.raises(IntegrityError, match="share storage and are 20,971,520 bytes"):
            read_state_dict(tmp_path / "a.pth")
