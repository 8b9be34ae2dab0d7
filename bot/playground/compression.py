"""The transport compression that a client asks for when it connects to the gateway."""

from __future__ import annotations

import zlib
from collections.abc import Callable

import zstandard

Compress = Callable[[bytes], bytes]


def _zlib_stream() -> Compress:
    context = zlib.compressobj()

    def compress(frame: bytes) -> bytes:
        # The client knows the end of a frame by the sync flush's 00 00 FF FF.
        return context.compress(frame) + context.flush(zlib.Z_SYNC_FLUSH)

    return compress


def _zstd_stream() -> Compress:
    context = zstandard.ZstdCompressor(level=1).compressobj()

    def compress(frame: bytes) -> bytes:
        return context.compress(frame) + context.flush(zstandard.COMPRESSOBJ_FLUSH_BLOCK)

    return compress


STREAMS: dict[str, Callable[[], Compress]] = {"zlib-stream": _zlib_stream, "zstd-stream": _zstd_stream}
