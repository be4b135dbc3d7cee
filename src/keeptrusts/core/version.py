"""The version, written once; the build, the provider and `kt --version` read it."""

VERSION = "1.0.0"
__version__ = VERSION
