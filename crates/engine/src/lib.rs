//! The drivers: virtual time for ping and scenarios.
