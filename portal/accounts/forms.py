"""What people type about themselves, turned into values."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from portal.accounts.models import Language, Role, Theme
from portal.accounts.passwords import LONGEST

CODE_ATTRIBUTES = {
    "autocomplete": "one-time-code",
    "inputmode": "numeric",
    "autocapitalize": "off",
    "spellcheck": "false",
}


class CodeInput(forms.TextInput):
    """A field that comes back empty: a code that did not pass is of no further use."""

    def format_value(self, value: object) -> None:
        """Show nothing."""


class SignInForm(forms.Form):
    """A name and a password."""

    username = forms.CharField(
        label=_("Username"),
        max_length=64,
        widget=forms.TextInput(
            attrs={
                "autocomplete": "username",
                "autocapitalize": "off",
                "spellcheck": "false",
                "autofocus": True,
            }
        ),
    )
    password = forms.CharField(
        label=_("Password"),
        max_length=LONGEST,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
    )


class CodeForm(forms.Form):
    """Six digits of an authenticator."""

    code = forms.CharField(
        label=_("One-time code"),
        max_length=12,
        help_text=_("6 digits from your authenticator app. They change every 30 seconds."),
        widget=CodeInput(attrs={**CODE_ATTRIBUTES, "autofocus": True}),
    )


class RecoveryForm(forms.Form):
    """One recovery code."""

    code = forms.CharField(
        label=_("Recovery code"),
        max_length=64,
        help_text=_("One of the 24-character codes you kept. Each works once."),
        widget=forms.TextInput(
            attrs={
                "autocomplete": "off",
                "autocapitalize": "characters",
                "spellcheck": "false",
                "autofocus": True,
            }
        ),
    )


class StepUpForm(forms.Form):
    """A code of either kind; the name is its own, since another form may travel along."""

    step_up_code = forms.CharField(
        label=_("One-time code"),
        max_length=64,
        help_text=_("6 digits from your authenticator app, or a recovery code."),
        widget=CodeInput(attrs={**CODE_ATTRIBUTES, "inputmode": "text", "autofocus": True}),
    )


class PasswordForm(forms.Form):
    """The present password and the new one."""

    current = forms.CharField(
        label=_("Current password"),
        max_length=LONGEST,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
    )
    new = forms.CharField(
        label=_("New password"),
        max_length=LONGEST,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )
    repeated = forms.CharField(
        label=_("New password again"),
        max_length=LONGEST,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )

    def clean(self) -> dict[str, Any]:
        """Compare the two new ones."""
        cleaned = super().clean() or {}
        if "new" in cleaned and cleaned.get("repeated") not in (None, cleaned["new"]):
            self.add_error("repeated", _("The two new passwords differ."))
        return cleaned


class PreferencesForm(forms.Form):
    """Language, light and keys."""

    language = forms.ChoiceField(
        label=_("Language"), choices=Language.choices, widget=forms.RadioSelect
    )
    theme = forms.ChoiceField(
        label=_("Appearance"), choices=Theme.choices, widget=forms.RadioSelect
    )
    single_keys = forms.BooleanField(
        label=_("Single-key shortcuts"),
        required=False,
        help_text=_("Turn them off if keys act by accident, for example with speech input."),
    )


class LanguageForm(forms.Form):
    """One of our languages."""

    language = forms.ChoiceField(choices=Language.choices)


class ThemeForm(forms.Form):
    """Light, dark, or nothing for what the device says."""

    theme = forms.ChoiceField(choices=[("", ""), ("light", ""), ("dark", "")], required=False)


class SingleKeysForm(forms.Form):
    """On or off."""

    single_keys = forms.ChoiceField(choices=[("on", ""), ("off", "")])


class SaveViewForm(forms.Form):
    """A name for the present filters, columns and order of a list."""

    name = forms.CharField(label=_("Name"), max_length=60)
    query = forms.CharField(max_length=1000, required=False, widget=forms.HiddenInput)
    shared_with_role = forms.ChoiceField(
        label=_("Also show it to"),
        required=False,
        choices=[("", _("Nobody else")), *Role.choices],
    )


class ListPreferenceForm(forms.Form):
    """The columns and the density of a list."""

    density = forms.ChoiceField(
        choices=[("normal", ""), ("compact", "")], required=False, initial="normal"
    )
