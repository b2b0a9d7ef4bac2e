//! Template evaluation.
