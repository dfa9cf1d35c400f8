"""What a report is asked for with."""

from django import forms
from django.utils.translation import gettext_lazy as _


class DayForm(forms.Form):
    """A day; our own people say of which merchant."""

    on = forms.DateField(label=_("Day"), input_formats=["%Y-%m-%d"])
    merchant = forms.CharField(label=_("Merchant number"), max_length=20, required=False)
