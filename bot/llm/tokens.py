"""How many tokens a text takes: tiktoken with the vocabularies that we ship."""

import asyncio
import hashlib
import os
import re
from pathlib import Path
from typing import Self

import tiktoken

VOCABULARIES = Path(__file__).parent / "vocabularies"
# tiktoken names its files by the SHA-1 of their address; this is o200k_base with its SHA-256.
_O200K_FILE = "fb374d419588a4632f3f557e76b4b70aebbca790"
_O200K_SHA256 = "446a9538cb6c348e3516120d7c08b09f57c36495e2acfffe59a5bf8b0cfb1a2d"

# Counting 2,000 characters takes some 0.5 ms at worst: less than handing them to a thread and back.
_INLINE_CHARS = 2_000
# tiktoken's expression gives up with "Max stack size exceeded" on a million blanks, and its merging
# is slower than linear on a long run of one letter. A cut between slices adds a token or two.
_SLICE_CHARS = 8_192

# Families by tokenizer, from tiktoken.model; OpenAI has kept o200k since GPT-4o.
_O200K = re.compile(r"^(?:ft:)?(?:gpt-4o|gpt-4\.[15]|chatgpt-4o|gpt-([5-9]|\d\d)|gpt-oss|o\d)(?![a-z])")
_CL100K = re.compile(r"^(?:ft:)?gpt-(?:4|3\.?5)(?![\da-z])")
_CL100K_MARGIN = 1.1
# SmolLM2's vocabulary (49,152 entries, the smallest in use) takes 1.08 times the tokens of o200k for
# Python code and English Markdown and 1.21 times for a README, so 1.35 is safe for those with some to
# spare. Other languages go beyond it: 1.5 to 1.7 for French and German, 2.1 for Chinese and Japanese,
# 2.5 to 3.7 for Arabic, Russian and Hindi. (cl100k itself: 0.99 to 1.0, 1.2 to 1.3, 1.3 to 1.4 and 1.8
# to 3.4.) A margin for the worst would waste two thirds of every window; there the provider's own
# refusal, which names the window, is what corrects us.
_UNKNOWN_MARGIN = 1.35


class Tiktoken:
    """Counts in o200k_base, whatever the model; `margin` says how far off that may be."""

    def __init__(self, encoding: tiktoken.Encoding) -> None:
        self._encoding = encoding

    @classmethod
    async def load(cls) -> Self:
        """A counter with its vocabulary read (0.6 s and 40 MB, off the loop). No network.

        Raises:
            RuntimeError: The vocabulary is missing or damaged.
        """
        return cls(await asyncio.to_thread(_o200k))

    async def count(self, text: str) -> int:
        """Tokens of `text`; what looks like a special token is text."""
        if len(text) <= _INLINE_CHARS:
            return self._count(text)
        return await asyncio.to_thread(self._count, text)

    def margin(self, model: str) -> float:
        """What a count must be multiplied by to be safe for `model`, with or without its provider.

        1.0 where the vocabulary is known. See the note at the figures for what is not covered.
        """
        name = model.rpartition("/")[2].lower()
        if _O200K.match(name):
            return 1.0
        return _CL100K_MARGIN if _CL100K.match(name) else _UNKNOWN_MARGIN

    def _count(self, text: str) -> int:
        encode = self._encoding.encode
        return sum(
            len(encode(text[start : start + _SLICE_CHARS], disallowed_special=()))
            for start in range(0, len(text), _SLICE_CHARS)
        )


def _o200k() -> tiktoken.Encoding:
    # tiktoken would delete a file that does not match and download another.
    try:
        digest = hashlib.sha256((VOCABULARIES / _O200K_FILE).read_bytes()).hexdigest()
    except FileNotFoundError:
        digest = ""
    if digest != _O200K_SHA256:
        raise RuntimeError(f"the vocabulary {VOCABULARIES / _O200K_FILE} is missing or damaged: reinstall")
    os.environ["TIKTOKEN_CACHE_DIR"] = str(VOCABULARIES)
    return tiktoken.get_encoding("o200k_base")
