"""Which addresses are asked, where a redirect may lead, and who sees the access token."""

from __future__ import annotations

import urllib.request
from http.client import HTTPMessage
from ipaddress import ip_address
from typing import IO
from urllib.parse import urlsplit, urlunsplit

from speech_ifeval.errors import SpeechIFEvalError, UsageError

TOKEN_HOST = "huggingface.co"


def check_address(url: str) -> None:
    """Refuse an address that is not encrypted and not this machine's, or that is none at all.

    Raises:
        UsageError: it is one of these, or holds a user or a password.

    >>> check_address("http://example.org/clips.tar")
    Traceback (most recent call last):
    ...
    speech_ifeval.errors.UsageError: expected an address with https (http only on this machine), found \
'http://example.org/clips.tar'
    """
    try:
        parts = urlsplit(url)
        fine = bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:
        raise UsageError(f"expected an address such as https://host/file, found {url!r}; correct it") from None
    if not fine or not url.isascii() or not url.isprintable() or " " in url:
        raise UsageError(f"expected an address such as https://host/file, found {url!r}; correct it")
    if parts.username is not None:
        raise UsageError(f"{shown_address(url)}: an address with a user or a password in it is not supported")
    if parts.scheme != "https" and not on_this_machine(url):
        raise UsageError(
            f"expected an address with https (http only on this machine), found {shown_address(url)!r}"
        )


def token_for(url: str, token: str | None) -> str | None:
    """Return the token where this address may see it: the hub itself, encrypted.

    >>> token_for("https://huggingface.co/datasets/x", "hf_1"), token_for("https://cdn.example.org/x", "hf_1")
    ('hf_1', None)
    """
    parts = urlsplit(url)
    at_home = parts.scheme == "https" and parts.hostname == TOKEN_HOST and parts.port in (None, 443)
    return token if at_home else None


def check_token(token: str | None) -> str | None:
    """Return an access token without the white space around it; None where it is empty.

    Raises:
        UsageError: it holds characters that no token has; the message does not show it.

    >>> check_token(" hf_1\\n"), check_token("")
    ('hf_1', None)
    """
    token = (token or "").strip()
    if not (token.isascii() and all("!" <= character <= "~" for character in token)):
        raise UsageError("HF_TOKEN holds characters that no access token has; set it anew, or unset it")
    return token or None


def shown_address(url: str) -> str:
    """Return an address without what could be secret in it: user, password, query.

    >>> shown_address("https://me:secret@example.org/a.tar?key=1")
    'https://example.org/a.tar'
    """
    parts = urlsplit(url)
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))


def on_this_machine(url: str) -> bool:
    """Return whether this is an unencrypted address of this machine.

    >>> on_this_machine("http://127.0.0.1:8000/a.tar"), on_this_machine("http://example.org/a.tar")
    (True, False)
    """
    parts = urlsplit(url)
    if parts.scheme != "http" or parts.hostname is None:
        return False
    try:
        return parts.hostname == "localhost" or ip_address(parts.hostname).is_loopback
    except ValueError:
        return False


class Redirects(urllib.request.HTTPRedirectHandler):
    """Follows redirects to encrypted addresses only, keeps their headers, and shows the token to the hub alone."""

    max_redirections = 5

    def __init__(self, token: str | None) -> None:
        self._token = token
        self.seen: list[HTTPMessage] = []

    def authorised(self, request: urllib.request.Request) -> urllib.request.Request:
        token = token_for(request.full_url, self._token)
        if token is not None:  # never among the headers that a redirect carries on
            request.add_unredirected_header("Authorization", f"Bearer {token}")
        return request

    def redirect_request(
        self, req: urllib.request.Request, fp: IO[bytes], code: int, msg: str, headers: HTTPMessage, newurl: str
    ) -> urllib.request.Request | None:
        within = on_this_machine(req.full_url) and on_this_machine(newurl)
        if urlsplit(newurl).scheme != "https" and not within:
            raise SpeechIFEvalError(
                f"{shown_address(req.full_url)}: the server points to {shown_address(newurl)}, which is not "
                "encrypted; nothing was taken from there: check the address, or take a local copy with --from PATH"
            )
        self.seen.append(headers)
        further = super().redirect_request(req, fp, code, msg, headers, newurl)
        return None if further is None else self.authorised(further)
