"""Which commands Discord has."""

import pytest

from bot.store.commands import Fingerprints
from bot.store.database import Database


@pytest.fixture
def fingerprints(database: Database) -> Fingerprints:
    return Fingerprints(database)


async def test_an_application_has_no_fingerprint_at_first(fingerprints: Fingerprints):
    assert await fingerprints.get(1) is None


async def test_the_last_fingerprint_counts_for_each_application(fingerprints: Fingerprints):
    await fingerprints.put(2**62, "old")
    await fingerprints.put(2**62, "new")
    await fingerprints.put(2, "other")
    assert await fingerprints.get(2**62) == "new"
    assert await fingerprints.get(2) == "other"


async def test_what_is_forgotten_is_given_again(fingerprints: Fingerprints):
    await fingerprints.put(1, "old")
    await fingerprints.forget()
    assert await fingerprints.get(1) is None
