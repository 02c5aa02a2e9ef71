"""Internals of the client that the adapters use. They import nothing else from inside it."""

from typing import TYPE_CHECKING

from ._distribution import install_command, mixed_install, warn_of_mixed_install
from ._lazy_imports import import_with_room, lazy_names
from .catalog.catalog import AskedModel
from .client.lazy_clients import CloseableMixin, ConnectedModel, LazyClients
from .connection_options import (
    CALL_SETTINGS,
    ApiKey,
    AsyncHttpClient,
    ConnectionOptionsDict,
    SyncHttpClient,
    Timeout,
    as_secret,
    with_secret_key,
)
from .media.data_url import parse_data_url
from .media.documents import document_name, document_origin, document_type
from .media.sniff import sniff
from .media.sounds import INPUT_AUDIO_FORMATS, input_audio_format
from .request.audio_options import DEFAULT_SPEECH_MODEL, DEFAULT_TRANSCRIPTION_MODEL
from .request.call_arguments import arguments_text
from .request.chat_options import BUILT_IN_TOOLS, DEFAULT_OCR_MODEL, MAX_SEED, drawn_seed
from .request.embedding_options import (
    DEFAULT_EMBEDDING_MODEL,
    MAX_INPUTS,
    EmbeddingOptions,
    vector_size,
)
from .request.messages import DEFAULT_MODEL, drop_unsupported_media, strict_form, warn, with_line
from .request.option_types import ImageOptionsDict, MediaToolOptionsDict, ModelOptionsDict
from .request.tool_pictures import DEFAULT_KEEP_IMAGES, kept_tool_media, older_pictures
from .request.validation import (
    alias_of,
    invalid_request_from,
    unknown_option,
    with_model,
    with_own_names,
)
from .schemas.openai_strict import drop_strict_nulls
from .schemas.resolve import drop_titles, is_recursive, resolve_root

if TYPE_CHECKING:
    from .agent_tools.arguments import (
        ArgumentAdvice,
        ListArguments,
        NoArguments,
        SearchArguments,
        checked_arguments,
    )
    from .agent_tools.lookups import (
        BALANCE,
        MODELS,
        SEARCH,
        SearchAnswer,
        balance_text,
        model_lister,
        models_text,
        offered_models_text,
        search_answer,
    )
    from .agent_tools.media_tool import (
        DESCRIPTIONS,
        MediaAnswer,
        MediaTool,
        make_media,
        make_media_async,
    )
    from .agent_tools.messages import last_words, message_for_model
    from .agent_tools.options import AgentToolOptions, MediaToolOptions, check_kind
    from .agent_tools.references import ConversationPictures, earlier_pictures
    from .agent_tools.voice import (
        SPEAK,
        TRANSCRIBE,
        SoundFolder,
        TranscribeArguments,
        speak_arguments,
        spoken_answer,
        transcript_answer,
    )
    from .response.json_text import (
        JsonFinder,
        ParsePace,
        find_json,
        first_fitting,
        likeliest_first,
        parse_json,
        parse_partial_json,
    )
else:
    __getattr__ = lazy_names(
        __name__,
        {
            ".agent_tools.arguments": (
                "ArgumentAdvice ListArguments NoArguments SearchArguments checked_arguments"
            ),
            ".agent_tools.lookups": (
                "BALANCE MODELS SEARCH SearchAnswer balance_text model_lister models_text"
                " offered_models_text search_answer"
            ),
            ".agent_tools.media_tool": (
                "DESCRIPTIONS MediaAnswer MediaTool make_media make_media_async"
            ),
            ".agent_tools.messages": "last_words message_for_model",
            ".agent_tools.options": "AgentToolOptions MediaToolOptions check_kind",
            ".agent_tools.references": "ConversationPictures earlier_pictures",
            ".agent_tools.voice": (
                "SPEAK TRANSCRIBE SoundFolder TranscribeArguments speak_arguments"
                " spoken_answer transcript_answer"
            ),
            ".response.json_text": (
                "JsonFinder ParsePace find_json first_fitting likeliest_first parse_json"
                " parse_partial_json"
            ),
        },
    )

__all__ = [
    "BALANCE",
    "BUILT_IN_TOOLS",
    "CALL_SETTINGS",
    "DEFAULT_EMBEDDING_MODEL",
    "DEFAULT_KEEP_IMAGES",
    "DEFAULT_MODEL",
    "DEFAULT_OCR_MODEL",
    "DEFAULT_SPEECH_MODEL",
    "DEFAULT_TRANSCRIPTION_MODEL",
    "DESCRIPTIONS",
    "INPUT_AUDIO_FORMATS",
    "MAX_INPUTS",
    "MAX_SEED",
    "MODELS",
    "SEARCH",
    "SPEAK",
    "TRANSCRIBE",
    "AgentToolOptions",
    "ApiKey",
    "ArgumentAdvice",
    "AskedModel",
    "AsyncHttpClient",
    "CloseableMixin",
    "ConnectedModel",
    "ConnectionOptionsDict",
    "ConversationPictures",
    "EmbeddingOptions",
    "ImageOptionsDict",
    "JsonFinder",
    "LazyClients",
    "ListArguments",
    "MediaAnswer",
    "MediaTool",
    "MediaToolOptions",
    "MediaToolOptionsDict",
    "ModelOptionsDict",
    "NoArguments",
    "ParsePace",
    "SearchAnswer",
    "SearchArguments",
    "SoundFolder",
    "SyncHttpClient",
    "Timeout",
    "TranscribeArguments",
    "alias_of",
    "arguments_text",
    "as_secret",
    "balance_text",
    "check_kind",
    "checked_arguments",
    "document_name",
    "document_origin",
    "document_type",
    "drawn_seed",
    "drop_strict_nulls",
    "drop_titles",
    "drop_unsupported_media",
    "earlier_pictures",
    "find_json",
    "first_fitting",
    "import_with_room",
    "input_audio_format",
    "install_command",
    "invalid_request_from",
    "is_recursive",
    "kept_tool_media",
    "last_words",
    "lazy_names",
    "likeliest_first",
    "make_media",
    "make_media_async",
    "message_for_model",
    "mixed_install",
    "model_lister",
    "models_text",
    "offered_models_text",
    "older_pictures",
    "parse_data_url",
    "parse_json",
    "parse_partial_json",
    "resolve_root",
    "search_answer",
    "sniff",
    "speak_arguments",
    "spoken_answer",
    "strict_form",
    "transcript_answer",
    "unknown_option",
    "vector_size",
    "warn",
    "warn_of_mixed_install",
    "with_line",
    "with_model",
    "with_own_names",
    "with_secret_key",
]
