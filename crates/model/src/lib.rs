//! The nouns of Azure virtual networking and the operations that change them, as Azure validates them.
//!
//! A [`Network`] holds resources as Azure stores them. Every change goes through one validated operation
//! that answers with Azure's own error code and leaves the network untouched when it refuses.
//!
//! What this crate does not know: files and their spellings (`formats`), effective routes and rules
//! (`control`), packets (`dataplane`).
