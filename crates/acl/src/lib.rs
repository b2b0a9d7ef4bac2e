//! Five-tuple classification: the first rule that matches decides. Knows nothing of Azure.
