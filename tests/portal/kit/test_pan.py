"""Finding card numbers, and nothing else."""

import hashlib
import random

import pytest

from portal.kit.pan import begins_like_an_issuers, find_card_numbers, passes_luhn

ISSUERS = [
    ("4", 13), ("4", 16), ("4", 19), ("51", 16), ("2221", 16), ("2720", 16), ("34", 15),
    ("37", 15), ("62", 16), ("62", 17), ("62", 18), ("62", 19), ("81", 16), ("60", 19),
    ("65", 16), ("95588", 19), ("95599", 19), ("3528", 16), ("300", 14), ("36", 14),
]  # fmt: skip
WIDE = str.maketrans("0123456789", "０１２３４５６７８９")
ARABIC = str.maketrans("0123456789", "٠١٢٣٤٥٦٧٨٩")


def card_number(prefix: str, length: int, dice: random.Random) -> str:
    """Make a number that begins like an issuer's and passes its check."""
    free = "".join(dice.choice("0123456789") for _ in range(length - len(prefix) - 1))
    return next(
        prefix + free + digit for digit in "0123456789" if passes_luhn(prefix + free + digit)
    )


@pytest.mark.parametrize(("prefix", "length"), ISSUERS)
def test_a_card_number_is_found_in_every_disguise(prefix: str, length: int) -> None:
    number = card_number(prefix, length, random.Random(f"{prefix}{length}"))
    fours = [number[at : at + 4] for at in range(0, length, 4)]
    texts = [
        number, " ".join(fours), "-".join(fours), "\u3000".join(fours), "\u200b".join(number),
        number.translate(WIDE), "－".join(fours).translate(WIDE), number.translate(ARABIC),
        f"kā{number}", f"x{number}y", f'{{"note":"{number}"}}', f"({number})", f"{number}.",
        " - ".join(fours[:1]) + "".join(fours[1:]),
    ]  # fmt: skip

    for text in texts:
        (found,) = find_card_numbers(text)
        assert found.masked == f"{number[:6]}{'*' * (length - 10)}{number[-4:]}"
        assert number not in repr(found)


def test_two_numbers_side_by_side_are_both_found() -> None:
    dice = random.Random(3)
    one, other = card_number("62", 19, dice), card_number("4", 16, dice)

    found = find_card_numbers(f"{one} {other}")

    assert [(card.start, card.end) for card in found] == [(0, 19), (20, 36)]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "2026-11-20 12:00:00.123456",
        "2026-11-20T12:00:00+08:00 2026-11-20T12:00:01+08:00",
        "+86 138 0013 8000",
        "M1000000001 10000001 632412345678",
        "192.168.100.200:65535",
        "31.230416, 121.473701",
        "0" * 16,
        "0x" + "4" * 12,
    ],
)
def test_what_only_looks_like_one_is_left_alone(text: str) -> None:
    assert find_card_numbers(text) == []


def test_clocks_and_serial_ids_are_no_card_numbers() -> None:
    dice = random.Random(1)
    ids = [1_795_000_000_000 + dice.randrange(10**10) for _ in range(3000)]
    ids += [1_795_000_000_000_000 + dice.randrange(10**13) for _ in range(3000)]
    ids += [dice.randrange(10**18, 2 * 10**18) for _ in range(3000)]

    assert [number for number in ids if find_card_numbers(str(number))] == []


def test_hashes_are_no_hiding_place_and_no_false_alarm() -> None:
    hashes = [hashlib.sha256(str(n).encode()).hexdigest() for n in range(20_000)]

    assert [text for text in hashes if find_card_numbers(text)] == []


def test_of_random_numbers_few_are_taken_for_a_card() -> None:
    dice = random.Random(5)
    taken = sum(
        bool(find_card_numbers(str(dice.randrange(10**15, 10**16)))) for _ in range(20_000)
    )

    assert taken / 20_000 < 0.05


def test_the_check_digit_and_the_issuer_both_count() -> None:
    number = card_number("62", 16, random.Random(9))
    broken = number[:-1] + str((int(number[-1]) + 1) % 10)

    assert find_card_numbers(broken) == []
    assert passes_luhn(number)
    assert not begins_like_an_issuers("1" + number[1:])
