"""Every setting, read from the environment, with a default that runs.

``X`` may also be given as ``X_FILE``, a file that holds the value.
"""

from datetime import timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import environ
import structlog
from csp.constants import NONE, SELF
from django.core.exceptions import ImproperlyConfigured
from django.utils.translation import gettext_lazy as _

from portal import embedded
from portal.kit.masking import mask_line
from portal.version import VERSION

BASE_DIR = Path(__file__).resolve().parent.parent
env = environ.FileAwareEnv()


def flag(name: str, *, default: bool) -> bool:
    """Read a yes or no, and refuse anything else instead of guessing."""
    text: str = env.str(name, "1" if default else "0")
    if text not in ("0", "1"):
        raise ImproperlyConfigured(f"{name}={text}: use 1 or 0")
    return text == "1"


def postgres_at(url: str) -> dict[str, Any]:
    """Read a database's URL; a socket's directory, which only fits in its query, is the host."""
    said: dict[str, Any] = env.db_url_config(url)
    options = said.pop("OPTIONS", {})
    place = {name.upper(): options.pop(name) for name in ("host", "port") if name in options}
    return {**said, **place, "OPTIONS": options, "ENGINE": "portal.kit.postgres"}


# --- what this installation is ------------------------------------------------------------
PRODUCT_VERSION = VERSION
PORTAL_DATA = str(Path(env.str("PORTAL_DATA", str(BASE_DIR / ".data"))).resolve())
# Django's own DEBUG stays off for good: its error pages print settings and variables.
DEBUG = False
DEVELOPMENT = flag("DEBUG", default=True)
SECRET_KEY = env.str("SECRET_KEY", "")
if not SECRET_KEY:
    if not DEVELOPMENT:
        raise ImproperlyConfigured("SECRET_KEY (or SECRET_KEY_FILE) must be set when DEBUG=0")
    SECRET_KEY = embedded.secret_key(Path(PORTAL_DATA))
# Keys of encrypted fields, by number; the highest encrypts, all decrypt.
FIELD_KEYS: dict[int, str] = {
    int(number): key
    for number, _sep, key in (
        part.partition(":") for part in env.list("FIELD_KEYS", default=[f"1:{SECRET_KEY}"])
    )
}
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", default=["localhost", "127.0.0.1", "[::1]"])
CSRF_TRUSTED_ORIGINS = env.list("CSRF_TRUSTED_ORIGINS", default=[])
BASE_URL = env.str("BASE_URL", "")

# --- the apps, in the line of imports from the floor up -----------------------------------
INSTALLED_APPS = [
    "django.contrib.contenttypes",
    "django.contrib.auth",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "django_otp",
    "axes",
    "django_htmx",
    "django_prometheus",
    "django_structlog",
    "rest_framework",
    "drf_spectacular",
    "portal",
    "merchants",
    "terminals",
    "transactions",
]
MIDDLEWARE = [
    "django_prometheus.middleware.PrometheusBeforeMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "csp.middleware.CSPMiddleware",
    "portal.middleware.HeadersMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django_structlog.middlewares.RequestMiddleware",
    "portal.middleware.RefusalMiddleware",
    "portal.middleware.TransactionMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "portal.accounts.middleware.ActorMiddleware",
    "axes.middleware.AxesMiddleware",
    "django_prometheus.middleware.PrometheusAfterMiddleware",
]
ROOT_URLCONF = "portal.urls"
WSGI_APPLICATION = "portal.wsgi.application"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.messages.context_processors.messages",
                "portal.context.shell",
            ],
            "builtins": [
                "django.templatetags.i18n",
                "django.templatetags.static",
                "portal.templatetags.kept",
                "portal.templatetags.ui",
                "portal.templatetags.lists",
                "portal.templatetags.figures",
                "portal.templatetags.money",
                "portal.templatetags.when",
            ],
            "loaders": [
                (
                    "django.template.loaders.cached.Loader",
                    ["django.template.loaders.filesystem.Loader"],
                )
            ],
        },
    }
]
# The floor names what stands above it by string, so that it imports none of it.
MEMBERSHIP_QUERY = "merchants.staff.queries.find_seat"
MERCHANT_SEARCH = "merchants.profiles.queries.find_merchants"
MERCHANTS_BY_ID = "merchants.profiles.queries.list_merchants_by_id"
JOB_HANDLERS = {
    "transactions.day_summary": "transactions.reports.actions.render_day_summary",
}
# How many jobs run at once: fewer than the worker has processes, or the sweeps would wait.
JOB_SLOTS = env.int("JOB_SLOTS", 1)
JOB_LEASE_SECONDS = env.int("JOB_LEASE_SECONDS", 30)
OUTBOX_HANDLERS = {"mail.security": "portal.jobs.actions.send_mail"}
# Tables in monthly partitions, prepared ahead of time.
MONTHLY_TABLES = ["portal_auditentry", "transactions_transaction"]
# Names that others gave their records; a hexadecimal one may hold digits like a card's by chance.
FOREIGN_NAMES = ["transactions_historykey.external_id", "transactions_label.external_id"]
RECONCILERS = {
    "daily_totals": "transactions.records.queries.proofs.compare_daily_totals",
    "intake_keys": "transactions.intake.queries.compare_keys",
    "foreign_tenants": "transactions.records.queries.proofs.find_foreign_rows",
    "presence": "terminals.presence.queries.find_impossible_links",
}

# --- the database -------------------------------------------------------------------------
DATABASE_URL = env.str("DATABASE_URL", "")
EMBEDDED_DATABASE = not DATABASE_URL
OWNER_DATABASE = postgres_at(DATABASE_URL or embedded.database_url(Path(PORTAL_DATA)))
# The password that migrations give the application's login where the URL is the owner's.
APP_DATABASE_PASSWORD = (
    env.str("APP_DATABASE_PASSWORD", "")
    or sha256(f"database login of the application:{SECRET_KEY}".encode()).hexdigest()
)
if APP_DATABASE_URL := env.str("APP_DATABASE_URL", ""):
    APP_DATABASE = postgres_at(APP_DATABASE_URL)
else:
    APP_DATABASE = {**OWNER_DATABASE, "USER": "pos_app", "PASSWORD": APP_DATABASE_PASSWORD}
DATABASES = {
    # The application owns nothing; see portal/kit/scope.py.
    "default": {
        **APP_DATABASE,
        "CONN_MAX_AGE": None,
        "CONN_HEALTH_CHECKS": True,
        "DISABLE_SERVER_SIDE_CURSORS": flag("PGBOUNCER", default=False),
        "TEST": {"MIRROR": "owner"},
    },
    # Migrations alone.
    "owner": {**OWNER_DATABASE, "TEST": {"DEPENDENCIES": []}},
}
DATABASE_ROUTERS: list[str] = []

# --- Celery: the row is the queue, the broker only wakes workers ---------------------------
BROKER_URL = env.str("BROKER_URL", "") or embedded.broker_url(Path(PORTAL_DATA))
CELERY_BROKER_URL = BROKER_URL
CELERY_TASK_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_TASK_TIME_LIMIT = 540
CELERY_TASK_SOFT_TIME_LIMIT = 480
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_CONNECTION_MAX_RETRIES = None
CELERY_BROKER_CONNECTION_TIMEOUT = 1
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_TIMEZONE = "Asia/Shanghai"
CELERY_TASK_DEFAULT_QUEUE = "default"
if BROKER_URL.startswith("amqp"):
    CELERY_TASK_DEFAULT_QUEUE_TYPE = "quorum"
    CELERY_BROKER_TRANSPORT_OPTIONS: dict[str, object] = {
        "confirm_publish": True,
        "max_retries": 0,
    }
else:
    CELERY_BROKER_TRANSPORT_OPTIONS = {
        # longer than the longest task, so that none runs twice
        "visibility_timeout": 600,
        "unacked_restore_interval": 5,
        "unacked_restore_throttle": 1,
        "socket_connect_timeout": 1,
        # a request whose nudge is lost must not wait: the beat comes anyway
        "max_retries": 0,
    }

# --- people --------------------------------------------------------------------------------
AUTH_USER_MODEL = "portal.User"
AUTHENTICATION_BACKENDS = [
    "axes.backends.AxesStandaloneBackend",
    "portal.accounts.backends.PasswordBackend",
]
PASSWORD_HASHERS = ["portal.accounts.hashers.Argon2id"]
PASSWORD_PROFILE = env.str("PASSWORD_PROFILE", "pci")
if PASSWORD_PROFILE not in ("asvs", "pci", "mlps3"):
    raise ImproperlyConfigured(f"PASSWORD_PROFILE={PASSWORD_PROFILE}: use asvs, pci or mlps3")
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "portal.accounts.passwords.ProfileValidator"},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "portal.accounts.passwords.ContextValidator"},
    {"NAME": "portal.accounts.passwords.HistoryValidator"},
]
LOGIN_URL = "accounts:sign-in"
SESSION_ENGINE = "portal.accounts.sessions"
SESSION_COOKIE_AGE = int(timedelta(hours=12).total_seconds())
SESSION_IDLE = timedelta(minutes=15)
SESSION_ABSOLUTE = timedelta(hours=12)
STEP_UP_AGE = timedelta(minutes=5)
OTP_TOTP_ISSUER = "Countinghouse"
AXES_HANDLER = "axes.handlers.database.AxesDatabaseHandler"
AXES_FAILURE_LIMIT = 8
AXES_COOLOFF_TIME = timedelta(minutes=30)
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_RESET_ON_SUCCESS = True
AXES_ALLOWED_CORS_ORIGINS = ""
AXES_IPWARE_PROXY_COUNT = env.int("PROXY_COUNT", 0)
AXES_ENABLE_ACCESS_FAILURE_LOG = False
AXES_VERBOSE = False
AXES_DISABLE_ACCESS_LOG = True
AXES_CLIENT_IP_CALLABLE = "portal.accounts.addresses.client_ip"
# People type passwords and card numbers into the wrong field: only a keyed hash is kept.
AXES_USERNAME_CALLABLE = "portal.accounts.addresses.hashed_username"
AXES_SENSITIVE_PARAMETERS = ["username", "next", "csrfmiddlewaretoken"]
AXES_LOCKOUT_CALLABLE = "portal.accounts.views.sign_in.locked_out"
KNOWN_BROWSER_AGE = timedelta(days=180)
TRUSTED_PROXIES = env.list("TRUSTED_PROXIES", default=[])
MESSAGE_STORAGE = "django.contrib.messages.storage.cookie.CookieStorage"

# --- headers and cookies --------------------------------------------------------------------
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = LANGUAGE_COOKIE_SECURE = not DEVELOPMENT
SESSION_COOKIE_HTTPONLY = CSRF_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = LANGUAGE_COOKIE_SAMESITE = "Lax"
LANGUAGE_COOKIE_HTTPONLY = True
SESSION_COOKIE_NAME = "session" if DEVELOPMENT else "__Host-session"
CSRF_COOKIE_NAME = "csrf" if DEVELOPMENT else "__Host-csrf"
CSRF_FAILURE_VIEW = "portal.errors.csrf_failure"
SECURE_SSL_REDIRECT = not DEVELOPMENT and flag("SSL_REDIRECT", default=True)
SECURE_REDIRECT_EXEMPT = [r"^healthz$", r"^readyz$"]
SECURE_HSTS_SECONDS = 0 if DEVELOPMENT else 63_072_000
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = not DEVELOPMENT
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
if flag("BEHIND_TLS_PROXY", default=False):
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [SELF],
        "object-src": [NONE],
        "base-uri": [NONE],
        "frame-ancestors": [NONE],
        "form-action": [SELF],
    }
}
DATA_UPLOAD_MAX_MEMORY_SIZE = 2 * 1024 * 1024
DATA_UPLOAD_MAX_NUMBER_FIELDS = 2000
FILE_UPLOAD_MAX_MEMORY_SIZE = 2 * 1024 * 1024
MAX_BODY_BYTES = 1024 * 1024
MAX_UPLOAD_BYTES = 20 * 1024 * 1024

# --- the web server: portal/front.py and portal/threads.py; seconds, in one process ----------
WEB_THREADS = env.int("WEB_THREADS", 8)
WAIT_SECONDS = env.float("WAIT_SECONDS", 10.0)  # of a whole request, for a thread
BODY_PAUSE_SECONDS = env.float("BODY_PAUSE_SECONDS", 10.0)  # between two pieces of a body
BODY_SECONDS = env.float("BODY_SECONDS", 60.0)  # for all of it
BLOCK_SECONDS = env.float("BLOCK_SECONDS", 30.0)  # for a reader to take one block

# --- words, times, files ----------------------------------------------------------------------
LANGUAGE_CODE = "zh-hans"
LANGUAGES = [("zh-hans", _("Simplified Chinese")), ("en", _("English"))]
LOCALE_PATHS = [BASE_DIR / "portal" / "locale"]
LANGUAGE_COOKIE_NAME = "language"
USE_TZ = True
TIME_ZONE = "Asia/Shanghai"
STATIC_URL = "/static/"
STATICFILES_DIRS = [BASE_DIR / "static"]
STATIC_ROOT = Path(PORTAL_DATA) / "static"
MEDIA_ROOT = Path(PORTAL_DATA) / "media"
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
}
WHITENOISE_KEEP_ONLY_HASHED_FILES = True

# --- mail -------------------------------------------------------------------------------------
EMAIL_URL = env.str("EMAIL_URL", f"filemail:///{PORTAL_DATA}/mail")
vars().update(env.email_url_config(EMAIL_URL))
EMAIL_TIMEOUT = 10
DEFAULT_FROM_EMAIL = env.str("MAIL_FROM", "countinghouse@localhost")

# --- the API ----------------------------------------------------------------------------------
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [],
    "DEFAULT_PERMISSION_CLASSES": [],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.JSONParser"],
    "DEFAULT_SCHEMA_CLASS": "portal.api_schema.NamedByEndpoint",
    "EXCEPTION_HANDLER": "portal.errors.api_exception",
    "UNAUTHENTICATED_USER": None,
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Countinghouse API",
    "DESCRIPTION": "What payment terminals and partners say to the acquirer's portal.",
    "VERSION": VERSION,
    "OAS_VERSION": "3.1.0",
    "SERVE_INCLUDE_SCHEMA": False,
    "SERVE_AUTHENTICATION": [],
    "SERVE_PERMISSIONS": [],
    "SCHEMA_PATH_PREFIX": "/api/",
    "POSTPROCESSING_HOOKS": [
        "portal.api_schema.add_hot_endpoints",
    ],
}
# Hot endpoints decode with msgspec; each module lists its own for the published schema.
HOT_ENDPOINTS = ["terminals.checkin.schema.ENDPOINTS", "transactions.intake.schema.ENDPOINTS"]

# --- metrics and logs -------------------------------------------------------------------------
METRICS_TOKEN = env.str("METRICS_TOKEN", "")
SECURITY_CONTACT = env.str("SECURITY_CONTACT", "mailto:security@localhost")
PROMETHEUS_EXPORT_MIGRATIONS = False
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "json": {
            "()": structlog.stdlib.ProcessorFormatter,
            "processors": [
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                mask_line,
                structlog.processors.JSONRenderer(),
            ],
            "foreign_pre_chain": [
                structlog.contextvars.merge_contextvars,
                structlog.processors.TimeStamper(fmt="iso"),
                structlog.stdlib.add_logger_name,
                structlog.stdlib.add_log_level,
                structlog.processors.format_exc_info,
            ],
        }
    },
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "json"}},
    "root": {"handlers": ["stderr"], "level": "INFO"},
    "loggers": {
        "django": {"level": "WARNING"},
        # the line of the request already tells, with its number
        "django.request": {"level": "CRITICAL"},
        "django.server": {"handlers": ["stderr"], "level": "WARNING", "propagate": False},
        # two lines for every sweep, every few seconds, that say nothing
        "celery.worker.strategy": {"level": "WARNING"},
        "celery.app.trace": {"level": "WARNING"},
        "axes": {"level": "ERROR"},
        "weasyprint": {"level": "ERROR"},
        "fontTools": {"level": "ERROR"},
    },
}
structlog.configure(
    processors=[
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.filter_by_level,
        structlog.processors.TimeStamper(fmt="iso"),
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.processors.format_exc_info,
        structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
    ],
    logger_factory=structlog.stdlib.LoggerFactory(),
    cache_logger_on_first_use=True,
)
