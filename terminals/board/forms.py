"""The filters of the fleet list."""

from collections.abc import Sequence

from django import forms
from django.http import QueryDict
from django.utils.translation import gettext_lazy as _

from terminals.board.queries import Wanted
from terminals.fleet.models import TerminalStatus
from terminals.fleet.rules.serials import read_serial
from terminals.presence.models import Link

BAR = "|"


class FleetFilters(forms.Form):
    """Turns the address of the fleet list into what is wanted; what it cannot read is left out."""

    q = forms.CharField(label=_("Serial or terminal number"), required=False, max_length=50)
    status = forms.MultipleChoiceField(
        label=_("Status"), required=False, choices=TerminalStatus.choices
    )
    link = forms.MultipleChoiceField(label=_("Link"), required=False, choices=Link.choices)
    signed_in = forms.ChoiceField(
        label=_("Sign-in today"),
        required=False,
        choices=[("yes", _("Signed in today")), ("no", _("Not signed in today"))],
    )
    model = forms.MultipleChoiceField(label=_("Model"), required=False)
    merchant = forms.CharField(label=_("Merchant"), required=False, max_length=60)
    store = forms.ChoiceField(label=_("Store"), required=False)

    def __init__(
        self,
        data: QueryDict,
        *,
        models: Sequence[tuple[str, str]],
        stores: Sequence[tuple[int, str]],
        staff: bool,
    ) -> None:
        super().__init__(data)
        offered = [(BAR.join(pair), " ".join(pair)) for pair in models]
        self.fields["model"].choices = offered  # type: ignore[attr-defined]
        if staff:
            del self.fields["store"]
        else:
            del self.fields["merchant"]
            self.fields["store"].choices = stores  # type: ignore[attr-defined]

    def wanted(self) -> Wanted:
        """Return what the list shall show."""
        self.is_valid()
        clean = self.cleaned_data
        store = clean.get("store") or None
        return Wanted(
            q=read_serial(clean.get("q", "")),
            status=tuple(clean.get("status", ())),
            link=tuple(clean.get("link", ())),
            signed_in=clean.get("signed_in", ""),
            merchant=clean.get("merchant", "").strip(),
            store=int(store) if store else None,
            model=tuple(_pair(value) for value in clean.get("model", ())),
        )


def _pair(value: str) -> tuple[str, str]:
    maker, _bar, model = value.partition(BAR)
    return maker, model
