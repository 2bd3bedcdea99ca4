//! End-to-end behaviours of the platform; see `tests/`.
