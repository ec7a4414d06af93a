"""Versions of what is installed."""

import importlib.metadata

from bakeoff.core.distributions import version_of, versions_of


def test_what_is_not_installed_has_no_version():
    assert version_of("no-such-distribution") is None
    assert version_of("numpy") == importlib.metadata.version("numpy")


def test_what_is_not_installed_is_left_out():
    assert versions_of(("numpy", "no-such-distribution")) == {"numpy": importlib.metadata.version("numpy")}
