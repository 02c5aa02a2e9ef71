"""The Pollinations gateway for Python: chat, pictures, video, text, catalogue and account, sync and
async.

Needs httpx and pydantic only; the adapters ``langchain_pollinations`` and
``llamaindex_pollinations`` stand on it.
"""

from typing import TYPE_CHECKING

from . import errors
from ._distribution import __version__
from ._lazy_imports import lazy_names
from .budget.budget import PollenBudget
from .catalog.catalog import Catalog, Cost, CostPart, Durations, ModelCard, snapshot
from .client import AsyncPollinationsClient, PollinationsClient
from .errors import *  # noqa: F403 - errors.__all__ is the one list of error classes
from .reply import (
    AudioDelta,
    AudioPart,
    Event,
    Finished,
    ImagePart,
    OtherPart,
    Part,
    PartDelta,
    ReasoningDelta,
    ReasoningPart,
    Reply,
    TextDelta,
    TextPart,
    ToolCall,
    ToolCallDelta,
)
from .reply_metadata import ResponseInfo, Usage
from .request.chat_options import ChatOptions, ModelOptions
from .request.image_options import ImageOptions
from .request.messages import PollinationsWarning
from .request.text_options import TextOptions
from .response.picture import Picture
from .settings.limits import Limits, Timeouts
from .settings.retry import RetryPolicy
from .settings.settings import Settings

if TYPE_CHECKING:
    from .response.account import (
        AccountBalance,
        Balance,
        DailyUsage,
        KeyInfo,
        KeyPermissions,
        Profile,
        UsageRecord,
        daily_usage_from_csv,
        usage_from_csv,
    )
    from .response.media_result import MediaResult
    from .response.ocr import OcrPage
    from .response.upload import UploadedMedia
else:
    __getattr__ = lazy_names(
        __name__,
        {
            ".response.account": (
                "AccountBalance Balance DailyUsage KeyInfo KeyPermissions Profile"
                " UsageRecord daily_usage_from_csv usage_from_csv"
            ),
            ".response.media_result": "MediaResult",
            ".response.ocr": "OcrPage",
            ".response.upload": "UploadedMedia",
        },
    )

__all__ = [
    "AccountBalance",
    "AsyncPollinationsClient",
    "AudioDelta",
    "AudioPart",
    "Balance",
    "Catalog",
    "ChatOptions",
    "Cost",
    "CostPart",
    "DailyUsage",
    "Durations",
    "Event",
    "Finished",
    "ImageOptions",
    "ImagePart",
    "KeyInfo",
    "KeyPermissions",
    "Limits",
    "MediaResult",
    "ModelCard",
    "ModelOptions",
    "OcrPage",
    "OtherPart",
    "Part",
    "PartDelta",
    "Picture",
    "PollenBudget",
    "PollinationsClient",
    "PollinationsWarning",
    "Profile",
    "ReasoningDelta",
    "ReasoningPart",
    "Reply",
    "ResponseInfo",
    "RetryPolicy",
    "Settings",
    "TextDelta",
    "TextOptions",
    "TextPart",
    "Timeouts",
    "ToolCall",
    "ToolCallDelta",
    "UploadedMedia",
    "Usage",
    "UsageRecord",
    "__version__",
    "daily_usage_from_csv",
    "snapshot",
    "usage_from_csv",
]
__all__ += errors.__all__
