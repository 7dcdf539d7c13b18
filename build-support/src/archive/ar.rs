//! The `ar` container of Debian packages.

use super::ArchiveError;

const FORMAT: &str = "ar";
const MAGIC: &[u8] = b"!<arch>\n";
const HEADER_BYTES: usize = 60;
/// A Debian package has three.
const MEMBER_COUNT_MAX: usize = 64;

/// The first member whose name begins with `prefix`.
///
/// # Errors
/// When the container is malformed or has no such member.
pub fn ar_member<'a>(archive: &'a [u8], prefix: &str) -> Result<&'a [u8], ArchiveError> {
    let malformed = |reason| ArchiveError::Malformed {
        format: FORMAT,
        reason,
    };
    let mut rest = archive
        .strip_prefix(MAGIC)
        .ok_or(malformed("no signature"))?;
    for _ in 0..MEMBER_COUNT_MAX {
        if rest.is_empty() {
            break;
        }
        let (header, after) = rest
            .split_at_checked(HEADER_BYTES)
            .ok_or(malformed("a header ends early"))?;
        if header[58..] != *b"`\n" {
            return Err(malformed("no end of a header"));
        }
        let text = |range: std::ops::Range<usize>| {
            std::str::from_utf8(&header[range])
                .map(str::trim_end)
                .unwrap_or_default()
        };
        let bytes: usize = text(48..58)
            .parse()
            .map_err(|_| malformed("size of a member"))?;
        let (member, after) = after
            .split_at_checked(bytes)
            .ok_or(malformed("a member ends early"))?;
        if text(0..16).trim_end_matches('/').starts_with(prefix) {
            return Ok(member);
        }
        // Members begin at even offsets.
        rest = after.get(bytes % 2..).unwrap_or_default();
    }
    Err(ArchiveError::Missing {
        format: FORMAT,
        name: prefix.to_owned(),
    })
}
