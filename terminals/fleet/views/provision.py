"""Giving terminals to a merchant: check, provision, show the codes for minutes, print."""

from collections.abc import Sequence
from dataclasses import dataclass
from http import HTTPStatus
from uuid import UUID

import segno
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.safestring import SafeString
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from merchants.profiles.models import Merchant, MerchantStatus, Store
from merchants.profiles.queries import find_merchants, list_stores_of
from merchants.profiles.rules import called
from portal.kit.http import ActorRequest, found_or_404
from portal.kit.markup import markup
from terminals.fleet import queries
from terminals.fleet.actions import sheets
from terminals.fleet.actions.provisioning import MerchantNotActive, NotReady
from terminals.fleet.forms import ProvisionForm
from terminals.fleet.rules.allotment import Examined, Outcome, to_fix

TONES = {
    Outcome.READY: "info",
    Outcome.PROVISIONED: "ok",
    Outcome.REISSUED: "ok",
    Outcome.DUPLICATE_IN_LIST: "mute",
}


@dataclass(frozen=True, slots=True)
class ResultRow:
    """One serial of a list as the table shows it."""

    serial: str
    outcome: Outcome
    tone: str
    terminal_no: str = ""
    code: str = ""
    picture: str = ""


@dataclass(frozen=True, slots=True)
class Step:
    """One page of the way: done, now or to do."""

    label: str
    state: str
    url: str = ""


@dataclass(frozen=True, slots=True)
class MerchantLine:
    """A merchant to choose."""

    code: str
    called: str
    status: MerchantStatus


def steps(now: int) -> list[Step]:
    """Return the way from the merchant to the codes, and how far along the reader is."""
    labels = (_("Merchant"), _("Store and serial numbers"), _("Activation codes"))
    states = ("done",) * now + ("now",) + ("todo",) * (len(labels) - now - 1)
    return [Step(label, state) for label, state in zip(labels, states, strict=True)]


def _line(merchant: Merchant) -> MerchantLine:
    return MerchantLine(merchant.code, name_of(merchant), MerchantStatus(merchant.status))


def name_of(merchant: Merchant) -> str:
    """Return a merchant's name as the reader knows it."""
    return called(merchant.name, merchant.name_en, language=get_language() or "")


@require_http_methods(["GET", "POST"])
def provision(request: ActorRequest) -> HttpResponse:
    """Choose the merchant first, then its store and the serials."""
    text = request.GET.get("merchant", "").strip()
    found = find_merchants(request.actor, text)
    exact = [merchant for merchant in found if merchant.code == text]
    if not exact:
        page = {
            "text": text,
            "title": _("Found") if text else _("Newest merchants"),
            "merchants": [_line(merchant) for merchant in found],
            "steps": steps(0),
        }
        return render(request, "terminals/fleet/choose_merchant.html", page)
    merchant = exact[0]
    stores = list_stores_of(request.actor, merchant)
    if request.method == "GET":
        return _form(request, merchant, ProvisionForm(stores=stores))
    form = ProvisionForm(request.POST, request.FILES, stores=stores)
    if not form.is_valid():
        return _form(request, merchant, form, status=422)
    if request.POST.get("do") == "check":
        rows = queries.examine_list(request.actor, form.cleaned_data["wanted"])
        return _form(request, merchant, _again(form, stores, rows, keep=True), rows=rows)
    return _provision(request, merchant, stores, form)


def _provision(
    request: ActorRequest, merchant: Merchant, stores: Sequence[Store], form: ProvisionForm
) -> HttpResponse:
    data = form.cleaned_data
    store = next(store for store in stores if str(store.pk) == data["store"])
    try:
        sheet = sheets.provision_once(
            data["key"],
            serials=data["wanted"],
            merchant=merchant,
            store=store,
            actor=request.actor,
            now=timezone.now(),
        )
    except NotReady as none:
        again = _again(form, stores, none.rows, keep=False)
        return _form(request, merchant, again, rows=none.rows, status=422)
    except MerchantNotActive:
        form.add_error(None, _("%(merchant)s is not active.") % {"merchant": name_of(merchant)})
        return _form(request, merchant, form, status=422)
    return redirect("terminals:codes", sheet.pk)


def _again(
    form: ProvisionForm, stores: Sequence[Store], rows: Sequence[Examined], *, keep: bool
) -> ProvisionForm:
    """Return the form for the next try: everything that was given, or what must be put right."""
    left = [row.serial for row in rows] if keep else to_fix(rows)
    initial = {"store": form.cleaned_data["store"], "serials": "\n".join(left)}
    return ProvisionForm(initial=initial, stores=stores)


def _form(
    request: ActorRequest,
    merchant: Merchant,
    form: ProvisionForm,
    *,
    rows: Sequence[Examined] = (),
    status: int = 200,
) -> HttpResponse:
    checked = status == HTTPStatus.OK
    page = {
        "merchant": merchant,
        "merchant_name": name_of(merchant),
        "steps": steps(1),
        "active": merchant.status == MerchantStatus.ACTIVE,
        "form": form,
        "rows": [_result(row.serial, row.outcome) for row in rows],
        "ready": sum(row.outcome == Outcome.READY for row in rows),
        "checked": checked,
    }
    return render(request, "terminals/fleet/provision.html", page, status=status)


def _result(
    serial: str, outcome: Outcome, terminal_no: str = "", code: str = "", *, drawn: bool = False
) -> ResultRow:
    picture = draw(serial, code) if drawn and code else ""
    tone = TONES.get(outcome, "bad")
    return ResultRow(serial, outcome, tone, terminal_no, _grouped(code), picture)


def _grouped(code: str) -> str:
    return f"{code[:4]}-{code[4:8]}-{code[8:]}" if code else ""


def draw(serial: str, code: str) -> SafeString:
    """Draw what a terminal scans to enrol: its serial and its code."""
    picture = segno.make(f"COUNTINGHOUSE:{serial}:{code}", error="m", micro=False)
    drawn = picture.svg_inline(border=2, dark="#000", light="#fff", omitsize=True)
    return markup(drawn)


@require_GET
def codes(request: ActorRequest, sheet_id: UUID) -> HttpResponse:
    """Show what became of each serial, with the codes while they may be read."""
    sheet = found_or_404(queries.get_sheet, request.actor, sheet_id)
    rows = queries.read_sheet(sheet, now=timezone.now())
    left = to_fix([Examined(row.serial, row.outcome) for row in rows])
    stores = list_stores_of(request.actor, sheet.merchant)
    initial = {"store": str(sheet.store_id), "serials": "\n".join(left)}
    page = {
        "sheet": sheet,
        "merchant_name": name_of(sheet.merchant),
        "steps": steps(2),
        "rows": [_result(r.serial, r.outcome, r.terminal_no, r.code) for r in rows],
        "done": sum(row.terminal_no != "" for row in rows),
        "readable": any(row.code for row in rows),
        "left": left,
        "form": ProvisionForm(initial=initial, stores=stores),
    }
    return render(request, "terminals/fleet/codes.html", page)


@require_GET
def print_codes(request: ActorRequest, sheet_id: UUID) -> HttpResponse:
    """Show the codes as a sheet of labels for the installers."""
    sheet = found_or_404(queries.get_sheet, request.actor, sheet_id)
    now = timezone.now()
    rows = [row for row in queries.read_sheet(sheet, now=now) if row.code]
    if not rows:
        messages.info(request, _("These codes are gone. Issue new ones where you need them."))
        return redirect("terminals:codes", sheet.pk)
    sheets.print_codes(sheet, actor=request.actor, now=now)
    labels = [_result(r.serial, r.outcome, r.terminal_no, r.code, drawn=True) for r in rows]
    page = {"sheet": sheet, "labels": labels, "merchant_name": name_of(sheet.merchant)}
    return render(request, "terminals/fleet/code_sheet.html", page)


@require_POST
def put_away(request: ActorRequest, sheet_id: UUID) -> HttpResponse:
    """Forget the codes now."""
    sheet = found_or_404(queries.get_sheet, request.actor, sheet_id)
    sheets.put_away(sheet, actor=request.actor, now=timezone.now())
    messages.success(request, _("The codes are put away and cannot be shown again."))
    return redirect("terminals:codes", sheet.pk)
