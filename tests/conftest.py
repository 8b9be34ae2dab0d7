"""What holds for all tests."""

from hypothesis import settings

# A busy machine is no mistake: nothing is told from how long an example takes.
settings.register_profile("parley", deadline=None)
settings.load_profile("parley")
