"""Where a server is, and the key to it: neither an address nor anything that is shown or logged holds one."""

from __future__ import annotations

import ipaddress
import json
import logging
import os
import re
import socket
from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import quote, urlsplit

from speech_ifeval.errors import UsageError

OFFICIAL_URL = "https://api.openai.com/v1"
URL_VARIABLE = "OPENAI_BASE_URL"
KEY_VARIABLE = "OPENAI_API_KEY"
HIDDEN = "[key]"

_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
_KEY_ENDS = frozenset({"key", "keys", "token", "bearer"})
_KEY_PARTS = ("apikey", "accesskey", "authtoken", "secret", "password", "passwd", "authoriz", "credential")
# Fields that servers know by such a name.
_NO_KEYS = frozenset({"prompt_cache_key", "bos_token", "eos_token", "pad_token"})

# Whose debug records show what a server sends back, and so a key that it echoes.
_FOREIGN_LOGGERS = (
    *("httpx", "httpx2", "openai", "openai._base_client", "openai._response", "openai._legacy_response"),
    *(
        f"{base}.{part}"
        for base in ("httpcore", "httpcore2")
        for part in ("connection", "http11", "http2", "proxy")
    ),
)


def is_this_machine(host: str) -> bool:
    """Whether a host, given by name or number, is this machine and no other; a name that is not known is not.

    >>> is_this_machine("127.0.0.1"), is_this_machine("::1"), is_this_machine("192.0.2.1")
    (True, True, False)
    """
    try:
        found = {info[4][0] for info in socket.getaddrinfo(host, None)}
    except (OSError, UnicodeError):
        return False
    return bool(found) and all(_is_loopback(str(address)) for address in found)


def _is_loopback(address: str) -> bool:
    number = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(number, ipaddress.IPv6Address) and number.ipv4_mapped is not None:
        number = number.ipv4_mapped
    # 0.0.0.0 is what servers print when they listen everywhere; called, it is this machine.
    return number.is_loopback or number.is_unspecified


def server_urls(base_url: str | Sequence[str]) -> tuple[str, ...]:
    """Return the addresses that are given, one or several; by default the environment's, else the official one.

    Args:
        base_url: an address, several with commas between them, or a list.

    Raises:
        UsageError: one that is none, one with credentials or a query in it, or one that is given twice.

    >>> server_urls("http://a:8000/v1,http://b:8000/v1/")
    ('http://a:8000/v1', 'http://b:8000/v1')
    """
    given = base_url if isinstance(base_url, str) else ",".join(base_url)
    given = given if given.strip() else os.environ.get(URL_VARIABLE, "")
    urls = tuple(server_url(part) for part in given.split(",") if part.strip()) or (server_url(""),)
    twice = next((url for place, url in enumerate(urls) if url in urls[:place]), None)
    if twice is not None:
        raise UsageError(f"base_url gives {twice} twice; give each server once")
    return urls


def server_url(base_url: str) -> str:
    """Return a server's address without a slash at its end; by default the environment's, else the official one.

    Raises:
        UsageError: no address, or one with credentials or a query in it.

    >>> server_url("http://localhost:8000/v1/")
    'http://localhost:8000/v1'
    """
    url = (base_url or os.environ.get(URL_VARIABLE, "") or OFFICIAL_URL).strip()
    try:
        parts = urlsplit(url)
        secret = "@" in parts.netloc or bool(parts.query or parts.fragment)
        right = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError:
        secret, right = "@" in url or "?" in url, False
    if secret:
        raise UsageError(
            "base_url holds credentials or a query: give the bare address, and name the environment variable that "
            "holds the key with api_key_env"
        )
    if not right:
        raise UsageError(f"base_url: expected an address such as http://localhost:8000/v1, found {url!r}")
    return url.rstrip("/")


def server_key(variable: str, url: str) -> str | None:
    """Return the key that an environment variable holds; None where no variable is named and none is needed.

    Raises:
        UsageError: the variable is not set, or what it holds cannot be a key.
    """
    name = variable or KEY_VARIABLE
    key = os.environ.get(name, "").strip()
    if not key:
        if variable or url == OFFICIAL_URL:
            raise UsageError(
                f"{url} needs a key: set the environment variable {name}, or name another with api_key_env"
            )
        return None
    if not all("!" <= letter <= "~" for letter in key):
        raise UsageError(f"the environment variable {name} holds no key: it has spaces or letters no key has")
    return key


def refuse_keys(whose: str, body: Mapping[str, Any]) -> None:
    """Refuse a request's further fields where one is named as a key is: they are written down with the settings.

    A name whose value is neither text nor number, such as a schema, is no key, and neither is ``max_tokens``.

    Raises:
        UsageError: a field, however deep, is named so; its value is not shown.

    >>> refuse_keys("openai:a", {"max_tokens": 3, "headers": {"X-Api-Key": "sk-1"}})
    Traceback (most recent call last):
    ...
    speech_ifeval.errors.UsageError: openai:a: body may not hold 'X-Api-Key', which is written down with the \
settings: keys come from the environment, take it out and name the variable with api_key_env
    """
    found = next(_key_names(body, ""), None)
    if found is not None:
        raise UsageError(
            f"{whose}: body may not hold {found!r}, which is written down with the settings: keys come from the "
            "environment, take it out and name the variable with api_key_env"
        )


def _key_names(value: Any, name: str) -> Iterator[str]:
    if isinstance(value, Mapping):
        for inner, one in value.items():
            yield from _key_names(one, str(inner))
    elif isinstance(value, list):
        for one in value:
            yield from _key_names(one, name)
    elif isinstance(value, str | int | float) and not isinstance(value, bool) and _names_a_key(name):
        yield name


def _names_a_key(name: str) -> bool:
    words = [word.lower() for word in _WORDS.findall(name)]
    if not words or "_".join(words) in _NO_KEYS:
        return False
    joined = "".join(words)
    return words[-1] in _KEY_ENDS or any(part in joined for part in _KEY_PARTS)


class Scrubber:
    """Takes a key out of texts, in the forms in which a server might echo it, and out of other packages' logs."""

    def __init__(self, key: str | None) -> None:
        forms = {key, quote(key, safe=""), json.dumps(key)[1:-1], repr(key)[1:-1]} if key else set()
        self._forms = sorted(forms, key=len, reverse=True)

    def __call__(self, text: str) -> str:
        for form in self._forms:
            text = text.replace(form, HIDDEN)
        return text

    def filter(self, record: logging.LogRecord) -> bool:
        """Rewrite a log record that holds the key; `logging` calls it."""
        message = record.getMessage()
        clean = self(message)
        if clean != message:
            record.msg, record.args = clean, ()
        return True

    def watch(self) -> None:
        """Begin to filter the records of the packages that speak to the server."""
        if self._forms:
            for name in _FOREIGN_LOGGERS:
                logging.getLogger(name).addFilter(self)

    def unwatch(self) -> None:
        """Leave their records be."""
        for name in _FOREIGN_LOGGERS:
            logging.getLogger(name).removeFilter(self)
