"""Checks values that are valid alone, but not together. Each check raises ValueError with the reason."""

from checks.transmitters import check_secret, check_transmitters, users_of


def check(values: dict[str, str]) -> None:
    """The parameters that are given. One that is missing has its default."""
    check_transmitters_together(values)


def check_transmitters_together(values: dict[str, str]) -> None:
    transmitters = values.get("Transmitters", "")
    try:
        check_transmitters(transmitters, users_of(values))
        check_secret(transmitters, values.get("TransmitterSecretArn", ""))
    except ValueError as error:
        raise ValueError(f"invalid value of Transmitters: {error}") from None
