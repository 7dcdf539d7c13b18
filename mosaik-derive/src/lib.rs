//! The declaration macros of mosaik.
