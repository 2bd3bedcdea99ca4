//! The subset of AWS IoT SQL that the template's rules use.
