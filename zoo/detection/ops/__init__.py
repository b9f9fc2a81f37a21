"""mmcv's compiled operators, in mmcv's calling convention, on top of torchvision's own."""
