"""How worker processes that read images are started."""

import sys

import torch


def start_method() -> str:
    """Return "fork" where a fork is safe, else "spawn"; the workers do the same work.

    A forked child shares what its parent holds: threads that are gone in it (Python 3.12 and later
    warns of them; faiss waits for its own for ever after a search) and a GPU it may not use. macOS
    and Windows start anew anyway. A worker that starts anew imports torch: seconds, once.
    """
    quiet = sys.platform == "linux" and sys.version_info < (3, 12)
    return "fork" if quiet and "faiss" not in sys.modules and not _gpu_in_use() else "spawn"


def _gpu_in_use() -> bool:
    return bool(torch.cuda.is_initialized())  # type: ignore[no-untyped-call]
