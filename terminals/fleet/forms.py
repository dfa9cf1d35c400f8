"""What the pages of the fleet ask for."""

from __future__ import annotations

import uuid
from collections.abc import Sequence

from django import forms
from django.core.files.uploadedfile import UploadedFile
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from merchants.profiles.models import Store
from terminals.fleet.models import SuspendReason
from terminals.fleet.rules.allotment import MOST_AT_ONCE
from terminals.fleet.rules.maker_lists import Unreadable, read_serials
from terminals.fleet.rules.serials import split_list

MOST_LIST_BYTES = 512 * 1024


class UploadForm(forms.Form):
    """A maker's list."""

    file = forms.FileField(
        label=gettext_lazy("Maker's list"),
        help_text=gettext_lazy(
            "CSV with the columns maker, model, serial and, if there is one, TUSN; UTF-8 or GBK."
        ),
        widget=forms.FileInput(attrs={"accept": ".csv,.txt,text/csv"}),
    )
    maker = forms.CharField(
        label=gettext_lazy("Maker"),
        required=False,
        max_length=40,
        help_text=gettext_lazy("Only where the file has no column for it."),
    )


class ProvisionForm(forms.Form):
    """Serials for one store. ``key`` makes a form that was sent twice provision once."""

    key = forms.UUIDField(widget=forms.HiddenInput, initial=uuid.uuid4)
    store = forms.ChoiceField(label=gettext_lazy("Store"))
    serials = forms.CharField(
        label=gettext_lazy("Serial numbers"),
        help_text=gettext_lazy("Scan, type or paste up to 500, one a line."),
        widget=forms.Textarea(
            attrs={"rows": 8, "spellcheck": "false", "autocapitalize": "characters"}
        ),
    )
    file = forms.FileField(
        label=gettext_lazy("Or a list as a file"),
        required=False,
        widget=forms.FileInput(attrs={"accept": ".csv,.txt,text/csv"}),
    )

    def __init__(self, *args: object, stores: Sequence[Store], **kwargs: object) -> None:
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]
        choices = [(str(store.pk), f"{store.name} ({store.code})") for store in stores]
        self.fields["store"].choices = choices  # type: ignore[attr-defined]
        self.fields["serials"].required = "file" not in self.files

    def clean_file(self) -> list[str]:
        """Read the serials out of the file."""
        file: UploadedFile[bytes] | None = self.cleaned_data.get("file")
        if file is None:
            return []
        if (file.size or 0) > MOST_LIST_BYTES:
            raise forms.ValidationError(_("The file is larger than 512 KB."))
        try:
            return read_serials(file.read())
        except Unreadable as bad:
            raise forms.ValidationError(_("The file is not text in UTF-8 or GBK.")) from bad

    def clean(self) -> dict[str, object]:
        """Join what was typed and what was uploaded."""
        data = super().clean() or {}
        wanted = split_list(data.get("serials", "")) + data.get("file", [])
        if not wanted and not self.errors:
            self.add_error("serials", _("Give at least one serial number."))
        if len(wanted) > MOST_AT_ONCE:
            text = ngettext(
                "At most %(most)s at once; this is %(given)s.",
                "At most %(most)s at once; these are %(given)s.",
                len(wanted),
            )
            self.add_error("serials", text % {"most": MOST_AT_ONCE, "given": len(wanted)})
        return {**data, "wanted": wanted}


class KeyForm(forms.Form):
    """Nothing but the key that makes a form count once."""

    key = forms.UUIDField(widget=forms.HiddenInput, initial=uuid.uuid4)


def _reason(label: Promise) -> forms.CharField:
    """Ask for the reason that the audit log keeps."""
    return forms.CharField(
        label=label,  # type: ignore[arg-type]  # a lazy text is one
        max_length=500,
        help_text=gettext_lazy("Kept in the audit log with your name."),
        widget=forms.Textarea(attrs={"rows": 3}),
    )


class SuspendForm(forms.Form):
    """Why a terminal is suspended."""

    reason = forms.ChoiceField(
        label=gettext_lazy("Reason"), choices=SuspendReason.choices, widget=forms.RadioSelect
    )
    because = _reason(gettext_lazy("What happened"))


class ReinstateForm(forms.Form):
    """Why a terminal may take payments again."""

    because = _reason(gettext_lazy("Why it may take payments again"))


class VerifyForm(forms.Form):
    """A serial number, and what its label says beside it."""

    serial = forms.CharField(
        label=gettext_lazy("Serial number"),
        max_length=80,
        help_text=gettext_lazy("As printed on the label on the back, or scanned."),
        widget=forms.TextInput(
            attrs={
                "data-upper": True,
                "autocomplete": "off",
                "autocapitalize": "characters",
                "spellcheck": "false",
                "autofocus": True,
            }
        ),
    )
    maker = forms.CharField(label=gettext_lazy("Maker"), required=False, max_length=40)
    model = forms.CharField(label=gettext_lazy("Model"), required=False, max_length=40)
