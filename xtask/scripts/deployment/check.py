"""Comparing what is there with what should be; one run names everything that differs."""

_differences = []


def expect(what, found, wanted):
    """Notes a difference."""
    if found != wanted:
        _differences.append(f"{what}: found {found!r}, wanted {wanted!r}")


def known_gap(what, found, wanted):
    """For what ministack loses (docs/operations/ministack.md): says so when it no longer does, so that it gets asserted."""
    if found == wanted:
        _differences.append(f"{what}: ministack keeps this now, so it can be asserted")


def conclude(what):
    """Ends the deployment when there were differences."""
    if _differences:
        raise SystemExit(f"{what} differs from the template:\n  " + "\n  ".join(_differences))
