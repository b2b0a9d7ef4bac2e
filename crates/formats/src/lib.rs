//! Reads and writes the documents that describe a network: ARM templates, az JSON, scenarios.
