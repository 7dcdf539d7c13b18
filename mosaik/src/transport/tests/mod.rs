//! The transport's contract, held against both backends.
