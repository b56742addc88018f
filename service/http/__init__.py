"""The HTTP door: app factory, routes, streaming, keys, problems."""
