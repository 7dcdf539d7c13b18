//! A datum with an encoding of its own.

use mosaik::*;
use std::convert::Infallible;
use std::string::FromUtf8Error;

pub struct Line(String);

impl Datum for Line {
    type EncodeError = Infallible;
    type DecodeError = FromUtf8Error;

    fn encode(&self) -> Result<Bytes, Infallible> {
        Ok(Bytes::from(self.0.clone()))
    }

    fn decode(bytes: &[u8]) -> Result<Self, FromUtf8Error> {
        String::from_utf8(bytes.to_vec()).map(Self)
    }
}

stream!(pub Lines = Line, "lines", history: 10);
