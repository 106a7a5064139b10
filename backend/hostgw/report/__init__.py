"""The same facts as the screens show, as text and as JSON with committed schemas."""
