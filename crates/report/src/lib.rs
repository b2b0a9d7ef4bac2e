//! What people see: tables, az-shaped JSON, captures, histograms.
