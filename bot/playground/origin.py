"""Who may talk to the box: another site's page in the same browser must neither drive it nor listen."""

from __future__ import annotations

from typing import Any

from aiohttp import web

_HOSTS = ("127.0.0.1", "localhost", "[::1]")
_HTTP_PORT = "80"


def is_ours(http: web.BaseRequest) -> bool:
    """Whether a request was sent to our own address, by our own page or by what is no page at all.

    A browser names the site whose script asks in `Origin`, and in `Host` the name it asked for, which a
    site can let lead to us (DNS rebinding). A bot's client sends our address and no `Origin`.
    """
    ours = _port_of(http)
    host, _, port = http.headers.get("Host", "").rpartition(":")
    if not port.isdigit():
        host, port = http.headers.get("Host", ""), _HTTP_PORT
    if host not in _HOSTS or port != ours:
        return False
    origin = http.headers.get("Origin")
    if origin is None:
        return True
    suffix = "" if ours == _HTTP_PORT else f":{ours}"
    return origin in {f"http://{name}{suffix}" for name in _HOSTS}


def _port_of(http: web.BaseRequest) -> str:
    address: Any = None if http.transport is None else http.transport.get_extra_info("sockname")
    return str(address[1]) if address else ""
