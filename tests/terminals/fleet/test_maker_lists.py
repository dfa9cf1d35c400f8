"""Reading makers' lists."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from terminals.fleet.rules.maker_lists import (
    EmptyList,
    MissingColumns,
    NotText,
    RemarkCode,
    read_list,
    read_serials,
)
from terminals.fleet.rules.serials import look_alikes, read_serial, split_list

HEAD = "maker,model,serial,tusn\r\n"


def _said(content: bytes, **also: str) -> list[tuple[int, str]]:
    return [(remark.line, remark.code.value) for remark in read_list(content, **also).remarks]


@pytest.mark.parametrize(
    ("encoding", "named"),
    [("utf-8", "UTF-8"), ("utf-8-sig", "UTF-8 BOM"), ("gb18030", "GBK"), ("utf-16", "UTF-16")],
)
def test_the_encoding_is_found_and_named(encoding: str, named: str) -> None:
    text = "厂商,型号,序列号\r\n百富,A920,0820000001\r\n"

    listed = read_list(text.encode(encoding))

    assert listed.encoding == named
    assert [(e.maker, e.model, e.serial) for e in listed.entries] == [
        ("百富", "A920", "0820000001")
    ]


@pytest.mark.parametrize(
    "head",
    [
        "maker,model,serial",
        "Manufacturer,Model No.,Serial Number",
        "厂商,型号,序列号",
        "生产厂商;设备型号;设备序列号",
        "vendor\tmodel\tSN",
        "\r\n\r\nmaker,model,serial",
    ],
)
def test_headings_in_both_languages_are_known(head: str) -> None:
    mark = next(c for c in ",;\t" if c in head)
    line = mark.join(["PAX", "A920", "0820000001"])

    assert [e.serial for e in read_list(f"{head}\n{line}\n".encode()).entries] == ["0820000001"]


def test_the_maker_may_be_named_beside_the_file() -> None:
    content = b"model,serial\nA920,0820000001\n"

    assert [e.maker for e in read_list(content, maker="PAX").entries] == ["PAX"]
    with pytest.raises(MissingColumns) as refused:
        read_list(content)
    assert refused.value.columns == ["maker"]


@pytest.mark.parametrize(
    ("content", "error"),
    [
        (b"maker,model\nPAX,A920\n", MissingColumns),
        (b"", MissingColumns),
        (b"maker,model,serial\n", EmptyList),
        (b"maker,model,serial\n\n,,\n", EmptyList),
        (b"PK\x03\x04 a workbook", NotText),
        (b"maker,model,serial\nPAX,A920,\x00\x01\n", NotText),
        (b"\xff\xfe\x00", NotText),
        (b"maker,model,serial\nPAX,A920,\xff\xff\n", NotText),
    ],
)
def test_a_file_that_is_no_list_is_refused_as_a_whole(content: bytes, error: type) -> None:
    with pytest.raises(error):
        read_list(content)


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("PAX,A920,08*0000001,", RemarkCode.BAD_SERIAL),
        ("PAX,A920,,", RemarkCode.BAD_SERIAL),
        ("PAX,A920,-0820000001,", RemarkCode.BAD_SERIAL),
        (f"PAX,A920,{'9' * 51},", RemarkCode.BAD_SERIAL),
        (",A920,0820000001,", RemarkCode.NO_MAKER),
        (f"{'P' * 41},A920,0820000001,", RemarkCode.NO_MAKER),
        ("PAX,,0820000001,", RemarkCode.NO_MODEL),
        ("PAX", RemarkCode.BAD_SERIAL),
        ('PAX,A920,"0820000001,', RemarkCode.BROKEN),
        ('PAX,"A9"20,0820000001,', RemarkCode.BROKEN),
        (f'PAX,A920,"{"1" * 200_000}",', RemarkCode.BROKEN),
        ("PAX,A920,0820000001,00-57", RemarkCode.BAD_TUSN),
    ],
)
def test_a_line_that_is_not_as_agreed_says_why(line: str, code: RemarkCode) -> None:
    good = "PAX,A920,0820000009,\r\n"

    listed = read_list((HEAD + good + line + "\r\n").encode())

    assert [(r.line, r.code) for r in listed.remarks] == [(3, code)]
    assert [e.serial for e in listed.entries] == ["0820000009"]


def test_a_quotation_mark_left_open_among_fifty_thousand_lines_costs_its_own_alone() -> None:
    lines = [f"PAX,A920,{n:010}," for n in range(50_000)]
    lines[31_000] = 'PAX,A920,"0000031000,'

    listed = read_list((HEAD + "\r\n".join(lines)).encode())

    assert [(r.line, r.code, r.cell) for r in listed.remarks] == [
        (31_002, RemarkCode.BROKEN, "0000031000")
    ]
    assert len(listed.entries) == 49_999


def test_a_quoted_cell_may_hold_the_mark_between_cells() -> None:
    listed = read_list((HEAD + '"PAX, Inc.","A ""9""",0820000001,\r\n').encode())

    assert [(e.maker, e.model) for e in listed.entries] == [("PAX, Inc.", 'A "9"')]


def test_a_card_number_is_refused_and_not_kept() -> None:
    # A well-known test number, put together so that it does not stand in this file.
    card = "4" + "1" * 15
    for cell in (card, f"{card[:4]} {card[4:8]} {card[8:12]} {card[12:]}"):
        listed = read_list((HEAD + f"PAX,A920,0820000001,{cell}\r\n").encode())

        assert [(r.line, r.code, r.cell) for r in listed.remarks] == [
            (2, RemarkCode.CARD_NUMBER, "")
        ]
        assert listed.entries == []


def test_a_serial_that_stands_twice_is_taken_once() -> None:
    lines = "PAX,A920,0820000001,\r\nPax,A920, 0820000001 ,\r\nVerifone,V400,0820000001,\r\n"

    listed = read_list((HEAD + lines).encode())

    assert [(e.maker, e.serial) for e in listed.entries] == [
        ("PAX", "0820000001"),
        ("Verifone", "0820000001"),
    ]
    assert [(r.line, r.code) for r in listed.remarks] == [(3, RemarkCode.DUPLICATE)]


def test_a_tusn_that_stands_twice_is_refused_the_second_time() -> None:
    tusn = "0000570228011763"
    lines = f"PAX,A920,0820000001,{tusn}\nPAX,A920,0820000002,{tusn}\n"

    assert _said((HEAD + lines).encode()) == [(3, "TUSN_TWICE")]


def test_one_maker_keeps_one_spelling_throughout_a_file() -> None:
    lines = "PAX,A920,0820000001\nPax,A920,0820000002\npax,A920,0820000003\n"

    listed = read_list(("maker,model,serial\n" + lines).encode())

    assert [entry.maker for entry in listed.entries] == ["PAX", "PAX", "PAX"]


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        (" n9a012132 ", "N9A012132"),
        ("Ｎ９Ａ０１２１３２", "N9A012132"),
        ("V400m–324689776", "V400M-324689776"),
        ("\ufeffN9A012132\u200b", "N9A012132"),
    ],
)
def test_a_typed_serial_is_kept_trimmed_narrow_and_in_capitals(typed: str, kept: str) -> None:
    assert read_serial(typed) == kept


def test_a_pasted_list_may_be_apart_by_anything() -> None:
    pasted = "a1, b2；c3\r\n\r\nd4\te5，f6、g7 | h8"

    assert split_list(pasted) == ["A1", "B2", "C3", "D4", "E5", "F6", "G7", "H8"]
    assert split_list(" \n ") == []


def test_what_looks_alike_is_offered() -> None:
    assert "0820000001" in look_alikes("O82000000I")
    assert "324689776" in look_alikes("324-689-776")


def test_serials_alone_are_read_from_a_column_or_from_a_bare_list() -> None:
    assert read_serials("型号,序列号\nA920,0820000001\nA920,\n".encode("gb18030")) == [
        "0820000001"
    ]
    assert read_serials(b"0820000001\n0820000002\n") == ["0820000001", "0820000002"]


@given(st.binary(max_size=400))
def test_any_bytes_are_read_or_refused_by_name(content: bytes) -> None:
    try:
        listed = read_list(content, maker="PAX")
    except (NotText, MissingColumns, EmptyList):
        return
    lines = [entry.line for entry in listed.entries] + [r.line for r in listed.remarks]
    assert len(lines) == len(set(lines))
