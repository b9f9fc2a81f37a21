"""Options that several commands around an index share."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from zoo.errors import UsageError

if TYPE_CHECKING:
    from zoo.index.layout import Plan

Folder = Annotated[Path, typer.Argument(metavar="IDX", help="The index folder.")]
Images = Annotated[
    Path,
    typer.Option(
        "--images", "--data", help="Folder of images, a .csv/.jsonl manifest, or hf:owner/name."
    ),
]
OwnModel = Annotated[
    str, typer.Option("--model", help="The index's model, if it is not where it was.")
]
Captions = Annotated[bool, typer.Option("--captions", help="Index the captions, not the images.")]
Kind = Annotated[str, typer.Option("--kind", help="faiss kind: Flat, HNSW32, IVF1024,PQ64x4fs…")]
Refine = Annotated[int, typer.Option("--refine", min=0, help="Re-rank k times this many exactly.")]
Like = Annotated[
    Path | None, typer.Option("--like", help="Index whose trained codes to share (for merge).")
]
Where = Annotated[
    str | None, typer.Option("--where", help="SQL condition: label = 'cat' and year > 2010.")
]


def plan_options(kind: Kind = "Flat", refine: Refine = 0) -> "Plan":
    """Return how an index is laid out.

    Raises:
        UsageError: there is nothing to refine.
    """
    from zoo.index.layout import Plan

    plan = Plan(kind, refine)
    if plan.refine and plan.exact:
        problem = f"--refine ranks anew by exact vectors, and {kind} compares with nothing else"
        raise UsageError(problem, "leave it out, or give a --kind of codes: IVF1024,PQ64x4fs")
    return plan
