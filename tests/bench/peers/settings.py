"""The peers' Django project: what one would set up with the same models and the usual parts.

Everything is as their own documentation advises for production: DEBUG off, cached template
loaders, one lasting connection. Signing in costs a peer nothing here (``peers.door``), which
is in its favour. BENCH_ROLE is libpq's words for the database role the connection takes, so
that a peer sees the same rows under the same row-level security.
"""

import os
from urllib.parse import parse_qs, urlsplit

_place = urlsplit(os.environ["DATABASE_URL"])
_words = parse_qs(_place.query)

SECRET_KEY = "the peers sign nothing that matters"
DEBUG = False
ALLOWED_HOSTS = ["127.0.0.1"]
ROOT_URLCONF = "tests.bench.peers.urls"
WSGI_APPLICATION = "tests.bench.peers.wsgi.application"
INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django_otp",
    "rest_framework",
    "django_filters",
    "django_tables2",
    "portal",
    "merchants",
    "terminals",
    "transactions",
    "tests.bench.peers",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "tests.bench.peers.door.DoorMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]
DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": _place.path.removeprefix("/"),
        "USER": "pos_app",
        "HOST": _words["host"][0],
        "PORT": _words["port"][0],
        "CONN_MAX_AGE": None,
        "OPTIONS": {"options": os.environ["BENCH_ROLE"]},
    }
}
AUTH_USER_MODEL = "portal.User"
SESSION_ENGINE = "django.contrib.sessions.backends.signed_cookies"
MESSAGE_STORAGE = "django.contrib.messages.storage.cookie.CookieStorage"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
LANGUAGE_CODE = "en"
USE_TZ = True
TIME_ZONE = "Asia/Shanghai"
STATIC_URL = "/static/"
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [],
    "DEFAULT_PERMISSION_CLASSES": [],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "UNAUTHENTICATED_USER": None,
}
DJANGO_TABLES2_TEMPLATE = "django_tables2/table.html"
