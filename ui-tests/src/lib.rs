//! What a user of the macros sees: `tests/fail` has one program for each message, `tests/pass` one for
//! each form that is accepted. `renamed` and `edition-2021` are other users' crates.
