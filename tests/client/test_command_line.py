"""The command ``pollinations``: what it prints, where, and with which exit code."""

from __future__ import annotations

import io
import json
import os
import shutil
import signal
import subprocess
import sys
import sysconfig
import time
from importlib import metadata
from pathlib import Path

import pytest

from pollinations_client import PollinationsWarning, __version__
from pollinations_client.command_line import main
from pollinations_client.command_line.main import COMMANDS
from pollinations_client.emulator import Answer, Body, Emulator, Fault, Frames
from pollinations_client.request.messages import warn

ROOT = Path(__file__).parents[2]
PICTURE = b"\xff\xd8\xff"
WAV = b"RIFF\x24\0\0\0WAVEfmt \x10\0\0\0\1\0\1\0\x40\x1f\0\0\x80\x3e\0\0\2\0\x10\0data\0\0\0\0"
# A shell that starts tests in the background has Ctrl-C ignored in its children.
WITH_CTRL_C = (
    "import signal, sys; signal.signal(signal.SIGINT, signal.default_int_handler);"
    " from pollinations_client.command_line import main; sys.exit(main(sys.argv[1:]))"
)


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch, gateway: Emulator, tmp_path: Path) -> None:
    """The emulator as the gateway, and an empty folder to save in."""
    monkeypatch.setenv("POLLINATIONS_BASE_URL", gateway.url)
    monkeypatch.chdir(tmp_path)


def command(*arguments: str) -> list[str]:
    """The command as a program of its own."""
    return [sys.executable, "-m", "pollinations_client", *arguments]


def one_line(text: str, beginning: str) -> bool:
    """Whether an error is one line that begins so."""
    return text.startswith(beginning) and text.count("\n") == 1


# -- models


def test_models_are_listed_cheapest_first(capsys: pytest.CaptureFixture[str]) -> None:
    """Each line holds the price by which it was sorted; what has none comes last."""
    assert main(["models", "--kind", "text", "--sort", "price"]) == 0
    header, *rows = capsys.readouterr().out.splitlines()
    assert header.split()[:5] == ["MODEL", "KIND", "CONTEXT", "IN", "OUT"]
    prices = [float(row.split()[4].removesuffix("/M")) for row in rows]
    assert prices == sorted(prices)
    assert len(rows) > 50


def test_models_as_json_hold_every_field_with_prices_as_numbers(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """For other programs."""
    assert main(["models", "claude-sonnet-4.6", "--json"]) == 0
    (card,) = json.loads(capsys.readouterr().out)
    assert "claude" in card["aliases"]
    assert card["prices"]["promptTextTokens"] == 3e-6
    assert card["context_window"] == 200_000


def test_models_are_filtered_by_ability_and_kind(capsys: pytest.CaptureFixture[str]) -> None:
    """All filters hold at once."""
    assert main(["models", "--tools", "--reasoning", "--takes", "image", "--json"]) == 0
    cards = json.loads(capsys.readouterr().out)
    assert cards
    assert all(card["tools"] and card["reasoning"] for card in cards)
    assert all("image" in card["input_modalities"] for card in cards)
    assert main(["models", "--kind", "video"]) == 0
    assert "0.08/s" in capsys.readouterr().out


def test_models_offline_ask_nobody(gateway: Emulator, capsys: pytest.CaptureFixture[str]) -> None:
    """The list is the one shipped with the package."""
    assert main(["models", "--offline", "--sort", "context"]) == 0
    assert not gateway.requests
    assert "claude" in capsys.readouterr().out


def test_an_unknown_kind_names_the_kinds_there_are(capsys: pytest.CaptureFixture[str]) -> None:
    """They are the gateway's, not a closed list."""
    assert main(["models", "--kind", "smell"]) == 2
    message = capsys.readouterr().err
    assert one_line(message, "pollinations models: --kind: there is no 'smell'")
    assert "video" in message


# -- chat


def test_chat_prints_the_answer_and_ends_the_line(
    gateway: Emulator, capsys: pytest.CaptureFixture[str]
) -> None:
    """The options go to the gateway under its own names."""
    gateway.script(Answer(text="To show the way."))
    arguments = ["Why do", "bees dance?", "-m", "claude", "-s", "Be brief.", "--max-tokens", "9"]
    assert main(["chat", *arguments, "-o", "top_p=0.5", "-o", "user=bee"]) == 0
    assert capsys.readouterr().out == "To show the way.\n"
    sent = gateway.requests[-1].json
    assert [message["content"] for message in sent["messages"]] == [
        "Be brief.",
        "Why do bees dance?",
    ]
    assert (sent["model"], sent["max_tokens"], sent["top_p"]) == ("claude", 9, 0.5)
    assert (sent["user"], sent["stream"]) == ("bee", True)


@pytest.mark.parametrize(
    ("arguments", "prompt"),
    [
        ([], "a long text"),
        (["-"], "a long text"),
        (["Sum up:", "-", "In French."], "Sum up: a long text In French."),
        (["no pipe"], "no pipe"),
    ],
)
def test_chat_reads_a_prompt_from_standard_input(
    arguments: list[str], prompt: str, gateway: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In place of a dash, or of the whole prompt; not otherwise."""
    monkeypatch.setattr("sys.stdin", io.StringIO("a long text"))
    assert main(["chat", *arguments]) == 0
    assert gateway.requests[-1].json["messages"][-1]["content"] == prompt


def test_chat_without_a_prompt_says_how_to_give_one(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """An empty pipe is no prompt either."""
    monkeypatch.setattr("sys.stdin", io.StringIO("\n"))
    assert main(["chat"]) == 2
    assert one_line(capsys.readouterr().err, "pollinations chat: There is no prompt. Write it")


def test_chat_with_json_prints_text_counts_and_cost(
    gateway: Emulator, capsys: pytest.CaptureFixture[str]
) -> None:
    """And the gateway's own answer, so that nothing is lost."""
    usage = {"prompt_tokens": 10, "completion_tokens": 20, "total_tokens": 30}
    gateway.script(Answer(text="Yes.", usage=usage))
    assert main(["chat", "Is it?", "-m", "claude", "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert (answer["text"], answer["finish_reason"]) == ("Yes.", "stop")
    assert answer["usage"]["total"] == 30
    assert answer["cost"] == pytest.approx(10 * 3e-6 + 20 * 15e-6)
    assert answer["raw"]["choices"][0]["message"]["content"] == "Yes."


def test_reasoning_goes_to_standard_error_when_asked_for(
    gateway: Emulator, capsys: pytest.CaptureFixture[str]
) -> None:
    """So a pipe gets the answer alone."""
    gateway.script(Answer(text="Four.", reasoning="Two and two."))
    assert main(["chat", "2+2?", "--show-reasoning"]) == 0
    printed = capsys.readouterr()
    assert printed.out == "Four.\n"
    assert printed.err == "Two and two.\n"


def test_what_a_text_cannot_hold_is_named(
    gateway: Emulator, capsys: pytest.CaptureFixture[str]
) -> None:
    """Pictures, tool calls, citations, and an answer that was cut."""
    gateway.script(
        Answer(
            text="Half",
            finish_reason="length",
            tool_calls=[("look", "{}")],
            citations=["https://example.com/bees"],
        )
    )
    assert main(["chat", "hi"]) == 0
    notes = capsys.readouterr().err
    assert "ended by 'length'" in notes
    assert "also holds tool calls; --json prints all of it" in notes
    assert "[1] https://example.com/bees" in notes


def test_a_stream_that_breaks_leaves_the_text_and_one_line(
    gateway: Emulator, capsys: pytest.CaptureFixture[str]
) -> None:
    """The error stands on a line of its own."""
    first = 'data: {"choices":[{"index":0,"delta":{"content":"To show"}}]}\n\n'
    gateway.script(Frames(first, Frames.CUT))
    assert main(["chat", "hi"]) == 1
    printed = capsys.readouterr()
    assert printed.out == "To show\n"
    assert one_line(printed.err, "pollinations chat: ")


def test_a_warning_is_one_line(
    gateway: Emulator, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without a path into our code."""

    def warned(options: object) -> int:
        warn("The model was asked again.")
        return 0

    monkeypatch.setitem(COMMANDS, "balance", (COMMANDS["balance"][0], warned))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("warnings.filters", [("always", None, PollinationsWarning, None, 0)])
        assert main(["balance"]) == 0
    assert capsys.readouterr().err == "pollinations: The model was asked again.\n"


# -- pictures and video


def test_image_prints_the_path_it_saved(
    gateway: Emulator, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """In this folder by default, under a name made of prompt and seed."""
    assert main(["image", "bees over lavender", "--seed", "7", "--width", "512"]) == 0
    path = Path(capsys.readouterr().out.removesuffix("\n"))
    assert path == Path("bees-over-lavender-7.jpg")
    assert path.read_bytes().startswith(PICTURE)
    assert gateway.requests[-1].query == {"model": "flux", "seed": "7", "width": "512"}


def test_image_saves_in_a_folder_and_overwrites_nothing(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The second picture gets a number."""
    for expected in ("new/bees-7.jpg", "new/bees-7-2.jpg"):
        assert main(["image", "bees", "--seed", "7", "--out", "new"]) == 0
        assert capsys.readouterr().out == f"{expected}\n"
    assert main(["image", "bees", "--out", "pictures/one.jpg", "--json"]) == 0
    described = json.loads(capsys.readouterr().out)
    assert (described["path"], described["mime_type"]) == ("pictures/one.jpg", "image/jpeg")
    assert described["cost"] == 0.002
    assert isinstance(described["seed"], int)


def test_video_prints_the_path_it_saved(
    gateway: Emulator, capsys: pytest.CaptureFixture[str]
) -> None:
    """With the length and the shape that were asked for."""
    arguments = ["bees", "--duration", "4", "--aspect-ratio", "9:16", "--seed", "1"]
    assert main(["video", *arguments, "--out", "clips/"]) == 0
    assert capsys.readouterr().out == "clips/bees-1.mp4\n"
    assert Path("clips/bees-1.mp4").read_bytes()[4:8] == b"ftyp"
    assert gateway.requests[-1].query["aspectRatio"] == "9:16"


def test_image_writes_bytes_into_a_pipe(tmp_path: Path) -> None:
    """``--out -`` gives the picture itself; beside ``--json`` it is refused."""
    done = subprocess.run(
        command("image", "bees", "--out", "-"), capture_output=True, cwd=tmp_path, check=True
    )
    assert done.stdout.startswith(PICTURE)
    assert not list(tmp_path.iterdir())
    assert main(["image", "bees", "--out", "-", "--json"]) == 2


def test_a_folder_that_cannot_be_written_is_one_line(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The picture is paid for; the message says where it could not go."""
    Path("taken").write_text("a file")
    assert main(["image", "bees", "--out", "taken/below/"]) == 1
    assert one_line(capsys.readouterr().err, "pollinations image: Cannot save")


# -- sound


def test_speak_prints_the_path_it_saved(
    gateway: Emulator, capsys: pytest.CaptureFixture[str]
) -> None:
    """Voice, format and speed go to the gateway; the file's name is made of the text."""
    arguments = ["Good morning", "--voice", "rachel", "--format", "wav", "--speed", "1.5"]
    assert main(["speak", *arguments, "--out", "sounds"]) == 0
    assert capsys.readouterr().out == "sounds/Good-morning.wav\n"
    assert Path("sounds/Good-morning.wav").read_bytes().startswith(b"RIFF")
    assert gateway.requests[-1].json == {
        "model": "elevenlabs",
        "input": "Good morning",
        "voice": "rachel",
        "response_format": "wav",
        "speed": 1.5,
    }


def test_speak_reads_the_text_from_a_pipe_and_describes_the_file(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """As the other commands that take a prompt do."""
    monkeypatch.setattr("sys.stdin", io.StringIO("Good night"))
    assert main(["speak", "--out", "sounds/one.wav", "--json"]) == 0
    described = json.loads(capsys.readouterr().out)
    size = Path("sounds/one.wav").stat().st_size
    assert described == {"path": "sounds/one.wav", "mime_type": "audio/wav", "bytes": size}


def test_spoken_words_go_through_a_pipe_and_are_read_again(
    gateway: Emulator, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """``pollinations speak ... --out - | pollinations transcribe -``."""
    spoken = subprocess.run(
        command("speak", "Good morning", "--format", "wav", "--out", "-"),
        capture_output=True,
        cwd=tmp_path,
        check=True,
    )
    assert not list(tmp_path.iterdir())
    heard = subprocess.run(
        command("transcribe", "-", "--language", "en"),
        input=spoken.stdout,
        capture_output=True,
        cwd=tmp_path,
        check=True,
    )
    assert heard.stdout.decode().strip()
    assert b'name="language"\r\n\r\nen' in gateway.requests[-1].body
    Path("talk.wav").write_bytes(spoken.stdout)
    assert main(["transcribe", "talk.wav", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"text": heard.stdout.decode().rstrip("\n")}


def test_a_sound_that_is_typed_is_refused(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The command would wait for ever."""
    monkeypatch.setattr("sys.stdin.isatty", lambda: True)
    assert main(["transcribe", "-"]) == 2
    assert one_line(capsys.readouterr().err, "pollinations transcribe: There is no sound. Name a")


# -- budget


@pytest.mark.parametrize(
    "arguments",
    [
        ["chat", "hi", "-m", "claude"],
        ["chat", "hi", "-m", "claude", "--json"],
        ["image", "bees"],
        ["video", "bees"],
        ["speak", "hi"],
        ["transcribe", "talk.wav"],
    ],
    ids=" ".join,
)
def test_a_call_that_may_cost_more_than_the_budget_is_not_sent(
    arguments: list[str], gateway: Emulator, capsys: pytest.CaptureFixture[str]
) -> None:
    """It exits 3 with one line and prints nothing: a script tries a cheaper model then."""
    Path("talk.wav").write_bytes(WAV)
    assert main([*arguments, "--budget", "0.0000001"]) == 3
    printed = capsys.readouterr()
    assert printed.out == ""
    assert one_line(printed.err, f"pollinations {arguments[0]}: The budget of 0.0000001 pollen")
    assert all(request.method == "GET" for request in gateway.requests), "prices alone were asked"
    assert not [path for path in Path().iterdir() if path.name != "talk.wav"]


def test_a_call_within_the_budget_is_made(capsys: pytest.CaptureFixture[str]) -> None:
    """The price counts, not the prompt."""
    assert main(["image", "bees", "--seed", "7", "--budget", "0.002"]) == 0
    assert capsys.readouterr().out == "bees-7.jpg\n"


def test_a_budget_for_a_model_without_a_price_says_what_to_leave_out(
    gateway: Emulator, capsys: pytest.CaptureFixture[str]
) -> None:
    """In words of the command line, not of Python."""
    assert main(["chat", "hi", "-m", "nobody/knows", "--budget", "1"]) == 3
    message = capsys.readouterr().err
    assert one_line(message, "pollinations chat: No price of nobody/knows is known")
    assert "leave --budget out" in message


# -- account


def test_balance_and_usage_are_printed_and_given_as_json(
    gateway: Emulator, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Amounts are pollen."""
    monkeypatch.setenv("POLLINATIONS_API_KEY", "sk_budget")
    assert main(["balance"]) == 0
    assert capsys.readouterr().out == "0.0 pollen\n"
    monkeypatch.setenv("POLLINATIONS_API_KEY", "sk_rich")
    assert main(["balance", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["balance"] == 100
    assert main(["usage", "--limit", "3"]) == 0
    header, *rows = capsys.readouterr().out.splitlines()
    assert header.split() == ["TIME", "(UTC)", "MODEL", "IN", "OUT", "POLLEN"]
    assert len(rows) == 3
    assert main(["usage", "--limit", "2", "--json"]) == 0
    assert len(json.loads(capsys.readouterr().out)) == 2


def test_usage_by_day_and_as_csv(capsys: pytest.CaptureFixture[str]) -> None:
    """CSV is what the gateway sends."""
    assert main(["usage", "--daily"]) == 0
    assert capsys.readouterr().out.split()[:4] == ["DAY", "MODEL", "REQUESTS", "POLLEN"]
    assert main(["usage", "--daily", "--csv"]) == 0
    assert capsys.readouterr().out.startswith("date,")
    assert main(["usage", "--csv", "--limit", "1"]) == 0
    assert capsys.readouterr().out.startswith("timestamp,")


def test_no_usage_is_said_and_prints_nothing(
    gateway: Emulator, capsys: pytest.CaptureFixture[str]
) -> None:
    """A pipe gets an empty result, a person a sentence."""
    gateway.script(Body({"usage": [], "count": 0}))
    assert main(["usage"]) == 0
    printed = capsys.readouterr()
    assert (printed.out, printed.err) == ("", "Nothing was called in that time.\n")


# -- errors and exit codes


@pytest.mark.parametrize(
    ("arguments", "code", "beginning"),
    [
        ([], 2, "pollinations: the following arguments are required: COMMAND. Help:"),
        (["sing"], 2, "pollinations: argument COMMAND: invalid choice: 'sing'"),
        (["chat", "hi", "--model"], 2, "pollinations chat: argument -m/--model: expected one"),
        (["chat", "hi", "-o", "top_p"], 2, "pollinations chat: argument -o/--option: write NAME="),
        (["chat", "hi", "-o", "temprature=1"], 2, "pollinations chat: Unknown option 'temprature'"),
        (["chat", "hi", "--temperature", "9"], 2, "pollinations chat: temperature"),
        (["chat", "hi", "--base-url", "gen"], 2, "pollinations chat: base_url: an address"),
        (["chat", "hi", "-m", "claud"], 1, "pollinations chat: HTTP 400"),
        (["usage", "--days", "400"], 2, "pollinations usage: days"),
        (["chat", "hi", "--budget", "-1"], 2, "pollinations chat: argument --budget: a number of"),
        (["speak", "hi", "--voice", "bee"], 2, "pollinations speak: voice: elevenlabs has no"),
        (["speak", "hi", "--out", "-", "--json"], 2, "pollinations speak: --out -: bytes go to"),
        (["transcribe"], 2, "pollinations transcribe: the following arguments are required: FILE"),
        (["transcribe", "gone.mp3"], 2, "pollinations transcribe: The sound 'gone.mp3'"),
    ],
)
def test_every_error_is_one_line_with_an_exit_code(
    arguments: list[str], code: int, beginning: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """2 for what was refused before it was sent, 1 for what the gateway refused."""
    try:
        returned = main(arguments)
    except SystemExit as left:  # argparse leaves by itself
        returned = int(left.code or 0)
    message = capsys.readouterr().err
    assert returned == code
    assert one_line(message, beginning), message


def test_a_key_in_the_arguments_is_not_repeated(capsys: pytest.CaptureFixture[str]) -> None:
    """It belongs into the environment."""
    with pytest.raises(SystemExit):
        main(["chat", "hi", "--key=sk_0123456789abcdef"])
    assert "sk_0123456789abcdef" not in capsys.readouterr().err


def test_no_key_for_the_public_gateway_is_said_before_anything_is_sent(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """With both ways out: a key, and the emulator."""
    monkeypatch.delenv("POLLINATIONS_BASE_URL")
    assert main(["chat", "hi"]) == 2
    message = capsys.readouterr().err
    assert one_line(message, "pollinations chat: No API key: make one at https://")
    assert "pollinations emulator" in message


def test_a_gateway_that_does_not_answer_is_one_line(tmp_path: Path) -> None:
    """The retries before it are for people at a terminal."""
    done = subprocess.run(
        command("balance", "--base-url", "http://127.0.0.1:9"),
        capture_output=True,
        text=True,
        cwd=tmp_path,
        check=False,
    )
    assert done.returncode == 1
    assert one_line(done.stderr, "pollinations balance: GET /account/balance: the connection")


def test_a_reader_that_leaves_early_is_no_error(gateway: Emulator, tmp_path: Path) -> None:
    """As ``| head -1`` does."""
    with subprocess.Popen(
        command("models", "--json"),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=tmp_path,
    ) as lister:
        assert lister.stdout is not None
        assert lister.stderr is not None
        assert lister.stdout.readline() == "[\n"
        lister.stdout.close()
        assert lister.wait(60) == 0
        assert lister.stderr.read() == ""


def test_ctrl_c_ends_with_130_and_without_a_traceback(gateway: Emulator, tmp_path: Path) -> None:
    """In the middle of an answer."""
    first = 'data: {"choices":[{"index":0,"delta":{"content":"To show"}}]}\n\n'
    gateway.script(Frames(first, Frames.HANG))
    with subprocess.Popen(
        [sys.executable, "-c", WITH_CTRL_C, "chat", "hi"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=tmp_path,
    ) as asker:
        assert asker.stdout is not None
        assert asker.stderr is not None
        assert asker.stdout.read(7) == "To show"
        os.kill(asker.pid, signal.SIGINT)
        assert asker.wait(60) == 130
        assert asker.stderr.read() == ""


def test_ctrl_c_while_a_sound_is_made_leaves_no_file(gateway: Emulator, tmp_path: Path) -> None:
    """What came of it is removed."""
    gateway.script(Fault("stall", after=1_000))
    with subprocess.Popen(
        [sys.executable, "-c", WITH_CTRL_C, "speak", "hi", "--out", "sounds/"],
        stderr=subprocess.PIPE,
        text=True,
        cwd=tmp_path,
    ) as speaker:
        while not any(tmp_path.rglob("*.*")):
            assert speaker.poll() is None
            time.sleep(0.05)
        os.kill(speaker.pid, signal.SIGINT)
        assert speaker.wait(60) == 130
        assert speaker.stderr is not None
        assert speaker.stderr.read() == ""
    assert not any(path.is_file() for path in tmp_path.rglob("*"))


def test_the_emulator_is_a_command_and_ctrl_c_ends_it_well(tmp_path: Path) -> None:
    """It runs until then, so that is no interruption."""
    with subprocess.Popen(
        command("emulator", "--port", "0", "--quiet"),
        stdout=subprocess.PIPE,
        text=True,
        cwd=tmp_path,
    ) as server:
        assert server.stdout is not None
        url = server.stdout.readline().rpartition("=")[2].strip()
        assert main(["models", "--base-url", url]) == 0
        os.kill(server.pid, signal.SIGINT)
        assert server.wait(60) == 0


def test_characters_that_the_terminal_lacks_do_not_stop_an_answer(
    gateway: Emulator, tmp_path: Path
) -> None:
    """They are replaced."""
    gateway.script(Answer(text="bees \U0001f41d"))
    done = subprocess.run(
        command("chat", "hi"),
        capture_output=True,
        cwd=tmp_path,
        env={**os.environ, "PYTHONIOENCODING": "ascii"},
        check=True,
    )
    assert done.stdout == b"bees ?\n"


def test_a_start_loads_no_framework(tmp_path: Path) -> None:
    """Nor httpx, for help and versions."""
    probe = (
        "import sys\nfrom pollinations_client.command_line import main\n"
        "try: main(['--version'])\nexcept SystemExit: pass\n"
        "loaded = {name.partition('.')[0] for name in sys.modules}\n"
        "print(sorted(loaded & {'langchain_core', 'llama_index', 'starlette', 'PIL', 'httpx'}))"
    )
    done = subprocess.run(
        [sys.executable, "-c", probe], capture_output=True, text=True, cwd=tmp_path, check=True
    )
    assert done.stdout == f"pollinations {__version__}\n[]\n"


# -- doctor


def test_doctor_finds_versions_key_and_gateway(
    gateway: Emulator, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """And never prints the key."""
    monkeypatch.setenv("POLLINATIONS_API_KEY", "sk_0123456789abcdef")
    assert main(["doctor", "--json"]) == 0
    printed = capsys.readouterr().out
    assert "0123456789abcdef" not in printed
    report = json.loads(printed)
    found = {finding["subject"]: finding["text"] for finding in report["findings"]}
    assert report["ok"] is True
    assert {"python", "httpx", "pydantic", "langchain-core", "llama-index-core"} <= found.keys()
    assert found["key"] == "POLLINATIONS_API_KEY is set: a secret key (sk_...)"
    assert found["gateway"].startswith(f"{gateway.url} answers in ")
    assert found["gateway"].endswith("today's API")
    assert found["key at the gateway"] == "valid"


def test_doctor_knows_the_older_gateway(
    seed_gateway: Emulator, capsys: pytest.CaptureFixture[str]
) -> None:
    """By a model list of bare names."""
    assert main(["doctor", "--base-url", seed_gateway.url]) == 0
    assert "API 0.3.0" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("environment", "fault"),
    [
        ({"POLLINATIONS_BASE_URL": "http://127.0.0.1:9"}, "gateway: http://127.0.0.1:9: "),
        ({"POLLINATIONS_BASE_URL": "gen"}, "settings: base_url"),
        ({"POLLINATIONS_API_KEY": "sk_two words"}, "settings: api_key"),
        ({"POLLINATIONS_API_KEY": "sk_invalid"}, "key at the gateway: "),
    ],
)
def test_doctor_exits_1_for_a_fault(
    environment: dict[str, str],
    fault: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """And marks the line."""
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert main(["doctor"]) == 1
    assert f"fault  {fault}" in capsys.readouterr().out


def test_doctor_names_a_version_out_of_range(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """With the command that mends it."""
    version_of = metadata.version

    def changed(name: str) -> str:
        return "1.0.0" if name == "httpx" else version_of(name)

    monkeypatch.setattr(metadata, "version", changed)
    assert main(["doctor"]) == 1
    printed = capsys.readouterr().out
    assert "fault  httpx: 1.0.0; this release is made for " in printed
    assert '-> pip install "httpx' in printed


def test_doctor_asks_nothing_for_an_extra_that_is_missing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A pydantic that is too new for LlamaIndex alone does no harm without it."""
    versions = {"pydantic": "2.14.4", "llama-index-core": None}
    version_of = metadata.version

    def changed(name: str) -> str:
        version = versions.get(name, version_of(name))
        if version is None:
            raise metadata.PackageNotFoundError(name)
        return version

    monkeypatch.setattr(metadata, "version", changed)
    assert main(["doctor"]) == 0
    versions["llama-index-core"] = "0.14.25"
    assert main(["doctor"]) == 1
    assert "fault  pydantic: 2.14.4; this release is made for " in capsys.readouterr().out


def test_doctor_names_a_package_of_the_same_import_name(tmp_path: Path) -> None:
    """Theirs over ours: our own __init__ does not run, so the doctor says it."""
    for package in ("pollinations_client", "langchain_pollinations"):
        shutil.copytree(ROOT / package, tmp_path / package)
    (tmp_path / "langchain_pollinations" / "__init__.py").write_text("")
    (tmp_path / "langchain_pollinations" / "_openai_compat.py").touch()
    paths = [str(tmp_path), sysconfig.get_path("purelib")]
    program = (
        f"import sys; sys.path[:0] = {paths!r}; from pollinations_client.command_line import main;"
        " sys.exit(main(['doctor']))"
    )
    done = subprocess.run(
        [sys.executable, "-S", "-c", program],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        check=False,
    )
    assert done.returncode == 1
    assert "fault  name clash: " in done.stdout
    assert "pip uninstall langchain-pollinations pollinations-adapters" in done.stdout


def test_doctor_names_an_extra_that_is_missing(tmp_path: Path) -> None:
    """Not a fault: nobody needs both frameworks."""
    program = (
        "import sys; from importlib import metadata; real = metadata.version\n"
        "def version(name):\n"
        "    if name == 'llama-index-core': raise metadata.PackageNotFoundError(name)\n"
        "    return real(name)\n"
        "metadata.version = version\n"
        "from pollinations_client.command_line import main; sys.exit(main(['doctor']))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, cwd=tmp_path, check=False
    )
    assert done.returncode == 0, done.stdout
    assert "note   llamaindex: llama-index-core not installed" in done.stdout
    assert 'pip install ".[llamaindex]"' in done.stdout


def test_retries_are_told_to_a_person_only(
    gateway: Emulator, capsys: pytest.CaptureFixture[str]
) -> None:
    """A program that reads standard error gets the result's line alone."""
    gateway.script(Fault("status", status=503))
    assert main(["balance"]) == 0
    assert capsys.readouterr().err == ""
