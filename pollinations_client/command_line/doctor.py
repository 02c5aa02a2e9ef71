"""``pollinations doctor``: what is installed, which key is set, which gateway answers."""

from __future__ import annotations

import argparse
import importlib
import platform
import time
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import metadata
from typing import Literal

from .._distribution import REINSTALL, __version__, install_command, installed_mixture
from ..client import PollinationsClient
from ..errors import InvalidRequestError, PollinationsError
from ..settings.checks import KEY_PAGE
from ..settings.settings import network_environment
from .arguments import add_gateway_arguments, print_json

SUMMARIES = {
    "doctor": "Say what is installed, which key is set and which gateway answers. Exits 1 for a"
    " fault."
}
State = Literal["ok", "note", "fault"]

DISTRIBUTION = "pollinations-adapters"
FOREIGN_DISTRIBUTION = "langchain-pollinations"
# Extra, what it installs, and what needs it.
EXTRAS = {
    "langchain": (("langchain-core",), "langchain_pollinations"),
    "agents": (("langchain",), "langchain.agents"),
    "llamaindex": (("llama-index-core",), "llamaindex_pollinations"),
    "emulator": (("jsonschema", "uvicorn", "pillow"), "pollinations_client.emulator"),
}
KEY_KINDS = {"sk_": "a secret key (sk_...)", "pk_": "a publishable key (pk_...)"}


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at. ``remedy`` says what to do about a fault."""

    subject: str
    state: State
    text: str
    remedy: str | None = None


def add_arguments(parser: argparse.ArgumentParser, command: str) -> None:
    """Which gateway to ask."""
    add_gateway_arguments(parser)


def run(options: argparse.Namespace) -> int:
    """Print each finding as it comes; 1 where one is a fault."""
    findings = []
    for finding in _findings(options):
        findings.append(finding)
        if not options.json:
            print(f"{finding.state:<5}  {finding.subject}: {finding.text}", flush=True)
            if finding.remedy:
                print(f"       -> {finding.remedy}", flush=True)
    has_fault = any(finding.state == "fault" for finding in findings)
    if options.json:
        print_json({"ok": not has_fault, "findings": findings})
    return int(has_fault)


def _findings(options: argparse.Namespace) -> Iterator[Finding]:
    yield Finding("python", "ok", f"{platform.python_version()} on {platform.system()}")
    yield from _packages()
    yield from _name_clash()
    yield from _gateway(options)


def _packages() -> Iterator[Finding]:
    version = _version(DISTRIBUTION)
    if version == __version__:
        yield Finding(DISTRIBUTION, "ok", version)
    else:
        yield Finding(
            DISTRIBUTION,
            "note",
            f"{__version__} runs from a folder; installed: {version or 'not'}",
        )
    # All of them, even after a fault: whoever asks for help pastes the whole list.
    for name in ("httpx", "pydantic"):
        yield _package(name)
    for extra, (names, package) in EXTRAS.items():
        missing = [name for name in names if _version(name) is None]
        if missing:
            text = f"{', '.join(missing)} not installed; {package} needs it"
            yield Finding(extra, "note", text, install_command(extra))
            continue
        for name in names:
            yield _package(name)
        yield _import(package)


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def _package(name: str) -> Finding:
    version = _version(name)
    if version is None:
        return Finding(name, "fault", "its version cannot be read", f"pip install {name}")
    unsupported = _unsupported(name, version)
    if unsupported is None:
        return Finding(name, "ok", version)
    return Finding(
        name,
        "fault",
        f"{version}; this release is made for {unsupported}",
        f'pip install "{name}{unsupported}"',
    )


def _unsupported(name: str, version: str) -> str | None:
    """The range of versions declared for a package, where ``version`` is outside of it."""
    try:
        from packaging.requirements import Requirement
    except ImportError:  # comes with the frameworks, not with the base install
        return None
    try:
        declared = metadata.requires(DISTRIBUTION) or []
    except metadata.PackageNotFoundError:
        return None
    for requirement in map(Requirement, declared):
        marker = requirement.marker
        applies = marker is None or any(map(marker.evaluate, _installed_extras()))
        is_outside = not requirement.specifier.contains(version, prereleases=True)
        if requirement.name == name and applies and is_outside:
            return str(requirement.specifier)
    return None


def _installed_extras() -> list[dict[str, str]]:
    """The extras whose packages are all there; others ask nothing of what they share."""
    return [{"extra": extra} for extra, (names, _) in EXTRAS.items() if all(map(_version, names))]


def _import(package: str) -> Finding:
    try:
        importlib.import_module(package)
    except ImportError as error:
        sentence = " ".join(str(error).split())
        return Finding(package, "fault", f"cannot be imported: {sentence}", REINSTALL)
    return Finding(package, "ok", "can be imported")


def _name_clash() -> Iterator[Finding]:
    # pip lets two packages write into one folder and warns of neither, and which of the two was
    # installed last decides what is imported.
    problem = installed_mixture()
    foreign = _version(FOREIGN_DISTRIBUTION)
    if problem:
        yield Finding("name clash", "fault", problem)
    elif foreign:
        yield Finding(
            "name clash",
            "fault",
            f"{FOREIGN_DISTRIBUTION} {foreign}, another author's package with the same import name,"
            " is installed beside this one",
            REINSTALL,
        )


def _gateway(options: argparse.Namespace) -> Iterator[Finding]:
    proxies = [name for name, _ in network_environment().proxies]
    if proxies:
        yield Finding("proxy", "note", f"set in the environment for {', '.join(proxies)}")
    try:
        client = PollinationsClient(base_url=options.base_url, timeout=options.timeout)
    except InvalidRequestError as error:
        yield Finding("settings", "fault", str(error))
        return
    with client:
        yield _key(client)
        answer = _answer(client)
        yield answer
        if answer.state == "ok" and client.settings.api_key is not None:
            yield _key_info(client)


def _key(client: PollinationsClient) -> Finding:
    settings = client.settings
    if settings.secret is not None:
        kind = KEY_KINDS.get(settings.secret[:3], "a key of another form than sk_... and pk_...")
        return Finding("key", "ok", f"POLLINATIONS_API_KEY is set: {kind}")
    if settings.needs_key:
        remedy = f"make one at {KEY_PAGE} and export POLLINATIONS_API_KEY=sk_..."
        return Finding("key", "fault", "POLLINATIONS_API_KEY is not set", remedy)
    return Finding("key", "note", "POLLINATIONS_API_KEY is not set; the emulator needs none")


def _answer(client: PollinationsClient) -> Finding:
    address = client.settings.base_url
    start = time.monotonic()
    try:
        models = client.models()
    except PollinationsError as error:
        return Finding("gateway", "fault", f"{address}: {error}")
    took_ms = (time.monotonic() - start) * 1_000
    # API 0.3.0 lists names alone.
    era = "today's API" if any(card.supported_endpoints for card in models) else "API 0.3.0"
    text = f"{address} answers in {took_ms:.0f} ms: {len(models)} models, {era}"
    return Finding("gateway", "ok", text)


def _key_info(client: PollinationsClient) -> Finding:
    try:
        info = client.key_info()
    except PollinationsError as error:
        return Finding("key at the gateway", "fault", str(error))
    if info.valid is False:
        return Finding("key at the gateway", "fault", "is not valid", f"make one at {KEY_PAGE}")
    facts = {"expires": info.expires_at, "budget": info.pollen_budget}
    details = "".join(f", {name} {fact}" for name, fact in facts.items() if fact is not None)
    return Finding("key at the gateway", "ok", f"valid{details}")
