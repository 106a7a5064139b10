"""Making a network of hosts, and of namespaces containers: what is asked, before the preview."""
