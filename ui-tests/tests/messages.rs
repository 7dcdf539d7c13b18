//! One program a mistake, each with the message that its author sees.
//! `TRYBUILD=overwrite cargo test -p ui-tests --test messages` writes the messages anew; read them.

#[test]
fn messages() {
    let cases = trybuild::TestCases::new();
    // Failing programs only: they are checked together in one build. What must compile is in `pass`.
    cases.compile_fail("tests/fail/*/*.rs");
}
