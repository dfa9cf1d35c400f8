"""The product as a WSGI application."""

import os

from django.core.wsgi import get_wsgi_application

from portal.celery import app
from portal.checks import refuse_unguarded

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")
application = get_wsgi_application()
refuse_unguarded()
# Loads the broker's client now: the first request that wakes a worker must not wait a second.
_loaded = app.connection_for_write().transport
