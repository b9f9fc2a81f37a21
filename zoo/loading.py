"""A model from any name: `zoo.load("efficientnet_lite0")`, a folder, `owner/name@revision`."""

from torch import nn

from zoo.hub.resolve import resolve_model


def load(
    name: str, *, revision: str | None = None, offline: bool = False, device: str = "cpu"
) -> nn.Module:
    """Return the model called `name` in evaluation mode, with its `.transform`.

    Raises:
        UnavailableError: no such model, or it cannot be reached.
        IntegrityError: its files are not what was promised.
    """
    from zoo.models import load_embedder

    folder = resolve_model(name, revision=revision, offline=offline)
    model: nn.Module = load_embedder(folder)
    return model.to(device).eval()
