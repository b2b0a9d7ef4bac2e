//! The `vnetsim` command line as a library.
