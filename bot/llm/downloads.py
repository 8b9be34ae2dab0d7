"""Fetching what a provider gives the address of, and nothing else.

The address comes from outside, so it must not make us ask our own network: only https to public
addresses, or the provider's own origin, and no redirects.
"""

import asyncio
import ipaddress
import logging
import socket

import httpx2

from bot.core.errors import Problem, Told
from bot.llm import faults

_log = logging.getLogger(__name__)

LIMIT_MB = 25
LIMIT_BYTES = LIMIT_MB * 1024 * 1024
_TIMEOUT_S = 60.0


async def download(url: str, *, own_url: str) -> bytes:
    """What is at `url`; `own_url` is the provider's base_url, whose origin is trusted.

    Raises:
        Told: It may not be asked for, is too large, or does not come.
    """
    try:
        async with asyncio.timeout(_TIMEOUT_S):
            # No proxy from the environment: it would resolve the name again, past our check.
            async with httpx2.AsyncClient(follow_redirects=False, trust_env=False) as client:
                return await _fetch(client, await _allowed(client, url, own_url))
    except (TimeoutError, httpx2.TimeoutException):
        raise Told(Problem.TIMED_OUT) from None
    except faults.BROKEN as error:
        _log.warning("picture cannot be fetched: %s", type(error).__name__)
        raise Told(Problem.UNREACHABLE) from None


async def _fetch(client: httpx2.AsyncClient, request: httpx2.Request) -> bytes:
    response = await client.send(request, stream=True)
    try:
        if response.status_code != 200:
            _log.warning("picture cannot be fetched: status=%s", response.status_code)
            raise Told(Problem.IMAGE_UNUSABLE)
        body = bytearray()
        async for chunk in response.aiter_bytes():
            body += chunk
            if len(body) > LIMIT_BYTES:
                raise Told(Problem.IMAGE_TOO_LARGE, limit_mb=LIMIT_MB)
        return bytes(body)
    finally:
        await response.aclose()


async def _allowed(client: httpx2.AsyncClient, url: str, own_url: str) -> httpx2.Request:
    """A request for `url` that can reach only what it may."""
    try:
        target, own = httpx2.URL(url), httpx2.URL(own_url)
    except httpx2.InvalidURL:
        raise Told(Problem.IMAGE_UNUSABLE) from None
    if _origin(target) == _origin(own):
        return client.build_request("GET", target)
    if target.scheme != "https" or not target.host:
        _log.warning("picture at a refused address: scheme=%s", target.scheme)
        raise Told(Problem.IMAGE_UNUSABLE)
    address = await _public_address(target.host, target.port or 443)
    # Asked by the address that was checked, so that the name cannot mean another a moment later; the
    # name still goes into the TLS handshake, where the certificate is held against it.
    return client.build_request(
        "GET",
        target.copy_with(host=address),
        headers={"host": target.netloc.decode()},
        extensions={"sni_hostname": target.host},
    )


def _origin(url: httpx2.URL) -> tuple[str, str, int]:
    return url.scheme, url.host, url.port or (443 if url.scheme == "https" else 80)


async def _public_address(host: str, port: int) -> str:
    """An address of `host`; every one that it has must be public."""
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except OSError:
        raise Told(Problem.UNREACHABLE) from None
    addresses = [str(entry[4][0]) for entry in found]
    if not addresses or not all(is_public(address) for address in addresses):
        _log.warning("picture at a refused address: not public")
        raise Told(Problem.IMAGE_UNUSABLE)
    return addresses[0]


def is_public(address: str) -> bool:
    """Whether `address` is one of the internet's, not of this machine or its network."""
    parsed = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(parsed, ipaddress.IPv6Address):
        # IPv4 in disguise: mapped, 6to4 and NAT64 (RFC 6052).
        if parsed in ipaddress.ip_network("64:ff9b::/96"):
            return is_public(str(ipaddress.IPv4Address(int(parsed) & 0xFFFFFFFF)))
        if disguised := parsed.ipv4_mapped or parsed.sixtofour:
            return is_public(str(disguised))
    return parsed.is_global and not parsed.is_multicast
