"""The annotation by which an object says whose it is. Pure."""

TRACKING = "gitsync.io/tracking-id"
"""`<namespace>/<app>:<group>/<Kind>:<namespace>/<name>`."""
