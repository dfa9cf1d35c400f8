"""What a reader of the log types, turned into a search."""

import re
from dataclasses import replace
from datetime import date

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from portal.audit.actions import FileForm
from portal.audit.events import EVENTS
from portal.audit.models import Outcome, Via
from portal.audit.rules.searches import DEFAULT_DAYS, PERIODS, Search
from portal.audit.rules.words import SUBJECTS
from portal.kit.pan import find_card_numbers

LONGEST = 160
ISO_DAY = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
SHORTEST_REASON = 4


class Day(forms.DateInput):
    """A date as the browser's own calendar gives it."""

    input_type = "date"

    def format_value(self, value: object) -> str | None:
        """Leave out what the calendar could not show."""
        text = super().format_value(value)
        return text if text and ISO_DAY.fullmatch(text) else None


class Word(forms.CharField):
    """A word to look for; a full card number is not one."""

    def __init__(self, label: object, max_length: int = LONGEST) -> None:
        super().__init__(label=label, required=False, max_length=max_length)  # type: ignore[arg-type]

    def clean(self, value: object) -> str:
        """Return the word without spaces around it.

        :raises ValidationError: if it holds a full card number
        """
        text = str(super().clean(value)).strip()
        if find_card_numbers(text):
            raise ValidationError(_("Full card numbers are not searched for, and not kept."))
        return text


class SearchForm(forms.Form):
    """Reads the address of the log's page; what makes no sense is named and left out."""

    q = Word(_("Person, subject, request or address"))
    event = forms.MultipleChoiceField(
        label=_("Event"),
        required=False,
        choices=[(code, words) for code, (words, _d) in EVENTS.items()],
    )
    actor = Word(_("Person"))
    subject_type = forms.ChoiceField(
        label=_("Kind of subject"), required=False, choices=list(SUBJECTS.items())
    )
    subject = Word(_("Subject"))
    merchant = Word(_("Merchant"), max_length=60)
    outcome = forms.ChoiceField(label=_("Outcome"), required=False, choices=Outcome.choices)
    via = forms.MultipleChoiceField(label=_("Way in"), required=False, choices=Via.choices)
    since = forms.DateField(label=_("From"), required=False, widget=Day)
    until = forms.DateField(label=_("To"), required=False, widget=Day)
    rows = forms.BooleanField(label=_("Row changes too"), required=False)
    period = forms.ChoiceField(
        required=False,
        widget=forms.HiddenInput,
        choices=[(code, words) for code, (_days, words) in PERIODS.items()],
    )

    def search(self, *, today: date) -> Search:
        """Return what is asked for; without days, the last seven."""
        self.is_valid()
        clean = self.cleaned_data
        wanted = Search(
            events=tuple(clean.get("event", ())),
            actor=clean.get("actor", ""),
            subject_type=clean.get("subject_type", ""),
            subject=clean.get("subject", ""),
            merchant=clean.get("merchant", ""),
            outcome=clean.get("outcome", ""),
            via=tuple(clean.get("via", ())),
            q=clean.get("q", ""),
            rows=clean.get("rows", False),
        )
        since, until = clean.get("since"), clean.get("until")
        if since or until:
            return replace(wanted, since=since, until=until)
        days = PERIODS[clean["period"]][0] if clean.get("period") else DEFAULT_DAYS
        return wanted.within(days, today=today)

    @property
    def problems(self) -> dict[str, str]:
        """What could not be read, by field, in words."""
        return {
            str(self.fields[name].label): " ".join(str(text) for text in texts)
            for name, texts in self.errors.items()
        }


class ExportForm(forms.Form):
    """Asks for the form of the file and why it is needed."""

    format = forms.ChoiceField(
        label=_("Format"),
        choices=[
            (FileForm.CSV, _("CSV, for spreadsheets")),
            (FileForm.JSONL, _("JSON lines, for programs")),
        ],
        initial=FileForm.CSV,
        widget=forms.RadioSelect,
    )
    reason = forms.CharField(
        label=_("Reason"),
        min_length=SHORTEST_REASON,
        max_length=200,
        help_text=_("Kept in the log. Name the case or the order that asks for it."),
    )
