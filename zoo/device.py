"""Where to compute: `auto` takes the first GPU when there is one."""

import torch

from zoo.errors import UsageError


def pick_device(name: str = "auto") -> str:
    """Return a device that exists on this machine.

    Raises:
        UsageError: the name is no device, or it is not here.
    """
    if name == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise UsageError(f"--device {name}: no such device", "auto, cpu, cuda or cuda:N") from error
    if device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count():
        raise UsageError(f"--device {name}: not on this machine", "use --device cpu")
    return name
