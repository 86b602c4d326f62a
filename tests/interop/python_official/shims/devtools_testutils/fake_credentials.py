"""The suite imports this module, but does not need it without playback."""


class FakeTokenCredential:
    pass
