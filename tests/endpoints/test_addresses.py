"""Where a server is, and the key to it."""

from __future__ import annotations

import logging
import socket

import pytest

from speech_ifeval.endpoints import is_this_machine
from speech_ifeval.endpoints.addresses import OFFICIAL_URL, Scrubber, server_key, server_url
from speech_ifeval.errors import UsageError


@pytest.mark.parametrize(
    ("host", "here"),
    [
        ("localhost", True),
        ("127.0.0.1", True),
        ("127.8.9.10", True),
        ("127.1", True),
        ("2130706433", True),  # 127.0.0.1 as one number
        ("::1", True),
        ("::ffff:127.0.0.1", True),
        ("0.0.0.0", True),
        ("192.0.2.1", False),
        ("128.0.0.1", False),
        ("::ffff:192.0.2.1", False),
        ("2001:db8::1", False),
        ("127.0.0.1.invalid", False),
        ("localhost.invalid", False),
        ("", False),
        ("a" * 300, False),
        ("..", False),
    ],
)
def test_only_what_resolves_to_loopback_is_this_machine(host: str, here: bool) -> None:
    assert is_this_machine(host) is here


@pytest.mark.parametrize(
    ("addresses", "here"),
    [
        (["127.0.0.1"], True),
        (["127.0.0.1", "192.0.2.1"], False),
        (["192.0.2.1"], False),
        (["::1", "127.0.0.1"], True),
    ],
)
def test_a_name_is_this_machine_only_if_all_its_addresses_are(
    monkeypatch: pytest.MonkeyPatch, addresses: list[str], here: bool
) -> None:
    found = [(socket.AF_INET, socket.SOCK_STREAM, 0, "", (address, 0)) for address in addresses]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_: found)
    assert is_this_machine("localhost") is here


@pytest.mark.parametrize(
    ("given", "environment", "url"),
    [
        ("http://localhost:8000/v1", "", "http://localhost:8000/v1"),
        ("http://localhost:8000/v1//", "", "http://localhost:8000/v1"),
        ("http://[::1]:8000/v1", "", "http://[::1]:8000/v1"),
        ("", "http://127.0.0.1:1/v1/", "http://127.0.0.1:1/v1"),
        ("", "", OFFICIAL_URL),
        ("https://a.example/v1", "http://127.0.0.1:1/v1", "https://a.example/v1"),
    ],
)
def test_the_address_is_given_or_of_the_environment_or_the_official_one(
    monkeypatch: pytest.MonkeyPatch, given: str, environment: str, url: str
) -> None:
    monkeypatch.setenv("OPENAI_BASE_URL", environment)
    assert server_url(given) == url


@pytest.mark.parametrize(
    "url",
    [
        "http://user:sk-secret@a.example/v1",
        "http://sk-secret@a.example/v1",
        "https://a.example/v1?api-key=sk-secret",
        "https://a.example/v1#sk-secret",
        "http://sk-secret@a.example:port/v1",
        "http://[sk-secret@/v1",
    ],
)
def test_an_address_with_credentials_is_refused_without_showing_them(url: str) -> None:
    with pytest.raises(UsageError, match="holds credentials or a query") as caught:
        server_url(url)
    assert "sk-secret" not in str(caught.value)


@pytest.mark.parametrize(
    "url", ["localhost:8000", "ftp://a.example", "http://", "http:///v1", "http://a:99999/v1", "x"]
)
def test_what_is_no_address_is_said(url: str) -> None:
    with pytest.raises(UsageError, match="expected an address such as"):
        server_url(url)


def test_a_key_comes_from_the_variable_that_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-official")
    monkeypatch.setenv("MY_KEY", "  sk-mine\n")
    assert server_key("MY_KEY", "http://a.example/v1") == "sk-mine"
    assert server_key("", "http://a.example/v1") == "sk-official"


def test_a_server_that_may_need_no_key_gets_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    assert server_key("", "http://127.0.0.1:8000/v1") is None


@pytest.mark.parametrize(("variable", "url"), [("", OFFICIAL_URL), ("MY_KEY", "http://127.0.0.1:8000/v1")])
def test_a_key_that_is_needed_or_named_must_be_there(
    monkeypatch: pytest.MonkeyPatch, variable: str, url: str
) -> None:
    for name in ("OPENAI_API_KEY", "MY_KEY"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(UsageError, match=f"set the environment variable {variable or 'OPENAI_API_KEY'}"):
        server_key(variable, url)


@pytest.mark.parametrize("key", ["sk two", "sk\nthree", "sk-ü"])
def test_what_no_header_can_hold_is_refused_without_showing_it(monkeypatch: pytest.MonkeyPatch, key: str) -> None:
    monkeypatch.setenv("MY_KEY", key)
    with pytest.raises(UsageError, match="MY_KEY holds no key") as caught:
        server_key("MY_KEY", OFFICIAL_URL)
    assert "sk" not in str(caught.value)


@pytest.mark.parametrize("key", ["sk-plain", 'sk"quoted\\', "sk/with+signs=", "sk'single"])
def test_a_key_is_taken_out_in_every_form_it_is_echoed_in(key: str) -> None:
    import json
    from urllib.parse import quote

    scrub = Scrubber(key)
    for echoed in (
        key,
        json.dumps({"key": key}),
        quote(key, safe=""),
        repr(f"Bearer {key}".encode()),
        f"Bearer {key}",
    ):
        assert key not in scrub(echoed)
        assert "[key]" in scrub(echoed)
    assert Scrubber(None)("anything") == "anything"


def test_other_packages_records_are_watched_only_while_the_server_is_open(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    scrub = Scrubber("sk-secret")
    scrub.watch()
    logging.getLogger("httpcore2.http11").debug("sent %r", b"Bearer sk-secret")
    scrub.unwatch()
    assert caplog.messages == ["sent b'Bearer [key]'"]
    assert not logging.getLogger("httpcore2.http11").filters
