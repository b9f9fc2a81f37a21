"""All served indexes by name, and the models that make their queries."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from torch import nn

from zoo.embedding.identity import as_indexed
from zoo.errors import UsageError
from zoo.index.generations import read_current
from zoo.index.reader import Reader
from zoo.serve.encoder import Encoder
from zoo.serve.refusal import RefusedError
from zoo.serve.served import Served

LOOK_EVERY = 1.0  # seconds between two looks at CURRENT, one `stat` an index


class Library:
    """The served indexes, in the order given."""

    def __init__(self, served: Mapping[str, Served]) -> None:
        self.served = dict(served)

    @classmethod
    def open(
        cls,
        folders: Sequence[Path],
        load: Callable[[str], nn.Module],
        model: str = "",
        words: Callable[[str], nn.Module | None] = lambda _: None,
        open_reader: Callable[[Path], Reader] = Reader.open,
    ) -> "Library":
        """Open indexes, and each model once.

        load: returns the model called by a name. model: use this one, not the one each index names.
        words: returns what reads text for the model called by a name, if that is another model.
        open_reader: opens a generation: searched here, or by shards (`zoo.serve.shards`).

        Raises:
            UsageError: an index does not say where its model is, or that is another one now.
            UnavailableError, IntegrityError: an index or a model cannot be opened.
        """
        if not folders:
            raise UsageError("there is no index to serve", "rankzoo index build makes one")
        encoders: dict[tuple[Any, ...], Encoder] = {}
        served: dict[str, Served] = {}
        for folder in folders:
            name = model or _model_of(folder)
            identity = read_current(folder).model
            wanted = (name, *identity.config.get("scales", ()))
            if wanted not in encoders:
                encoders[wanted] = Encoder(as_indexed(load(name), identity), name, words(name))
            key = free_name(folder.resolve().name, served)
            served[key] = Served(key, folder, encoders[wanted], open_reader)
        return cls(served)

    def __getitem__(self, name: str) -> Served:
        """Return an index by name.

        Raises:
            RefusedError: there is none of that name.
        """
        if name not in self.served:
            known = ", ".join(self.served)
            raise RefusedError(404, f"no index is called {name!r}", f"served here: {known}")
        return self.served[name]

    async def watch(self) -> None:
        """Take new generations as they are published, for ever."""
        while True:
            await asyncio.sleep(LOOK_EVERY)
            for served in self.served.values():
                await served.refresh()

    def close(self) -> None:
        """Close every index."""
        for served in self.served.values():
            served.close()


def free_name(wanted: str, taken: Mapping[str, object]) -> str:
    """Return `wanted`, or `wanted-2`, `wanted-3`… if that is taken.

    >>> free_name("idx", {"idx": 1, "idx-2": 1})
    'idx-3'
    """
    names = [wanted, *(f"{wanted}-{n}" for n in range(2, len(taken) + 2))]
    return next(name for name in names if name not in taken)


def _model_of(folder: Path) -> str:
    name = read_current(folder).model.name
    if not name:
        raise UsageError(f"{folder} does not say where its model is", "give --model")
    return name
