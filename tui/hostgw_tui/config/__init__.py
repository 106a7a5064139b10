"""Settings that a person writes down once: ``config.toml`` and ``hosts.toml`` in the XDG configuration directory."""
