"""What our web server runs: the product behind its front."""

from portal.front import Front
from portal.wsgi import application as product

application = Front(product)
