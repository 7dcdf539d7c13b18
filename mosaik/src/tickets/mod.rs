//! Credentials: who may connect.
