"""The terminals' tables, gathered for Django."""

from terminals.checkin.models import SignIn
from terminals.fleet.models import (
    ActivationCode,
    CodeSheet,
    DeviceKey,
    RegisteredSerial,
    RegistryImport,
    Terminal,
)
from terminals.presence.models import IngestWatermark, LinkEvent, Liveness

__all__ = [
    "ActivationCode",
    "CodeSheet",
    "DeviceKey",
    "IngestWatermark",
    "LinkEvent",
    "Liveness",
    "RegisteredSerial",
    "RegistryImport",
    "SignIn",
    "Terminal",
]
