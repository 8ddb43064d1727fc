"""ImageCaptured: a camera took a picture; the picture itself stays in a store (claim check)."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from schemas.envelope import SourceEvent
from schemas.identity import ChannelName, OrderId, Sha256, UnitId
from schemas.label import DataClass, Label


class ImageCaptured(SourceEvent):
    """``dataref`` is the path or URL of the picture, ``sha256`` what its bytes must hash to."""

    TYPE: ClassVar[str] = "factory.image-captured.v1"

    type: Annotated[Literal["factory.image-captured.v1"], Label("Contract and version")] = "factory.image-captured.v1"
    unit: Annotated[UnitId, Label("Unit in the picture")]
    order: Annotated[OrderId | None, Label("Order id")] = None
    camera: Annotated[ChannelName, Label("Camera")]
    dataref: Annotated[
        str,
        Field(max_length=1000),
        Label("Path or URL of the picture (CloudEvents dataref)", classified=DataClass.GENERAL_1),
    ]
    sha256: Annotated[Sha256, Label("sha256 of the picture's bytes")]
    media_type: Annotated[Literal["image/png", "image/jpeg"], Label("Media type")]
    width: Annotated[int, Field(ge=1, le=32_768), Label("Width", unit="{pixel}")]
    height: Annotated[int, Field(ge=1, le=32_768), Label("Height", unit="{pixel}")]
