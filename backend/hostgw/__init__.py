"""See, check and repair container networks that route in host-gw mode."""

__version__ = "0.1.0"
