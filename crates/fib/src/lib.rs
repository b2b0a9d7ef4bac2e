//! Longest-prefix match over IPv4. Knows nothing of Azure.
