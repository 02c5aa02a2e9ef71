"""Types of structured output, in a file that costs nothing to import."""

from typing import Literal

Way = Literal["json_schema", "function", "text"]
Mode = Literal["auto", "json_schema", "function", "text"]
