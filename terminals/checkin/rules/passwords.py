"""Passwords of terminal operators that the whole trade knows."""

# Printed in the public guides of makers and acquirers: operators 01/0000, 00/123456, 99/12345678.
FAMOUS = frozenset(
    {
        "0000",
        "1111",
        "1234",
        "6666",
        "8888",
        "9999",
        "000000",
        "111111",
        "123456",
        "654321",
        "666666",
        "888888",
        "999999",
        "00000000",
        "12345678",
        "88888888",
        "87654321",
        "password",
        "admin",
    }
)


def is_famous(number: str, password: str) -> bool:
    """Say whether anybody would try this password first: a famous one, or the number itself."""
    return password.lower() in FAMOUS or password == number
