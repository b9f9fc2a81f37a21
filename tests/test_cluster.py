"""Workers of a cluster: their errors stay errors for persons, and all have one version."""

from collections.abc import Mapping
from typing import Any

import pytest

from zoo import __version__
from zoo.cluster import Cluster, Guarded, connected, unguarded
from zoo.errors import DataError, IntegrityError, RankzooError, UnavailableError, UsageError


class Fails:
    def __init__(self, error: Exception | None) -> None:
        self.error = error

    def __call__(self, row: Mapping[str, Any]) -> dict[str, Any]:
        if self.error is not None:
            raise self.error
        return {"double": 2 * row["n"]}


def test_an_answer_comes_back_as_it_is() -> None:
    assert unguarded(Guarded(Fails, (None,), __version__)({"n": 3})) == {"double": 6}


@pytest.mark.parametrize("kind", [UsageError, DataError, UnavailableError, IntegrityError])
def test_an_error_comes_back_as_what_it_was(kind: type[RankzooError]) -> None:
    row = Guarded(Fails, (kind("what", "do this"),), __version__)({})
    with pytest.raises(kind, match="what") as raised:
        unguarded(row)
    assert raised.value.hint == "do this"


def test_a_worker_of_another_version_is_refused() -> None:
    with pytest.raises(UnavailableError, match=f"a worker has rankzoo {__version__}, this is 0.0"):
        unguarded(Guarded(Fails, (None,), "0.0")({"n": 1}))


def test_gpus_follow_the_device_unless_somebody_says_how_many() -> None:
    assert Cluster().fit_for("cuda:1").gpus == 1
    assert Cluster().fit_for("cpu").gpus == 0
    assert Cluster(gpus=0.5).fit_for("cuda").gpus == 0.5


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("address", ["127.0.0.1:1", "nowhere.invalid:6379"])
def test_no_cluster_at_an_address_is_one_line_with_the_code_for_out_of_reach(address: str) -> None:
    with (
        pytest.raises(UnavailableError, match=f"Ray: no cluster at --address {address}"),
        connected(Cluster(address)),
    ):
        pass
