"""What granian runs for the peers' doors."""

import os

from django.core.wsgi import get_wsgi_application

os.environ["DJANGO_SETTINGS_MODULE"] = "tests.bench.peers.settings"
application = get_wsgi_application()
