"""The filter of a list of transactions as a form: it shows what was asked and what was wrong."""

from collections.abc import Sequence

from django import forms
from django.forms.utils import ErrorDict
from django.http import QueryDict
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from transactions.records.models import CardType, EntryMode, Kind, Method, Status
from transactions.records.rules.filters import PERIOD, Asked, Problem

PERIODS = [
    ("today", gettext_lazy("Today")),
    ("7d", gettext_lazy("Last 7 days")),
    ("30d", gettext_lazy("Last 30 days")),
]
DATE = forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
AMOUNT = forms.TextInput(attrs={"inputmode": "decimal", "maxlength": 20})


class FilterForm(forms.Form):
    """Holds the values of the query; what is wrong with them was found while it was read."""

    use_required_attribute = False

    q = forms.CharField(label=gettext_lazy("Search"))
    period = forms.ChoiceField(label=gettext_lazy("Period"))
    status = forms.MultipleChoiceField(label=gettext_lazy("Status"), choices=Status.choices)
    kind = forms.MultipleChoiceField(label=gettext_lazy("Kind"), choices=Kind.choices)
    method = forms.MultipleChoiceField(label=gettext_lazy("Method"), choices=Method.choices)
    card_type = forms.MultipleChoiceField(
        label=gettext_lazy("Card type"),
        choices=CardType.choices,
    )
    entry_mode = forms.MultipleChoiceField(
        label=gettext_lazy("Entry mode"),
        choices=EntryMode.choices,
    )
    merchant = forms.CharField(label=gettext_lazy("Merchant number"))
    store = forms.ChoiceField(label=gettext_lazy("Store"))
    terminal = forms.CharField(label=gettext_lazy("Terminal serial"))
    operator = forms.CharField(label=gettext_lazy("Operator number"))
    min = forms.CharField(label=gettext_lazy("Lowest amount"), widget=AMOUNT)
    max = forms.CharField(label=gettext_lazy("Highest amount"), widget=AMOUNT)

    def __init__(
        self,
        asked: Asked,
        given: QueryDict,
        *,
        staff: bool,
        stores: Sequence[tuple[str, str]] = (),
        serials: Sequence[str] = (),
    ) -> None:
        super().__init__(data_of(asked, given), auto_id="filter_%s")
        self.asked = asked
        self.fields["from"] = forms.CharField(label=_("From"), widget=DATE)
        self.fields["to"] = forms.CharField(label=_("To"), widget=DATE)
        self.fields["period"].choices = _periods(self.data.get("period", ""))  # type: ignore[attr-defined]
        if staff:
            self.fields["store"] = forms.CharField(label=_("Store"))
        else:
            del self.fields["merchant"]
            self.fields["store"].choices = [("", _("Any")), *stores]  # type: ignore[attr-defined]
        if serials:
            self.fields["terminal"] = forms.ChoiceField(
                label=_("Terminal"), choices=[(serial, serial) for serial in serials]
            )

    def full_clean(self) -> None:
        """Show the problems that reading the query found, each at its field."""
        self.cleaned_data = {}
        self._errors = ErrorDict()
        for name, (problem, text) in self.asked.problems.items():
            self.add_error(name if name in self.fields else None, said(problem, text))


def data_of(asked: Asked, given: QueryDict) -> QueryDict:
    """Return the canonical query, with the values that made no sense as they were typed."""
    data = QueryDict(mutable=True)
    for name, text in asked.parameters:
        data.appendlist(name, text)
    for name, (problem, _text) in asked.problems.items():
        if problem is not Problem.FULL_CARD_NUMBER:
            data.setlist(name, [text for text in given.getlist(name) if text.strip()])
    return data


def said(problem: Problem, text: str) -> str:
    """Say what is wrong with a value, and what would be right."""
    words = {
        Problem.NOT_A_DATE: _("%(value)s is not a date. Write it like 2026-11-20."),
        Problem.NOT_A_PERIOD: _("%(value)s is not a period. Write it like 7d."),
        Problem.NOT_AN_AMOUNT: _("%(value)s is not an amount. Write it like 1000 or 12.50."),
        Problem.NOT_A_CHOICE: _("%(value)s is not one of the choices."),
        Problem.NOT_A_NAME: _("%(value)s cannot be a number or code of this kind."),
        Problem.NOT_A_KEY: _(
            "%(value)s was not understood. Search for a reference, RRN, last 4 digits, serial"
            " or amount."
        ),
        Problem.REVERSED: _("%(value)s lies before the first day."),
        Problem.TWICE: _("%(value)s is a second value for the same thing."),
        Problem.FULL_CARD_NUMBER: _(
            "That was a full card number. It was not kept. Search by the last 4 digits."
        ),
    }
    return words[problem] % {"value": text}


def _periods(chosen: str) -> list[tuple[str, str]]:
    found = [(value, str(label)) for value, label in PERIODS]
    days = PERIOD.fullmatch(chosen)
    if days and chosen not in dict(found):
        n = int(days[1])
        found.append((chosen, ngettext("Last %(n)s day", "Last %(n)s days", n) % {"n": n}))
    return found
