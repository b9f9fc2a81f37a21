"""A run goes to the Hub: weights, configuration, card and results in one commit."""

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from huggingface_hub import CommitOperationAdd, EvalResultEntry, eval_result_entries_to_yaml
from huggingface_hub.utils.tqdm import disable_progress_bars

from zoo.cards.model_files import WEIGHTS
from zoo.cards.names import parse_hub_name
from zoo.errors import IntegrityError, UsageError
from zoo.files import as_yaml
from zoo.hub.client import describe, endpoint, hub_api
from zoo.hub.failures import told
from zoo.hub.patience import SLOWEST_UP, patient
from zoo.hub.retry import with_retries
from zoo.hub.run_card import run_card, run_results
from zoo.progress import Track, silent
from zoo.runs.reading import Run, read_run, shared_files

CARD = "README.md"
EVAL_RESULTS = ".eval_results/rankzoo.yaml"


@dataclass(frozen=True)
class Pushed:
    """What went up, or would: file sizes by name, and the commit (empty for a dry run)."""

    repo: str
    url: str
    commit: str
    private: bool
    files: dict[str, int]

    def as_json(self) -> dict[str, Any]:
        """Return what `rankzoo push --json` prints."""
        files = [{"name": name, "size": size} for name, size in self.files.items()]
        named = {"repo": self.repo, "url": self.url, "revision": self.commit}
        return {**named, "private": self.private, "files": files}


@dataclass(frozen=True)
class PushOptions:
    """What a repository is to be.

    licence: by default that of the base model. dataset: the Hub's name of the data, for the
    `.eval_results` entry.
    """

    private: bool = False
    licence: str | None = None
    dataset: str | None = None


def push(
    folder: Path,
    repo: str,
    options: PushOptions = PushOptions(),
    *,
    dry_run: bool = False,
    track: Track = silent,
) -> Pushed:
    """Upload a run or model folder; all files appear in one commit, or none does.

    Weights that an interrupted push has already sent are not sent again.

    Raises:
        UsageError: not owner/name, or `private` is asked for and the repository is public; a
            licence beside a card, or a dataset without results.
        UnavailableError: no access, or no answer.
        IntegrityError: the folder is damaged, or the Hub holds other bytes after the push.
    """
    source = parse_hub_name(repo)
    if source is None or source.revision:
        raise UsageError(f"{repo!r} is not owner/name", "for example me/photos-resnet50")
    run = read_run(folder)
    files = {path.relative_to(folder).as_posix(): path for path in shared_files(run)}
    content = {**files, **_written(run, repo, options.licence, options.dataset)}
    sizes = {n: len(c) if isinstance(c, bytes) else c.stat().st_size for n, c in content.items()}
    url = f"{endpoint()}/{repo}"
    if dry_run:
        return Pushed(repo, url, "", options.private, sizes)
    with patient() as patience, told(repo):
        patience.earn(sum(sizes.values()) / SLOWEST_UP)
        _open_repository(repo, options.private)
        commit = _commit(repo, run, content, track)
        _check(repo, commit, run)
    return Pushed(repo, url, commit, options.private, sizes)


def eval_results(run: Run, dataset: str | None = None) -> str:
    """Return the `.eval_results` file of a run's numbers (huggingface.co/docs/hub/eval-results)."""
    entries = [
        EvalResultEntry(
            dataset_id=dataset or result.dataset,
            task_id=result.metric,
            value=result.value,
            date=str(result.args["date"]),
            notes="; ".join(filter(None, (result.protocol, result.options, result.origin))),
        )
        for result in run_results(run)
    ]
    return as_yaml(eval_result_entries_to_yaml(entries))


def _written(
    run: Run, repo: str, licence: str | None, dataset: str | None
) -> dict[str, bytes | Path]:
    """Return the files that are made for the Hub; a card the run has already is kept."""
    own = run.folder / CARD
    if own.is_file() and licence is not None:
        hint = "write the licence there and leave --license out, or remove the card"
        raise UsageError(f"--license {licence}: {own} is the card, and is sent as it is", hint)
    if dataset is not None and not run.results:
        hint = "leave it out, or measure first: rankzoo eval RUN --data DATA --save"
        raise UsageError(f"--dataset {dataset}: {run.folder} holds no results on any data", hint)
    if own.is_file():
        card = own.read_bytes()
    else:
        card = run_card(run, repo.partition("/")[2], repo=repo, licence=licence).encode()
    results = {EVAL_RESULTS: eval_results(run, dataset).encode()} if run.results else {}
    return {CARD: card, **results}


def _open_repository(repo: str, private: bool) -> None:
    create = partial(hub_api().create_repo, repo, private=private, exist_ok=True)
    with_retries(create, repo)
    if private and not describe(repo, None).private:
        raise UsageError(
            f"{repo} exists and is public, and --private was asked for",
            "nothing was sent; make it private first, or choose another name",
        )


def _commit(repo: str, run: Run, content: dict[str, bytes | Path], track: Track) -> str:
    operations = [CommitOperationAdd(name, body) for name, body in content.items()]
    message = f"Add {run.architecture} trained with rankzoo"
    disable_progress_bars()
    for operation in track(operations, f"send to {repo}", total=len(operations)):
        send = partial(hub_api().preupload_lfs_files, repo, [operation])
        with_retries(send, f"{repo} {operation.path_in_repo}")
    commit = partial(hub_api().create_commit, repo, operations, commit_message=message)
    return str(with_retries(commit, repo).oid)


def _check(repo: str, commit: str, run: Run) -> None:
    """Raise unless the Hub now names the weights by the hash they have here."""
    expected = {record.name: record.sha256 for record in run.files}[WEIGHTS]
    held = {file.name: file.sha256 for file in describe(repo, commit).files}
    if held.get(WEIGHTS) != expected:
        raise IntegrityError(f"{repo}@{commit[:8]}: the Hub holds other weights", "push again")
