//! JSON Web Tokens (RFC 7519) as tickets.
//!
//! A validator ([`Jwt`]) takes a text apart (`token`, `strict`), has it verified by a key that it was given (`key`),
//! reads the claims (`claims`), and asks its rules (`rules`): each a pure function of the text, the bearer and the time.
//! An issuer makes tickets with [`JwtTicketBuilder`].
//!
//! Tokens know nothing of entries and connections: they learn who their bearer is as a key.

mod validator;
pub use validator::{Jwt, JwtContents, JwtReview};

mod builder;
pub use builder::{IssueError, JwtTicketBuilder};

mod key;
pub use key::{
    EdDsa, EdDsaSigningKey, Es256, Es256SigningKey, Es256k, Es256kSigningKey, Es384,
    Es384SigningKey, Es512, Es512SigningKey, Hs256, Hs384, Hs512, KeyError, SignError,
    SigningAlgorithm, SigningKey, VerifyingAlgorithm, VerifyingKey,
};

mod rules;
pub use rules::JwtCheck;

mod claims;
mod strict;
mod text;
mod token;

#[cfg(test)]
mod tests;
