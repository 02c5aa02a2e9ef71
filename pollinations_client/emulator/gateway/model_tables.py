"""What the shipped list of models does not state, a line per model, and what some models refuse.

The text and sound models of today are those of ``catalog/models.json``.
"""

# name | aliases | traits | context | what ``model`` and x-model-used said in January 2026, where
# today's name the gateway's own id. ``LETTERS`` in ``models`` says which trait a letter is.
SEED_TEXT = """
openai | gpt-5-mini | TV | 400k | gpt-5-mini-2025-08-07
openai-fast | gpt-5-nano | TV | 400k | gpt-5-nano-2025-08-07
openai-large | gpt-5.2 openai-reasoning | TRV | 400k | gpt-5.2-2025-12-11
qwen-coder | qwen3-coder qwen3-coder-30b-a3b-instruct | T | 128k | Qwen3-Coder-30B-A3B-Instruct
mistral | mistral-small mistral-small-3.2 | T | 128k | mistral-small-3.2-24b-instruct-2506
openai-audio | gpt-4o-mini-audio-preview | TVA | 128k | gpt-4o-mini-audio-preview-2024-12-17
gemini | gemini-3-flash gemini-flash-lite | TVG | 1048576 | gemini-3-flash-preview
gemini-fast | gemini-2.5-flash-lite | TVG | 1048576 | gemini-2.5-flash-lite
deepseek | deepseek-v3.2 deepseek-reasoning | TR | 128k | accounts/fireworks/models/deepseek-v3p2
grok | grok-fast grok-4-fast | T | 128k | grok-4-fast-non-reasoning
gemini-search | gemini-2.5-flash-search | TVGS | 1048576 | gemini-2.5-flash
chickytutor | | T | 128k |
midijourney | | T | 128k |
claude-fast|claude-haiku-4.5 claude-haiku|TV|200k|us.anthropic.claude-haiku-4-5-20251001-v1:0
claude | claude-sonnet-4.5 claude-sonnet | TV | 200k | us.anthropic.claude-sonnet-4-5-20250929-v1:0
claude-large|claude-opus-4.5 claude-opus|TV|200k|global.anthropic.claude-opus-4-5-20251101-v1:0
claude-legacy | claude-opus-4.6 | TV | 200k | global.anthropic.claude-opus-4-6-v1
perplexity-fast | sonar | SJ | 128k | sonar
perplexity-reasoning | sonar-reasoning sonar-reasoning-pro | RSJ | 128k | sonar-reasoning-pro
kimi|kimi-k2 kimi-k2-thinking kimi-reasoning|TR|256k|accounts/fireworks/models/kimi-k2-thinking
gemini-large | gemini-3-pro gemini-pro | TRVG | 1048576 | gemini-3-pro-preview
gemini-legacy | gemini-2.5-pro | TRVG | 1048576 | gemini-2.5-pro
nova-fast | amazon-nova-micro nova nova-micro | T | 128k | amazon.nova-micro-v1:0
glm | glm-4.7 glm-thinking | TR | 198k | accounts/fireworks/models/glm-4p7
minimax | minimax-m2.1 | TR | 200k | accounts/fireworks/models/minimax-m2p1
qwen-safety | qwen3guard-8b | | 128k | Qwen3Guard-Gen-8B
"""
# name | aliases | kind and traits | reference pictures | durations in seconds
TODAY_PICTURES = """
zimage | z-image z-image-turbo | image | 0 |
flux | flux-schnell | image | 0 |
klein | flux-klein | image | 4 |
klein-large | flux-klein-9b | image | 4 |
kontext | flux-kontext | image | 1 |
nanobanana | gemini-2.5-flash-image | image paid_only | 3 |
nanobanana-2 | gemini-3.1-flash-image | image paid_only | 14 |
nanobanana-pro | gemini-3-pro-image | image paid_only | 14 |
seedream | seedream-4.0 | image paid_only | 10 |
seedream-pro | seedream-4.5-pro | image paid_only | 14 |
seedream5 | seedream-5.0-lite | image paid_only | 14 |
gptimage | gpt-image-1-mini | image paid_only | 16 |
gptimage-large | gpt-image-1.5 | image paid_only | 16 |
gpt-image-2 | gptimage-2 | image paid_only | 16 |
grok-imagine | | image paid_only | 1 |
veo | veo-3.1-fast | video paid_only sound | 2 | 4 6 8
seedance | seedance-lite | video paid_only | 2 | 2 3 4 5 6 7 8 9 10
seedance-pro | seedance-pro-fast | video paid_only | 2 | 2 3 4 5 6 7 8 9 10
seedance-2.0 | | video paid_only | 2 | 4 5 6 7 8 9 10 11 12 13 14 15
wan | wan-2.6 | video paid_only sound | 1 | 2 3 4 5 6 7 8 9 10 11 12 13 14 15
wan-fast | wan-2.2 | video paid_only | 2 | 2 3 4 5
ltx-2 | ltx2 ltx-video | video paid_only | 1 | 2 3 4 5 6 7 8 9 10
nova-reel | | video paid_only | 1 | 6 12 18 24 30 36 42 48 54 60 66 72 78 84 90 96 102 108 114 120
"""
SEED_PICTURES = """
flux | | image | 0 |
zimage | z-image z-image-turbo | image | 0 |
turbo | | image | 0 |
gptimage | gpt-image gpt-image-1-mini | image | 16 |
gptimage-large | gpt-image-1.5 gpt-image-large | image | 16 |
kontext | | image | 1 |
seedream | | image | 10 |
seedream-pro | | image | 14 |
nanobanana | | image | 3 |
nanobanana-pro | | image | 14 |
klein | | image | 4 |
klein-large | | image | 4 |
veo | veo-3.1-fast video | video sound | 0 | 4 6 8
seedance | | video | 2 | 2 3 4 5 6 7 8 9 10
seedance-pro | | video | 2 | 2 3 4 5 6 7 8 9 10
wan | wan2.6 wan-i2v | video sound | 1 | 2 3 4 5 6 7 8 9 10 11 12 13 14 15
ltx-2 | ltx2 ltxvideo ltx-video | video | 0 | 2 3 4 5 6 7 8 9 10
"""
# name | aliases | dimensions | smallest to largest, or allowed dimensions
EMBEDDINGS = """
openai/text-embedding-3-small | text-embedding-3-small openai-3-small embedding-small |1536|1-1536
openai/text-embedding-3-large | text-embedding-3-large openai-3-large embedding-large |3072|1-3072
google/gemini-embedding-2 | gemini-embedding-2 gemini-2 | 3072 | 128-3072
cohere/embed-v4.0 | embed-v4.0 cohere-embed-v4 | 1536 | 256,512,1024,1536
qwen/qwen3-embedding-8b | qwen3-embedding-8b qwen3-embedding | 4096 | 32-4096
"""
PUBLISHERS = (
    ("openai", ("openai", "gpt", "chickytutor", "midijourney", "pollinations")),
    ("anthropic", ("anthropic", "claude")),
    ("google", ("google", "gemini", "gemma")),
    ("mistral", ("mistral",)),
    ("perplexity", ("perplexity", "sonar")),
)
# Seen in autumn 2026: the first group answers a forced choice with 400, the second ignores it, and
# the third goes through OpenAI's Responses endpoint, whose streams send a call in one piece.
REFUSES_FORCED_TOOLS = frozenset(
    {"anthropic/claude-fable-5.1", "anthropic/claude-opus-5.5", "anthropic/claude-sonnet-5.5"}
)
# Providers that refuse an answer of the history which says and calls nothing.
REFUSE_BLANK_TURNS = frozenset({"anthropic", "google", "mistral"})
IGNORES_FORCED_TOOLS = frozenset({"tencent/hy3"})
RESPONSES_ADAPTED = ("openai/gpt-5.6", "openai/gpt-6")
# What Perplexity answers to json_object is no JSON; it follows a json_schema.
BREAKS_JSON = frozenset({"perplexity/sonar"})
