"""The rows behind ``models``: one line per model, one table per era and kind."""

# name | aliases | traits | context. Traits: T tools, R reasoning, V vision, A audio in and out, S
# web search, P paid only, O reads one document (OCR), G audio and video in (Gemini), J structured
# output is unreliable.
TODAY_TEXT = """
openai/gpt-5.4-nano | openai gpt-5.4-nano | TRV | 400000
openai/gpt-5-nano | openai-fast gpt-5-nano | TRV | 400000
openai/gpt-oss-20b | gpt-oss gpt-oss-20b | TR | 131072
openai/gpt-4o-mini | gpt-4o-mini | TVP | 128000
openai/gpt-5.3-codex | gpt-5.3-codex | TRV | 400000
openai/gpt-5.4 | gpt-5.4 | TRV | 1050000
openai/gpt-5.4-mini | gpt-5-mini gpt-5.4-mini | TRV | 400000
openai/gpt-5.5 | openai-large openai-reasoning gpt-5.5 | TRV | 400000
openai/gpt-5.6-sol | gpt-5.6-sol | TRV | 400000
openai/gpt-5.6-terra | gpt-5.6-terra | TRV | 400000
openai/gpt-5.6-luna | gpt-5.6-luna | TRV | 400000
openai/gpt-6-astra | gpt-6-astra | TRV | 1050000
openai/gpt-6-sol | gpt-6-sol | TRV | 1050000
openai/gpt-6.1-sol | gpt-6.1-sol | TRV | 1050000
openai/gpt-6-luna | gpt-6-luna | TRV | 1050000
openai/gpt-audio-mini | openai-audio gpt-audio-mini | TA | 128000
openai/gpt-audio-1.5 | openai-audio-large gpt-audio-1.5 | TA | 128000
anthropic/claude-haiku-4.5 | claude-fast claude-haiku-4.5 | TVP | 200000
anthropic/claude-sonnet-4.6 | claude claude-sonnet-4.6 | TVP | 1000000
anthropic/claude-sonnet-5 | claude-sonnet-5 | TVP | 1000000
anthropic/claude-sonnet-5.5 | claude-sonnet-5.5 | TVPR | 1000000
anthropic/claude-opus-4.6 | claude-opus-4.6 | TVP | 1000000
anthropic/claude-opus-4.7 | claude-opus-4.7 | TVP | 1000000
anthropic/claude-opus-5 | claude-large claude-opus-5 | TVP | 1000000
anthropic/claude-opus-5.5 | claude-opus-5.5 | TVP | 1000000
anthropic/claude-fable-5 | claude-fable-5 | TVP | 1000000
anthropic/claude-fable-5.1 | claude-fable-5.1 | TVPR | 1000000
google/gemini-3-flash-preview | gemini-3-flash-preview | TVGSP | 1048576
google/gemini-3.7-flash | gemini gemini-3.7-flash | TVGSP | 1048576
google/gemini-3.8-flash | gemini-3.8-flash | TVGSP | 1048576
google/gemini-3.5-flash-lite | gemini-3.5-flash-lite | TVGSP | 1048576
google/gemini-2.5-flash-lite | gemini-fast gemini-2.5-flash-lite | TVGSP | 1048576
google/gemini-3.1-pro-preview | gemini-large gemini-3.1-pro-preview | TRVGSP | 1048576
google/gemini-2.5-flash-lite:search | gemini-search | VGSP | 1048576
google/gemma-4-26b | gemma-4-26b | TRVP | 262144
google/gemma-4-31b | gemma-4-31b | TRVP | 262144
deepseek/deepseek-v4-flash | deepseek deepseek-v4-flash | TR | 1000000
deepseek/deepseek-v4.1-flash | deepseek-v4.1-flash | TRV | 1000000
deepseek/deepseek-v4-pro | deepseek-v4-pro | TRP | 1000000
x-ai/grok-4.20 | grok grok-4.20 | TRV | 500000
x-ai/grok-4.6 | grok-4.6 | TRV | 500000
x-ai/grok-4.7 | grok-4.7 | TRVP | 500000
mistralai/mistral-small-3.2 | mistral-small-3.2 | TVP | 128000
mistralai/mistral-small-4 | mistral mistral-small-4 | TRVP | 256000
mistralai/mistral-large-3 | mistral-large-3 | TRV | 256000
mistralai/mistral-ocr-4-0 | mistral-ocr mistral-ocr-4 mistral-ocr-4-0 | VPO | 128000
qwen/qwen3-coder-30b | qwen-coder | T | 262144
qwen/qwen3-coder-next | qwen-coder-next | TP | 262144
qwen/qwen3.7-plus | qwen-large qwen3.7-plus | TRVP | 1000000
qwen/qwen3.8-max | qwen3.8-max | TRV | 1000000
qwen/qwen3.8-flash | qwen3.8-flash | TRV | 1000000
qwen/qwen3-vl-30b | qwen3-vl-30b | TVP | 262144
perplexity/sonar | perplexity perplexity-fast perplexity-reasoning sonar | SPJ | 128000
moonshotai/kimi-k2.6 | kimi kimi-k2.6 | TRV | 262144
moonshotai/kimi-k3 | kimi-k3 | TRV | 262144
z-ai/glm-5.2 | glm glm-5.2 | TRP | 202752
z-ai/glm-5.3 | glm-5.3 | TR | 202752
minimax/minimax-m2.7 | minimax-m2.7 | TRP | 204800
minimax/minimax-m3 | minimax minimax-m3 | TRV | 204800
meta-llama/llama-3.3-70b | llama llama-3.3-70b | T | 131072
meta-llama/llama-4-maverick | llama-4-maverick | TVP | 1000000
meta-llama/llama-4-scout | llama-scout llama-4-scout | VPJ | 327680
amazon/nova-micro-v1 | nova-fast nova-micro | T | 128000
amazon/nova-2-lite-v1 | nova nova-2-lite | TRV | 1000000
nvidia/nemotron-3-ultra | nemotron nemotron-3-ultra | TRP | 262144
tencent/hy3 | hy3 | TRP | 262144
cohere/command-a-plus | command-a-plus | TRV | 256000
inception/mercury-2 | mercury mercury-2 | TP | 128000
pollinations/midijourney | midijourney | T | 128000
"""
SEED_TEXT = """
openai | gpt-5-mini | TV | 400000
openai-fast | gpt-5-nano | TV | 400000
openai-large | gpt-5.2 openai-reasoning | TRV | 400000
qwen-coder | qwen3-coder qwen3-coder-30b-a3b-instruct | T | 128000
mistral | mistral-small mistral-small-3.2 | T | 128000
openai-audio | gpt-4o-mini-audio-preview | TVA | 128000
gemini | gemini-3-flash gemini-flash-lite | TVG | 1048576
gemini-fast | gemini-2.5-flash-lite | TVG | 1048576
deepseek | deepseek-v3.2 deepseek-reasoning | TR | 128000
grok | grok-fast grok-4-fast | T | 128000
gemini-search | gemini-2.5-flash-search | TVGS | 1048576
chickytutor | | T | 128000
midijourney | | T | 128000
claude-fast | claude-haiku-4.5 claude-haiku | TV | 200000
claude | claude-sonnet-4.5 claude-sonnet | TV | 200000
claude-large | claude-opus-4.5 claude-opus | TV | 200000
claude-legacy | claude-opus-4.6 | TV | 200000
perplexity-fast | sonar | SJ | 128000
perplexity-reasoning | sonar-reasoning sonar-reasoning-pro | RSJ | 128000
kimi | kimi-k2 kimi-k2-thinking kimi-reasoning | TR | 256000
gemini-large | gemini-3-pro gemini-pro | TRVG | 1048576
gemini-legacy | gemini-2.5-pro | TRVG | 1048576
nova-fast | amazon-nova-micro nova nova-micro | T | 128000
glm | glm-4.7 glm-thinking | TR | 198000
minimax | minimax-m2.1 | TR | 200000
qwen-safety | qwen3guard-8b | | 128000
"""
# What ``model`` and x-model-used said in January 2026, where today's name the gateway's own id.
PROVIDER_IDS = {
    "openai": "gpt-5-mini-2025-08-07",
    "openai-fast": "gpt-5-nano-2025-08-07",
    "openai-large": "gpt-5.2-2025-12-11",
    "openai-audio": "gpt-4o-mini-audio-preview-2024-12-17",
    "qwen-coder": "Qwen3-Coder-30B-A3B-Instruct",
    "mistral": "mistral-small-3.2-24b-instruct-2506",
    "gemini": "gemini-3-flash-preview",
    "gemini-fast": "gemini-2.5-flash-lite",
    "gemini-search": "gemini-2.5-flash",
    "gemini-large": "gemini-3-pro-preview",
    "gemini-legacy": "gemini-2.5-pro",
    "deepseek": "accounts/fireworks/models/deepseek-v3p2",
    "grok": "grok-4-fast-non-reasoning",
    "claude-fast": "us.anthropic.claude-haiku-4-5-20251001-v1:0",
    "claude": "us.anthropic.claude-sonnet-4-5-20250929-v1:0",
    "claude-large": "global.anthropic.claude-opus-4-5-20251101-v1:0",
    "claude-legacy": "global.anthropic.claude-opus-4-6-v1",
    "perplexity-fast": "sonar",
    "perplexity-reasoning": "sonar-reasoning-pro",
    "kimi": "accounts/fireworks/models/kimi-k2-thinking",
    "nova-fast": "amazon.nova-micro-v1:0",
    "glm": "accounts/fireworks/models/glm-4p7",
    "minimax": "accounts/fireworks/models/minimax-m2p1",
    "qwen-safety": "Qwen3Guard-Gen-8B",
}

# name | aliases | traits | reference pictures | durations in seconds. Traits: I picture, F video, P
# paid only, S seed honoured, Q quality and transparent, U sound on request.
TODAY_PICTURES = """
zimage | z-image z-image-turbo | IS | 0 |
flux | flux-schnell | IS | 0 |
klein | flux-klein | IS | 4 |
klein-large | flux-klein-9b | IS | 4 |
kontext | flux-kontext | I | 1 |
nanobanana | gemini-2.5-flash-image | IP | 3 |
nanobanana-2 | gemini-3.1-flash-image | IP | 14 |
nanobanana-pro | gemini-3-pro-image | IP | 14 |
seedream | seedream-4.0 | ISP | 10 |
seedream-pro | seedream-4.5-pro | ISP | 14 |
seedream5 | seedream-5.0-lite | ISP | 14 |
gptimage | gpt-image-1-mini | IQP | 16 |
gptimage-large | gpt-image-1.5 | IQP | 16 |
gpt-image-2 | gptimage-2 | IQP | 16 |
grok-imagine | | IP | 1 |
veo | veo-3.1-fast | FUP | 2 | 4 6 8
seedance | seedance-lite | FSP | 2 | 2 3 4 5 6 7 8 9 10
seedance-pro | seedance-pro-fast | FSP | 2 | 2 3 4 5 6 7 8 9 10
seedance-2.0 | | FSP | 2 | 4 5 6 7 8 9 10 11 12 13 14 15
wan | wan-2.6 | FUP | 1 | 2 3 4 5 6 7 8 9 10 11 12 13 14 15
wan-fast | wan-2.2 | FP | 2 | 2 3 4 5
ltx-2 | ltx2 ltx-video | FP | 1 | 2 3 4 5 6 7 8 9 10
nova-reel | | FSP | 1 | 6 12 18 24 30 36 42 48 54 60 66 72 78 84 90 96 102 108 114 120
"""
SEED_PICTURES = """
flux | | IS | 0 |
zimage | z-image z-image-turbo | IS | 0 |
turbo | | IS | 0 |
gptimage | gpt-image gpt-image-1-mini | IQ | 16 |
gptimage-large | gpt-image-1.5 gpt-image-large | IQ | 16 |
kontext | | I | 1 |
seedream | | IS | 10 |
seedream-pro | | IS | 14 |
nanobanana | | I | 3 |
nanobanana-pro | | I | 14 |
klein | | IS | 4 |
klein-large | | IS | 4 |
veo | veo-3.1-fast video | FU | 0 | 4 6 8
seedance | | FS | 2 | 2 3 4 5 6 7 8 9 10
seedance-pro | | FS | 2 | 2 3 4 5 6 7 8 9 10
wan | wan2.6 wan-i2v | FU | 1 | 2 3 4 5 6 7 8 9 10 11 12 13 14 15
ltx-2 | ltx2 ltxvideo ltx-video | F | 0 | 2 3 4 5 6 7 8 9 10
"""
# name | aliases | dimensions | smallest or allowed dimensions
EMBEDDINGS = """
openai/text-embedding-3-small | text-embedding-3-small openai-3-small embedding-small |1536|1-1536
openai/text-embedding-3-large | text-embedding-3-large openai-3-large embedding-large |3072|1-3072
google/gemini-embedding-2 | gemini-embedding-2 gemini-2 | 3072 | 128-3072
cohere/embed-v4.0 | embed-v4.0 cohere-embed-v4 | 1536 | 256,512,1024,1536
qwen/qwen3-embedding-8b | qwen3-embedding-8b qwen3-embedding | 4096 | 32-4096
"""
VOICES = (
    "alloy echo fable onyx nova shimmer ash ballad coral sage verse rachel domi bella elli"
    " charlotte dorothy sarah emily lily matilda adam antoni arnold josh sam daniel charlie james"
    " fin callum liam george brian bill"
)
# name | aliases | what it makes | voices
SPEECH = f"""
elevenlabs/eleven-v3 | elevenlabs tts-1 | audio | {VOICES}
elevenlabs/music-v1 | elevenmusic | audio |
openai/whisper-1 | whisper whisper-large-v3 | text |
elevenlabs/scribe-v2 | scribe scribe-v2 | text |
"""
PUBLISHERS = (
    ("openai", ("openai", "gpt", "chickytutor", "midijourney", "pollinations")),
    ("anthropic", ("anthropic", "claude")),
    ("google", ("google", "gemini", "gemma")),
    ("mistral", ("mistral",)),
    ("perplexity", ("perplexity", "sonar")),
    ("fireworks", ("deepseek", "kimi", "moonshot", "glm", "z-ai", "minimax")),
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
