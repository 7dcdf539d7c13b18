//! Compressed streams: gzip, xz and zstd, told apart by their first bytes.

use std::io::{self, Cursor, Read};
use std::sync::Arc;

use super::ArchiveError;

/// How bytes are compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// RFC 1952.
    Gzip,
    /// The `.xz` format.
    Xz,
    /// RFC 8878.
    Zstd,
    /// Not at all.
    Plain,
}

/// `xz -9` and `dpkg-deb` ask for 64 MiB.
const XZ_DICTIONARY_BYTES_MAX: usize = 64 << 20;
/// `zstd -19` and `dpkg-deb` ask for 8 MiB, `--ultra` for 128 MiB.
const ZSTD_WINDOW_BYTES_MAX: u64 = 128 << 20;

impl Format {
    /// Tells the format from the first bytes.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        match bytes {
            [0x1f, 0x8b, ..] => Self::Gzip,
            [0xfd, b'7', b'z', b'X', b'Z', 0, ..] => Self::Xz,
            [0x28, 0xb5, 0x2f, 0xfd, ..] => Self::Zstd,
            _ => Self::Plain,
        }
    }

    /// Its name in messages.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Gzip => "gzip",
            Self::Xz => "xz",
            Self::Zstd => "zstd",
            Self::Plain => "plain",
        }
    }
}

/// A stream of what `bytes` hold, decompressed if they are compressed.
///
/// Memory is bounded; how much comes out is not: see [`read_bounded`].
///
/// # Errors
/// When the beginning of the stream is refused.
pub fn decoder(bytes: Arc<[u8]>) -> Result<Box<dyn Read>, ArchiveError> {
    let format = Format::of(&bytes);
    let input = Cursor::new(bytes);
    Ok(match format {
        Format::Gzip => Box::new(flate2::read::MultiGzDecoder::new(input)),
        Format::Xz => {
            let decoder = xz4rust::XzDecoder::in_heap_with_alloc_dict_size(
                xz4rust::DICT_SIZE_MIN,
                XZ_DICTIONARY_BYTES_MAX,
            );
            Box::new(xz4rust::XzReader::new_with_buffer_size_and_decoder(
                input,
                XZ_BUFFER_BYTES,
                decoder,
            ))
        }
        Format::Zstd => Box::new(
            ruzstd::decoding::StreamingDecoder::new_with_max_window_size(
                input,
                ZSTD_WINDOW_BYTES_MAX,
            )
            .map_err(|error| ArchiveError::Decode {
                format: format.name(),
                source: io::Error::new(io::ErrorKind::InvalidData, error.to_string()),
            })?,
        ),
        Format::Plain => Box::new(input),
    })
}

const XZ_BUFFER_BYTES: std::num::NonZeroUsize =
    std::num::NonZeroUsize::new(64 << 10).expect("invariant: not zero");

/// All of `bytes`, decompressed, if that is at most `bytes_max`.
///
/// # Errors
/// When there is more, or the stream is damaged.
pub fn read_bounded(bytes: Arc<[u8]>, bytes_max: u64) -> Result<Vec<u8>, ArchiveError> {
    let format = Format::of(&bytes).name();
    let mut contents = Vec::new();
    decoder(bytes)?
        .take(bytes_max + 1)
        .read_to_end(&mut contents)
        .map_err(|source| ArchiveError::Decode { format, source })?;
    if contents.len() as u64 > bytes_max {
        return Err(ArchiveError::TooLarge {
            format,
            limit: bytes_max,
            unit: "bytes",
        });
    }
    Ok(contents)
}
