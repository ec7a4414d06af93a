"""The network of studies/torch2trt-guide.yaml: torchvision's ResNet-18 behind a bilinear interpolation by two."""

import torch
from torch import nn
from torch.nn.functional import interpolate


class UpsampledResNet18(nn.Module):
    """Images [batch, 3, 224, 224], enlarged to 448 x 448 first, to scores of 1,000 classes."""

    def __init__(self) -> None:
        super().__init__()
        import torchvision

        self.network = torchvision.models.resnet18(weights=None)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        return self.network(interpolate(image, scale_factor=2.0, mode="bilinear", align_corners=True))
