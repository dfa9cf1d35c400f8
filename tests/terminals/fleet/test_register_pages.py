"""The pages of the makers' register, over HTTP."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from portal.audit.models import AuditEntry
from terminals.fleet.models import (
    RegisteredSerial,
    RegistryImport,
)
from tests.make import make_register

pytestmark = pytest.mark.django_db(databases=["default", "owner"])

ClientFor = Callable[[str], Client]
SERIALS = ["0820000001", "0820000002", "0820000003"]


def _upload(client: Client, content: bytes, name: str = "list.csv", **also: str) -> Any:
    file = SimpleUploadedFile(name, content, content_type="text/csv")
    return client.post("/terminals/register/import/", {"file": file, **also}, follow=True)


def test_a_list_is_previewed_then_imported_and_the_remarks_come_as_a_file(
    operator: Client, noon: datetime
) -> None:
    make_register([SERIALS[0]], now=noon)
    lines = ["厂商,型号,序列号", "PAX,A930,0820000001", "PAX,A920,0820000002", "PAX,A920,=1+1"]

    page = _upload(operator, "\r\n".join(lines).encode("gb18030"), "一月.csv")

    text = page.content.decode()
    handed = RegistryImport.objects.get(status="PREVIEWED")
    assert "GBK" in text
    assert "Import 2 serial numbers" in text
    assert "0820000001: A920  -&gt; A930" in text
    assert RegisteredSerial.objects.count() == 1

    file: Any = operator.get(f"/terminals/register/import/{handed.pk}/remarks/")
    body = b"".join(file.streaming_content).decode("utf-8-sig")
    assert body.splitlines()[0] == "Line,Code,Reason,Cell"
    assert "4,BAD_SERIAL," in body
    assert body.rstrip().endswith("'=1+1")

    take_in = f"/terminals/register/import/{handed.pk}/take-in/"
    done = operator.post(take_in, follow=True).content.decode()
    again = operator.post(take_in, follow=True).content.decode()

    assert "一月.csv imported: 1 new serial number." in done
    assert "imported before" in again
    assert sorted(RegisteredSerial.objects.values_list("serial", "model")) == [
        ("0820000001", "A930"),
        ("0820000002", "A920"),
    ]
    assert AuditEntry.objects.filter(event="registry.imported").count() == 2


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"maker,model\nPAX,A920\n", "The heading lacks: serial."),
        (b"maker,model,serial\n", "no line under the heading"),
        (b"PK\x03\x04....", "This is a workbook."),
        (b"\xff\xff\xff", "not text in UTF-8 or GBK"),
    ],
)
def test_a_file_that_is_no_list_is_explained(content: bytes, words: str, operator: Client) -> None:
    response = _upload(operator, content)

    assert response.status_code == 422
    assert words in response.content.decode()
    assert RegistryImport.objects.count() == 0


def test_without_a_file_the_form_says_so(operator: Client) -> None:
    response = operator.post("/terminals/register/import/", {})

    assert response.status_code == 422
    assert "This field is required." in response.content.decode()


def test_a_file_of_five_megabytes_is_taken(operator: Client) -> None:
    lines = ["maker,model,serial,note"]
    lines += [f"PAX,A920,082{n:07},{'x' * 250}" for n in range(20_000)]
    content = "\n".join(lines).encode()
    assert len(content) > 5_000_000

    response = _upload(operator, content)

    assert response.status_code == 200
    assert RegistryImport.objects.get().new == 20_000


def test_compliance_reads_the_register_and_cannot_import(
    client_for: ClientFor, noon: datetime
) -> None:
    make_register(SERIALS, now=noon)
    carol = client_for("carol")

    page = carol.get("/terminals/register/").content.decode()

    assert "makers-list.csv" in page
    assert "Show what it changes" not in page
    assert _upload(carol, b"maker,model,serial\n").status_code == 403
