//! What must be known of a program or a kernel module: its kind, how it is linked, what it needs.

/// A 64-bit little-endian ELF file.
#[derive(Debug, Clone, Copy)]
pub struct Elf<'a> {
    bytes: &'a [u8],
}

/// Why a file is not what it must be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ElfError {
    /// Another format, word size or byte order.
    #[error("not a 64-bit little-endian elf file")]
    NotElf,
    /// Another processor.
    #[error("built for processor {machine}, not for x86-64")]
    Machine {
        /// The number of the processor in the file.
        machine: u16,
    },
    /// Headers point outside the file.
    #[error("malformed elf file: {reason}")]
    Malformed {
        /// What does not fit.
        reason: &'static str,
    },
}

impl ElfError {
    /// Never: the same file fails again.
    #[must_use]
    pub const fn is_retryable(&self) -> bool {
        false
    }

    /// Always: reading changes nothing.
    #[must_use]
    pub const fn is_definite(&self) -> bool {
        true
    }
}

/// What a kernel module says of itself.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ModuleInfo {
    /// Its name, with underscores.
    pub name: String,
    /// The modules that must be loaded before it.
    pub depends: Vec<String>,
    /// The release of the kernel that it was built for.
    pub kernel_release: String,
}

const X86_64: u16 = 62;
const PROGRAM_HEADER_BYTES: usize = 56;
const SECTION_HEADER_BYTES: usize = 64;
const PROGRAM_INTERPRETER: u32 = 3;

impl<'a> Elf<'a> {
    /// Reads the header.
    ///
    /// # Errors
    /// For anything but an ELF file for x86-64.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, ElfError> {
        if bytes.len() < 64 || bytes[..6] != [0x7f, b'E', b'L', b'F', 2, 1] {
            return Err(ElfError::NotElf);
        }
        let elf = Self { bytes };
        match elf.u16(18)? {
            X86_64 => Ok(elf),
            machine => Err(ElfError::Machine { machine }),
        }
    }

    /// The dynamic loader that the program asks for; `None` for a static one.
    ///
    /// # Errors
    /// When the headers point outside the file.
    pub fn interpreter(&self) -> Result<Option<String>, ElfError> {
        let (offset, count) = (self.offset(32)?, self.u16(56)?);
        for index in 0..usize::from(count) {
            let header = offset.saturating_add(index * PROGRAM_HEADER_BYTES);
            if self.u32(header)? == PROGRAM_INTERPRETER {
                let path = self.slice(self.offset(header + 8)?, self.offset(header + 32)?)?;
                let path = path.strip_suffix(&[0]).unwrap_or(path);
                return Ok(Some(String::from_utf8_lossy(path).into_owned()));
            }
        }
        Ok(None)
    }

    /// The `.modinfo` section of a kernel module.
    ///
    /// # Errors
    /// When there is none.
    pub fn module_info(&self) -> Result<ModuleInfo, ElfError> {
        let section = self.section(b".modinfo")?;
        let mut info = ModuleInfo::default();
        for pair in section.split(|&byte| byte == 0) {
            let pair = String::from_utf8_lossy(pair);
            match pair.split_once('=') {
                Some(("name", value)) => info.name = value.to_owned(),
                Some(("depends", value)) => {
                    info.depends = value
                        .split(',')
                        .filter(|name| !name.is_empty())
                        .map(module_name)
                        .collect();
                }
                Some(("vermagic", value)) => {
                    info.kernel_release = value.split(' ').next().unwrap_or_default().to_owned();
                }
                _ => {}
            }
        }
        Ok(info)
    }

    fn section(&self, name: &[u8]) -> Result<&'a [u8], ElfError> {
        let (offset, count, names) = (self.offset(40)?, self.u16(60)?, self.u16(62)?);
        let header = |index: u16| {
            offset.saturating_add(usize::from(index).saturating_mul(SECTION_HEADER_BYTES))
        };
        let contents = |header: usize| {
            self.slice(
                self.offset(header.saturating_add(24))?,
                self.offset(header.saturating_add(32))?,
            )
        };
        let names = contents(header(names))?;
        for index in 0..count {
            let header = header(index);
            let start = self.u32(header)? as usize;
            if names.get(start..).is_some_and(|rest| {
                rest.strip_prefix(name)
                    .is_some_and(|after| after.first() == Some(&0))
            }) {
                return contents(header);
            }
        }
        Err(ElfError::Malformed {
            reason: "no such section",
        })
    }

    fn slice(&self, at: usize, count: usize) -> Result<&'a [u8], ElfError> {
        at.checked_add(count)
            .and_then(|end| self.bytes.get(at..end))
            .ok_or(ElfError::Malformed {
                reason: "a header points outside the file",
            })
    }

    fn u16(&self, at: usize) -> Result<u16, ElfError> {
        self.slice(at, 2)
            .map(|bytes| u16::from_le_bytes([bytes[0], bytes[1]]))
    }

    fn u32(&self, at: usize) -> Result<u32, ElfError> {
        Ok(u32::from(self.u16(at)?) | u32::from(self.u16(at.saturating_add(2))?) << 16)
    }

    fn offset(&self, at: usize) -> Result<usize, ElfError> {
        let low = u64::from(self.u32(at)?);
        let high = u64::from(self.u32(at.saturating_add(4))?);
        usize::try_from(low | high << 32).map_err(|_| ElfError::Malformed {
            reason: "an offset is too large",
        })
    }
}

/// A module's name as the kernel compares it.
pub(crate) fn module_name(name: &str) -> String {
    name.replace('-', "_")
}
