//! TDX virtual firmware: its metadata, MRTD, and what it hands to the boot.

use sha2::{Digest as _, Sha384};

use super::{Measurement, sha384};

/// A firmware file with TDX metadata.
#[derive(Debug, Clone)]
pub struct Firmware<'a> {
    bytes: &'a [u8],
    sections: Vec<Section>,
}

/// One section of the TDVF metadata.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Section {
    /// Where its contents begin in the file.
    pub data_offset: u32,
    /// Bytes of contents; the rest of the memory is zero.
    pub data_bytes: u32,
    /// The guest's physical address.
    pub address: u64,
    /// Bytes of guest memory.
    pub memory_bytes: u64,
    /// What it is for.
    pub kind: SectionKind,
    /// Its contents are part of MRTD.
    pub extended: bool,
    /// Its pages are added after the launch, outside MRTD.
    pub augmented: bool,
}

/// What a section is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SectionKind {
    /// The boot firmware volume: code.
    BootVolume,
    /// The configuration firmware volume: variables.
    ConfigurationVolume,
    /// The list of memory.
    TdHob,
    /// Scratch memory.
    Temporary,
    /// A kind that a later specification added.
    Other(u32),
}

/// The order in which the host adds and extends the pages of a section.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PageOrder {
    /// All pages of a section are added, then all are extended (Canonical's QEMU 8.2 for TDX).
    TwoPass,
    /// Each page is added and extended before the next (Linux 6.16 and QEMU 10.1, and later).
    SinglePass,
}

/// Why a file is no usable TDX firmware.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FirmwareError {
    /// No TDVF entry: not built for TDX.
    #[error("the firmware has no tdx metadata, so no trust domain can start with it")]
    NoMetadata,
    /// The metadata points or counts outside the file.
    #[error("the firmware's tdx metadata is malformed: {reason}")]
    Malformed {
        /// What does not hold.
        reason: &'static str,
    },
    /// A section's contents lie outside the file.
    #[error("section {index} of the firmware ends at {end}, past the file's {file_bytes} bytes")]
    SectionOutside {
        /// Its position in the metadata.
        index: usize,
        /// Where it would end.
        end: u64,
        /// Bytes of the file.
        file_bytes: usize,
    },
    /// A memory size for which the list of memory cannot be laid out.
    #[error("{memory_bytes} bytes of memory do not hold the firmware's sections")]
    MemoryTooSmall {
        /// The size asked for.
        memory_bytes: u64,
    },
}

impl FirmwareError {
    /// Never: the same file fails again.
    #[must_use]
    pub const fn is_retryable(&self) -> bool {
        false
    }

    /// Always: measuring changes nothing.
    #[must_use]
    pub const fn is_definite(&self) -> bool {
        true
    }
}

/// `96b582de-1fb2-45f7-baea-a366c55a082d`: the table of GUIDs at the end of OVMF.
const TABLE_FOOTER: [u8; 16] = guid(0x96b5_82de, 0x1fb2, 0x45f7, 0xbaea_a366_c55a_082d);
/// `e47a6535-984a-4798-865e-4685a7bf8ec2`: the entry that points to the TDVF descriptor.
const TDVF_ENTRY: [u8; 16] = guid(0xe47a_6535, 0x984a, 0x4798, 0x865e_4685_a7bf_8ec2);
/// The reset vector's bytes follow the table.
const TABLE_END_FROM_FILE_END: usize = 0x20;
/// Size and GUID that close each entry.
const ENTRY_FOOTER_BYTES: usize = 18;
const DESCRIPTOR_BYTES: usize = 16;
const SECTION_BYTES: usize = 32;
/// OVMF has six; a bound on what a hostile file makes us hash.
const SECTION_COUNT_MAX: u32 = 32;
/// Of all sections together: OVMF's have 6 MiB. Each page costs hashing.
const SECTION_MEMORY_BYTES_MAX: u64 = 64 << 20;
const PAGE_BYTES: u64 = 4096;
const CHUNK_BYTES: usize = 256;

impl<'a> Firmware<'a> {
    /// Reads the metadata of a firmware file.
    ///
    /// # Errors
    /// When there is none, or it does not fit the file.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, FirmwareError> {
        let descriptor = descriptor_offset(bytes)?;
        let header = slice(bytes, descriptor, DESCRIPTOR_BYTES)?;
        if &header[..4] != b"TDVF" {
            return Err(FirmwareError::Malformed {
                reason: "no TDVF signature",
            });
        }
        if u32_at(header, 8) != 1 {
            return Err(FirmwareError::Malformed {
                reason: "unknown version",
            });
        }
        let count = u32_at(header, 12);
        if count == 0 || count > SECTION_COUNT_MAX {
            return Err(FirmwareError::Malformed {
                reason: "number of sections",
            });
        }
        let sections = (0..count as usize)
            .map(|index| {
                let at = descriptor + DESCRIPTOR_BYTES + index * SECTION_BYTES;
                section(slice(bytes, at, SECTION_BYTES)?, index, bytes.len())
            })
            .collect::<Result<Vec<Section>, _>>()?;
        let memory_bytes: u64 = sections.iter().map(|section| section.memory_bytes).sum();
        if memory_bytes > SECTION_MEMORY_BYTES_MAX {
            return Err(FirmwareError::Malformed {
                reason: "sections larger than any firmware",
            });
        }
        Ok(Self { bytes, sections })
    }

    /// The sections, in the order in which they are measured.
    #[must_use]
    pub fn sections(&self) -> &[Section] {
        &self.sections
    }

    /// The register that the TDX module computes while the host adds the firmware.
    #[must_use]
    pub fn mrtd(&self, order: PageOrder) -> Measurement {
        let mut hasher = Sha384::new();
        for section in self.sections.iter().filter(|section| !section.augmented) {
            let data = self.data(section);
            let pages = 0..section.memory_bytes / PAGE_BYTES;
            match order {
                PageOrder::TwoPass => {
                    pages
                        .clone()
                        .for_each(|page| add_page(&mut hasher, section, page));
                    pages.for_each(|page| extend_page(&mut hasher, section, page, data));
                }
                PageOrder::SinglePass => pages.for_each(|page| {
                    add_page(&mut hasher, section, page);
                    extend_page(&mut hasher, section, page, data);
                }),
            }
        }
        Measurement::new(hasher.finalize().into())
    }

    /// The digest of the variable store, which RTMR0 covers; `None` where there is none.
    #[must_use]
    pub fn configuration_digest(&self) -> Option<[u8; 48]> {
        let section = self.first(SectionKind::ConfigurationVolume)?;
        Some(sha384(&[self.data(section)]))
    }

    /// The digest of the list of memory that QEMU makes for a guest of `memory_bytes`.
    ///
    /// `None` for a firmware that takes no such list.
    ///
    /// # Errors
    /// When the firmware's own sections do not fit that memory.
    pub fn td_hob_digest(&self, memory_bytes: u64) -> Result<Option<[u8; 48]>, FirmwareError> {
        let Some(hob) = self.first(SectionKind::TdHob) else {
            return Ok(None);
        };
        let list = self.memory_list(hob.address, memory_bytes)?;
        Ok(Some(sha384(&[&list])))
    }

    /// The hand-off blocks: one header, one resource for each stretch of memory.
    fn memory_list(&self, base: u64, memory_bytes: u64) -> Result<Vec<u8>, FirmwareError> {
        const HANDOFF: u16 = 1;
        const RESOURCE: u16 = 3;
        const HEADER_BYTES: u16 = 56;
        const RESOURCE_BYTES: u16 = 48;
        const END_BYTES: u64 = 8;
        const VERSION: u32 = 9;
        const PRESENT_INITIALIZED_TESTED: u32 = 7;
        const SYSTEM_MEMORY: u32 = 0;
        const UNACCEPTED: u32 = 7;

        let block = |kind: u16, bytes: u16| {
            let mut block = Vec::with_capacity(bytes.into());
            block.extend(kind.to_le_bytes());
            block.extend(bytes.to_le_bytes());
            block.extend([0; 4]);
            block
        };
        let mut list = block(HANDOFF, HEADER_BYTES);
        list.extend(VERSION.to_le_bytes());
        list.resize(usize::from(HEADER_BYTES), 0);
        for (start, end, added) in self.memory_map(memory_bytes)? {
            list.extend(block(RESOURCE, RESOURCE_BYTES));
            list.extend([0; 16]);
            list.extend(if added { SYSTEM_MEMORY } else { UNACCEPTED }.to_le_bytes());
            list.extend(PRESENT_INITIALIZED_TESTED.to_le_bytes());
            list.extend(start.to_le_bytes());
            list.extend((end - start).to_le_bytes());
        }
        let end = base + list.len() as u64 + END_BYTES;
        list[48..56].copy_from_slice(&end.to_le_bytes());
        Ok(list)
    }

    /// Memory in order of address: what the host adds before the launch, and the rest.
    fn memory_map(&self, memory_bytes: u64) -> Result<Vec<(u64, u64, bool)>, FirmwareError> {
        let too_small = FirmwareError::MemoryTooSmall { memory_bytes };
        let below_4g = super::kernel::below_4g_bytes(memory_bytes);
        let mut added: Vec<(u64, u64)> = self
            .sections
            .iter()
            .filter(|section| matches!(section.kind, SectionKind::TdHob | SectionKind::Temporary))
            .map(|section| (section.address, section.address + section.memory_bytes))
            .collect();
        added.sort_unstable();
        let mut map = Vec::with_capacity(2 * added.len() + 2);
        let mut at = 0;
        for (start, end) in added {
            if start < at || end > below_4g {
                return Err(too_small);
            }
            if start > at {
                map.push((at, start, false));
            }
            map.push((start, end, true));
            at = end;
        }
        if at < below_4g {
            map.push((at, below_4g, false));
        }
        if memory_bytes > below_4g {
            const ABOVE: u64 = 1 << 32;
            let end = ABOVE.checked_add(memory_bytes - below_4g);
            let end = end.ok_or(FirmwareError::Malformed {
                reason: "more memory than there are addresses",
            })?;
            map.push((ABOVE, end, false));
        }
        Ok(map)
    }

    fn first(&self, kind: SectionKind) -> Option<&Section> {
        self.sections.iter().find(|section| section.kind == kind)
    }

    fn data(&self, section: &Section) -> &'a [u8] {
        let start = section.data_offset as usize;
        &self.bytes[start..start + section.data_bytes as usize]
    }
}

fn add_page(hasher: &mut Sha384, section: &Section, page: u64) {
    let mut record = [0; 128];
    record[..12].copy_from_slice(b"MEM.PAGE.ADD");
    record[16..24].copy_from_slice(&(section.address + page * PAGE_BYTES).to_le_bytes());
    hasher.update(record);
}

fn extend_page(hasher: &mut Sha384, section: &Section, page: u64, data: &[u8]) {
    if !section.extended {
        return;
    }
    for chunk in 0..PAGE_BYTES / CHUNK_BYTES as u64 {
        let offset = page * PAGE_BYTES + chunk * CHUNK_BYTES as u64;
        let mut record = [0; 128];
        record[..9].copy_from_slice(b"MR.EXTEND");
        record[16..24].copy_from_slice(&(section.address + offset).to_le_bytes());
        hasher.update(record);
        let start = (offset as usize).min(data.len());
        let end = (start + CHUNK_BYTES).min(data.len());
        let mut contents = [0; CHUNK_BYTES];
        contents[..end - start].copy_from_slice(&data[start..end]);
        hasher.update(contents);
    }
}

/// Walks the table of GUIDs back from its footer.
fn descriptor_offset(bytes: &[u8]) -> Result<usize, FirmwareError> {
    let malformed = |reason| FirmwareError::Malformed { reason };
    let table_end = bytes
        .len()
        .checked_sub(TABLE_END_FROM_FILE_END)
        .ok_or(FirmwareError::NoMetadata)?;
    let footer = table_end
        .checked_sub(ENTRY_FOOTER_BYTES)
        .ok_or(FirmwareError::NoMetadata)?;
    if bytes[footer + 2..table_end] != TABLE_FOOTER {
        return Err(FirmwareError::NoMetadata);
    }
    let table_bytes = usize::from(u16_at(bytes, footer));
    let table_start = table_end
        .checked_sub(table_bytes)
        .ok_or(malformed("size of the table"))?;
    let mut end = footer;
    while end >= table_start + ENTRY_FOOTER_BYTES {
        let entry = &bytes[end - ENTRY_FOOTER_BYTES..end];
        let entry_bytes = usize::from(u16_at(entry, 0));
        if entry_bytes < ENTRY_FOOTER_BYTES || end - table_start < entry_bytes {
            return Err(malformed("size of an entry"));
        }
        if entry[2..] == TDVF_ENTRY {
            if entry_bytes != ENTRY_FOOTER_BYTES + 4 {
                return Err(malformed("size of the TDVF entry"));
            }
            let from_end = u32_at(bytes, end - entry_bytes) as usize;
            return bytes
                .len()
                .checked_sub(from_end)
                .ok_or(malformed("offset of the descriptor"));
        }
        end -= entry_bytes;
    }
    Err(FirmwareError::NoMetadata)
}

fn section(entry: &[u8], index: usize, file_bytes: usize) -> Result<Section, FirmwareError> {
    let section = Section {
        data_offset: u32_at(entry, 0),
        data_bytes: u32_at(entry, 4),
        address: u64_at(entry, 8),
        memory_bytes: u64_at(entry, 16),
        kind: match u32_at(entry, 24) {
            0 => SectionKind::BootVolume,
            1 => SectionKind::ConfigurationVolume,
            2 => SectionKind::TdHob,
            3 => SectionKind::Temporary,
            other => SectionKind::Other(other),
        },
        extended: u32_at(entry, 28) & 1 != 0,
        augmented: u32_at(entry, 28) & 2 != 0,
    };
    let end = u64::from(section.data_offset) + u64::from(section.data_bytes);
    if end > file_bytes as u64 {
        return Err(FirmwareError::SectionOutside {
            index,
            end,
            file_bytes,
        });
    }
    let malformed = |reason| Err(FirmwareError::Malformed { reason });
    if !section.address.is_multiple_of(PAGE_BYTES)
        || !section.memory_bytes.is_multiple_of(PAGE_BYTES)
    {
        return malformed("a section is not aligned to pages");
    }
    if section.memory_bytes > SECTION_MEMORY_BYTES_MAX || section.address > 1 << 52 {
        return malformed("a section is larger than any firmware");
    }
    if u64::from(section.data_bytes) > section.memory_bytes {
        return malformed("a section's contents exceed its memory");
    }
    Ok(section)
}

fn slice(bytes: &[u8], at: usize, count: usize) -> Result<&[u8], FirmwareError> {
    at.checked_add(count)
        .and_then(|end| bytes.get(at..end))
        .ok_or(FirmwareError::Malformed {
            reason: "metadata ends past the file",
        })
}

fn u16_at(bytes: &[u8], at: usize) -> u16 {
    u16::from_le_bytes([bytes[at], bytes[at + 1]])
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from(u16_at(bytes, at)) | u32::from(u16_at(bytes, at + 2)) << 16
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    u64::from(u32_at(bytes, at)) | u64::from(u32_at(bytes, at + 4)) << 32
}

/// A GUID as firmware stores it: the first three fields little-endian.
const fn guid(first: u32, second: u16, third: u16, last: u64) -> [u8; 16] {
    let (first, second, third) = (
        first.to_le_bytes(),
        second.to_le_bytes(),
        third.to_le_bytes(),
    );
    let last = last.to_be_bytes();
    [
        first[0], first[1], first[2], first[3], second[0], second[1], third[0], third[1], last[0],
        last[1], last[2], last[3], last[4], last[5], last[6], last[7],
    ]
}

#[cfg(test)]
pub(super) mod layout;
#[cfg(test)]
mod tests;
