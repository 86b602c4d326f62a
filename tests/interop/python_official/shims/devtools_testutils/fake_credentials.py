"""Imported by the suite, and of no use to it where nothing is played back."""


class FakeTokenCredential:
    pass
