//! From the model to what Azure's controller would have programmed: effective routes, effective rules, tags.
