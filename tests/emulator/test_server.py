"""The emulator as a server: starting, stopping, recording, scripts and faults."""

from __future__ import annotations

import ast
import json
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import httpx
import pytest
from client import loopback

import pollinations_client.emulator as emulator_package
from pollinations_client import PollinationsClient
from pollinations_client.emulator import (
    Answer,
    Body,
    Chunks,
    Emulator,
    EmulatorError,
    Fault,
    Frames,
)

CHAT = "/v1/chat/completions"


def hello(text: str = "Hello", **more: Any) -> dict[str, Any]:
    """A chat body."""
    return {"model": "openai", "messages": [{"role": "user", "content": text}], **more}


def post(gateway: Emulator, body: dict[str, Any], **options: Any) -> httpx.Response:
    """One chat request."""
    return loopback.post(gateway.url + CHAT, json=body, timeout=10, **options)


def chunks_of(response: httpx.Response) -> list[dict[str, Any]]:
    """The JSON chunks of a stream, without the closing mark."""
    lines = [
        line.removeprefix("data: ")
        for line in response.text.splitlines()
        if line.startswith("data: ")
    ]
    return [json.loads(line) for line in lines if line != "[DONE]"]


def eventually(claim: Any, within_s: float = 3.0) -> bool:
    """Whether a claim becomes true soon."""
    end = time.monotonic() + within_s
    while not claim() and time.monotonic() < end:
        time.sleep(0.005)
    return bool(claim())


def test_it_serves_on_loopback_and_stops_twice_without_complaint() -> None:
    """start and stop work without a with block; stop is idempotent and frees the port and the
    thread.
    """
    threads = set(threading.enumerate())
    gateway = Emulator()
    gateway.start()
    assert gateway.url == f"http://127.0.0.1:{gateway.port}"
    assert loopback.get(gateway.url + "/text/models").status_code == 200
    gateway.stop()
    gateway.stop()
    with pytest.raises(httpx.ConnectError):
        loopback.get(gateway.url + "/text/models")
    assert set(threading.enumerate()) <= threads


def test_it_can_be_started_again_on_the_same_object() -> None:
    """A stopped emulator serves again."""
    gateway = Emulator()
    for _ in range(2):
        with gateway:
            assert post(gateway, hello()).status_code == 200


def test_a_taken_port_is_named_with_what_to_do() -> None:
    """The error says which port and how to get another."""
    with (
        Emulator() as first,
        pytest.raises(EmulatorError, match=rf"Port {first.port} .* take a free one"),
    ):
        Emulator(port=first.port).start()


def test_stopping_abandons_requests_that_hang() -> None:
    """stop does not wait for a hanging stream, and leaves no connection."""
    gateway = Emulator().start()
    gateway.script(Frames(b"data: {}\n\n", Frames.HANG))
    with (
        loopback.Client(base_url=gateway.url) as client,
        client.stream("POST", CHAT, json=hello(stream=True)) as reply,
    ):
        pieces = reply.iter_raw()
        assert next(pieces)
        gateway.stop()
        with pytest.raises(httpx.RemoteProtocolError):
            next(pieces)
    assert gateway.open_connections == 0


def test_requests_are_recorded_as_they_came(gateway: Emulator) -> None:
    """Method, decoded and raw path, query pairs, lowercase headers, body and JSON are kept in
    order.
    """
    loopback.get(
        gateway.url + "/image/a%2Fb%20%3F?width=8&height=8&model=flux&width=9",
        headers={"X-Trace": "1"},
    )
    post(gateway, hello("Hällo"))
    first, second = gateway.requests
    assert first.method == "GET"
    assert first.path == "/image/a/b ?"
    assert first.raw_path.startswith("/image/a%2Fb%20%3F?width=8")
    assert first.query_pairs[-1] == ("width", "9")
    assert first.query["width"] == "9"
    assert first.headers["x-trace"] == "1"
    assert first.json is None
    assert second.json["messages"][0]["content"] == "Hällo"
    assert json.loads(second.body) == second.json
    assert second.time >= first.time


def test_clear_forgets_requests_scripts_and_caches(gateway: Emulator) -> None:
    """After clear nothing is left of what came before."""
    post(gateway, hello())
    gateway.script(Body("left over"))
    gateway.clear()
    assert gateway.requests == []
    assert post(gateway, hello()).headers["x-cache"] == "MISS"


def test_scripts_are_taken_first_in_first_out_by_any_request(gateway: Emulator) -> None:
    """Each request takes the next item, whatever it asks for."""
    gateway.script(Answer(text="one"), Body([], status=418), Body("three"))
    assert post(gateway, hello()).json()["choices"][0]["message"]["content"] == "one"
    assert loopback.get(gateway.url + "/text/models").status_code == 418
    assert loopback.get(gateway.url + "/text/hi").text == "three"
    assert loopback.get(gateway.url + "/text/hi").text != "three"


def test_a_script_refuses_what_is_no_script(gateway: Emulator) -> None:
    """Other types are refused by name; so are unknown faults and options."""
    with pytest.raises(TypeError, match="not str"):
        gateway.script("Hello")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="No fault is called"):
        Fault("explode")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="has no option 'afer'"):
        Fault("cut", afer=1)
    with pytest.raises(ValueError, match="at least once"):
        Fault("reset", times=0)


@pytest.mark.parametrize("stream", [False, True])
def test_a_scripted_answer_is_rendered_as_asked(gateway: Emulator, stream: bool) -> None:
    """One Answer gives the same message plain and streamed."""
    gateway.script(
        Answer(
            text="It is 3.",
            reasoning="Let me see.",
            tool_calls=[("add", {"a": 1}), {"name": "sub", "arguments": "{}", "id": "call_x"}],
            usage={"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3},
            finish_reason="length",
            model="other/model",
            citations=["https://example.com/"],
        )
    )
    response = post(gateway, hello(stream=stream))
    assert response.headers["x-model-used"] == "other/model"
    if not stream:
        whole = response.json()
        message, choice = whole["choices"][0]["message"], whole["choices"][0]
        assert message["reasoning_content"] == "Let me see."
        assert [call["function"]["name"] for call in message["tool_calls"]] == ["add", "sub"]
        assert choice["finish_reason"] == "length"
        assert whole["usage"]["total_tokens"] == 3
        assert whole["citations"] == ["https://example.com/"]
        return
    chunks = chunks_of(response)
    deltas = [chunk["choices"][0]["delta"] for chunk in chunks if chunk["choices"]]
    assert "".join(delta.get("content") or "" for delta in deltas) == "It is 3."
    assert "".join(delta.get("reasoning_content") or "" for delta in deltas) == "Let me see."
    assert chunks[-1]["usage"]["total_tokens"] == 3
    assert chunks[-1]["choices"] == []
    assert chunks[-2]["choices"][0]["finish_reason"] == "length"
    assert response.text.rstrip().endswith("data: [DONE]")


def test_an_answer_may_leave_usage_out_and_add_fields(gateway: Emulator) -> None:
    """usage={} omits usage; extra fields go into the message and the top; images become content
    blocks.
    """
    gateway.script(
        Answer(
            text="x",
            usage={},
            images=[b"\x89PNG"],
            extra_message={"refusal": None},
            extra_top={"moon": 1},
        )
    )
    whole = post(gateway, hello()).json()
    assert "usage" not in whole
    assert whole["moon"] == 1
    message = whole["choices"][0]["message"]
    assert message["refusal"] is None
    assert message["content_blocks"][1]["image_url"]["url"].startswith("data:image/png;base64,")


def test_pieces_of_an_older_function_call_are_folded_into_one(gateway: Emulator) -> None:
    """Its name comes first and its arguments after."""
    called = [{"name": "f"}, {"arguments": '{"a"'}, {"arguments": ": 1}"}]
    chunks = [{"choices": [{"delta": {"function_call": part}}]} for part in called]
    gateway.script(Chunks(chunks))
    message = post(gateway, hello()).json()["choices"][0]["message"]
    assert message["function_call"] == {"name": "f", "arguments": '{"a": 1}'}


def test_chunks_are_served_literally_and_folded_when_no_stream_is_asked_for(
    gateway: Emulator,
) -> None:
    """The same chunks make a stream and a completion."""
    chunks = [
        {"id": "x", "choices": [{"index": 0, "delta": {"content": "Hel"}}]},
        {"id": "x", "choices": [{"index": 0, "delta": {"content": "lo"}}]},
        {
            "choices": [
                {
                    "delta": {
                        "tool_calls": [
                            {"index": 0, "id": "c", "function": {"name": "f", "arguments": "{"}}
                        ]
                    }
                }
            ]
        },
        {
            "choices": [
                {
                    "delta": {"tool_calls": [{"index": 0, "function": {"arguments": "}"}}]},
                    "finish_reason": "stop",
                }
            ]
        },
        {"choices": [], "usage": {"total_tokens": 2}},
    ]
    gateway.script(Chunks(chunks, done=False, headers={"x-odd": "1"}), Chunks(chunks))
    streamed = post(gateway, hello(stream=True))
    assert chunks_of(streamed) == chunks
    assert "[DONE]" not in streamed.text
    assert streamed.headers["x-odd"] == "1"
    whole = post(gateway, hello()).json()
    assert whole["choices"][0]["message"]["content"] == "Hello"
    assert whole["choices"][0]["message"]["tool_calls"][0]["function"]["arguments"] == "{}"
    assert whole["usage"] == {"total_tokens": 2}


def test_bodies_are_sent_as_they_are(gateway: Emulator) -> None:
    """A dictionary becomes JSON, text and bytes stay; content types are guessed or given."""
    page, picture = "<html>oops</html>", b"\xff\xd8\xff\xe0"
    gateway.script(
        Body({"a": 1}, headers={"x-b": "c"}),
        Body(page, 502),
        Body(picture),
        Body(b"x", content_type="a/b"),
    )
    first, second, third, fourth = (loopback.get(gateway.url + "/anything") for _ in range(4))
    assert (first.json(), first.headers["x-b"]) == ({"a": 1}, "c")
    assert (second.text, second.status_code) == (page, 502)
    assert second.headers["content-type"].startswith("text/html")
    assert (third.content, third.headers["content-type"]) == (picture, "image/jpeg")
    assert fourth.headers["content-type"] == "a/b"


def test_frames_are_flushed_one_by_one_with_pauses(gateway: Emulator) -> None:
    """A number between frames is a pause; each frame arrives on its own."""
    gateway.script(Frames(b"a", 0.2, "b", 0.2, b"c"))
    with loopback.stream("POST", gateway.url + CHAT, json=hello()) as reply:
        assert [piece for piece in reply.iter_raw() if piece] == [b"a", b"b", b"c"]


def test_raw_frames_are_the_whole_reply(gateway: Emulator) -> None:
    """raw=True leaves all HTTP to the script, down to a lying length."""
    gateway.script(
        Frames(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc", raw=True),
        Frames(b"SSH-2.0-x\r\n", raw=True),
    )
    with pytest.raises(httpx.RemoteProtocolError):
        loopback.get(gateway.url + "/text/models")
    with pytest.raises(httpx.RemoteProtocolError):
        loopback.get(gateway.url + "/text/models")


def test_a_status_fault_happens_as_often_as_it_says(gateway: Emulator) -> None:
    """Status, Retry-After and body are as asked, in the gateway's envelope by default."""
    gateway.script(
        Fault("status", times=2, status=429, retry_after=7, retry_after_ms=7000),
        Fault("status", body="down"),
    )
    for _ in range(2):
        response = post(gateway, hello())
        assert response.status_code == 429
        assert response.headers["retry-after"] == "7"
        assert response.headers["retry-after-ms"] == "7000"
        assert response.json()["error"]["code"] == "RATE_LIMITED"
    down = post(gateway, hello())
    assert (down.status_code, down.text) == (503, "down")
    assert post(gateway, hello()).status_code == 200


@pytest.mark.parametrize("stream", [False, True])
def test_a_cut_closes_after_so_many_bytes(gateway: Emulator, stream: bool) -> None:
    """The bytes before the cut arrive, the reply is visibly incomplete, and the client did not
    leave first.
    """
    gateway.script(Fault("cut", after=20))
    got = b""
    with loopback.stream("POST", gateway.url + CHAT, json=hello(stream=stream)) as reply:
        with pytest.raises(httpx.RemoteProtocolError):
            for piece in reply.iter_raw():
                got += piece
    assert len(got) == 20
    assert gateway.disconnects == 0


def test_a_cut_or_a_stall_can_come_before_the_headers(gateway: Emulator) -> None:
    """after=None spoils the reply before its first byte."""
    gateway.script(Fault("cut", after=None), Fault("stall", after=None))
    with pytest.raises(httpx.RemoteProtocolError, match="without sending a response"):
        post(gateway, hello())
    with pytest.raises(httpx.ReadTimeout):
        loopback.post(gateway.url + CHAT, json=hello(), timeout=0.2)


def test_a_reset_is_a_tcp_reset(gateway: Emulator) -> None:
    """The connection is aborted before any reply."""
    gateway.script(Fault("reset"))
    with socket.create_connection(("127.0.0.1", gateway.port)) as peer:
        peer.sendall(b"GET /text/models HTTP/1.1\r\nHost: x\r\n\r\n")
        with pytest.raises(ConnectionResetError):
            peer.recv(1)


def test_a_stall_is_silence_and_then_the_rest(gateway: Emulator) -> None:
    """With seconds the reply goes on afterwards, without them it never does."""
    gateway.script(Fault("stall", after=5, seconds=0.1), Fault("stall", after=5))
    assert post(gateway, hello()).status_code == 200
    with pytest.raises(httpx.ReadTimeout):
        loopback.post(gateway.url + CHAT, json=hello("again"), timeout=0.2)


def test_a_slow_reply_arrives_byte_by_byte(gateway: Emulator) -> None:
    """Every byte is sent on its own; a busy reader may find two together."""
    gateway.script(Fault("slow", bytes_per_s=200, answer=Body("abcdef")))
    with loopback.stream("GET", gateway.url + "/anything") as reply:
        pieces = [piece for piece in reply.iter_raw() if piece]
    assert b"".join(pieces) == b"abcdef"
    assert len(pieces) > 1


def test_a_slow_reply_keeps_its_pace(gateway: Emulator) -> None:
    """Many bytes a second go out several at a time: 4 KB at 20 KB/s take about 0.2 s, not 4,000
    pauses.
    """
    gateway.script(Fault("slow", bytes_per_s=20_000, answer=Body(b"x" * 4000)))
    begun = time.monotonic()
    assert len(loopback.get(gateway.url + "/anything").content) == 4000
    assert 0.15 < time.monotonic() - begun < 2


def test_clients_that_leave_early_are_counted() -> None:
    """open_connections and disconnects show an early close; nobody else is connected here."""
    with Emulator() as gateway:
        gateway.script(Frames(b"data: {}\n\n", Frames.HANG))
        with loopback.Client(base_url=gateway.url) as client:
            with client.stream("POST", CHAT, json=hello(stream=True)) as reply:
                pieces = reply.iter_raw()
                next(pieces)
                assert gateway.open_connections >= 1
            assert eventually(lambda: gateway.disconnects == 1)
        assert eventually(lambda: gateway.open_connections == 0)


def test_streamed_chunks_can_be_slowed_down_for_people() -> None:
    """delay_s is the pause after each chunk."""
    with Emulator(delay_s=0.01) as gateway:
        gateway.script(Answer(text="a b c"))
        with loopback.stream("POST", gateway.url + CHAT, json=hello(stream=True)) as reply:
            assert len([piece for piece in reply.iter_raw() if piece]) >= 6


def test_every_reply_says_that_it_is_emulated(either_gateway: Emulator) -> None:
    """Headers on every reply, fields in every completion."""
    for path in ("/v1/models", "/nowhere", "/image/x?width=16&height=16", "/account/balance"):
        response = loopback.get(either_gateway.url + path)
        assert response.headers["x-emulated"] == "true"
        assert response.headers["server"].startswith("pollinations-emulator/")
        assert response.headers["x-request-id"]
    assert post(either_gateway, hello()).json()["system_fingerprint"] == "emulator"


def start_main(*options: str) -> subprocess.Popen[str]:
    """The emulator as a program."""
    command = [sys.executable, "-m", "pollinations_client.emulator", *options]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_the_program_prints_its_address_and_ends_cleanly_on_interrupt() -> None:
    """One line with URL and use; Ctrl-C ends with 0 and without a traceback."""
    import signal

    with start_main("--port", "0", "--quiet") as program:
        assert program.stdout is not None
        line = program.stdout.readline()
        assert "export POLLINATIONS_BASE_URL=http://127.0.0.1:" in line
        assert loopback.get(line.strip().rpartition("=")[2] + "/v1/models").status_code == 200
        program.send_signal(signal.SIGINT)
        _, complaints = program.communicate(timeout=60)
    assert (program.returncode, complaints) == (0, "")


def test_the_program_names_a_taken_port() -> None:
    """One sentence on stderr and exit code 1."""
    with Emulator() as gateway, start_main("--port", str(gateway.port)) as program:
        said, complaints = program.communicate(timeout=60)
    assert (program.returncode, said) == (1, "")
    assert f"Port {gateway.port}" in complaints
    assert "Traceback" not in complaints


def test_it_shares_no_code_with_the_client() -> None:
    """But for the frame of the package, and the first bytes by which media types are told."""
    shared = {"_distribution", "_lazy_imports", "media"}
    root = Path(emulator_package.__file__).parent
    for file in root.rglob("*.py"):
        climbs = len(file.relative_to(root).parts) + 1
        for node in ast.walk(ast.parse(file.read_text())):
            if not isinstance(node, ast.ImportFrom):
                continue
            module = node.module or ""
            assert node.level < climbs or module.split(".")[0] in shared, file.name
            assert not module.startswith("pollinations_client"), file.name


def test_a_scripted_answer_waits_for_a_request_to_a_model(gateway: Emulator) -> None:
    """Lists and pictures asked for in between leave it; a literal body serves whoever comes."""
    gateway.script(Answer(text="four"))
    with PollinationsClient(base_url=gateway.url) as client:
        client.text_models()
        assert client.image("a bee", model="flux").size_px
        assert client.chat("2 + 2?").text == "four"
