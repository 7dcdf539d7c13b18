//! What we say that QEMU hands to the firmware, against what it does hand over: over its test protocol, with no
//! guest running.

use std::fmt::Write as _;
use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use super::patch_as_qemu;
use crate::measure::test_files::{bz_image, real};

const EMULATOR: &str = "qemu-system-x86_64";
const COMMAND_LINE: &str = "console=ttyS0 quiet";

// Keys and ports of the device that firmware reads its configuration from.
const SETUP_BYTES: u16 = 0x17;
const SETUP: u16 = 0x18;
const KERNEL_BYTES: u16 = 0x08;
const KERNEL: u16 = 0x11;
const INITRD_BYTES: u16 = 0x0b;
const COMMAND_LINE_BYTES: u16 = 0x14;
const COMMAND_LINE_TEXT: u16 = 0x15;
const SELECTOR_PORT: u16 = 0x510;
const DATA_PORT: u16 = 0x511;
/// Answers that the emulator can write before somebody reads them.
const COMMAND_COUNT_MAX: usize = 1024;

/// A machine that never starts.
struct Machine {
    emulator: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Drop for Machine {
    fn drop(&mut self) {
        let _ = self.emulator.kill();
        let _ = self.emulator.wait();
    }
}

impl Machine {
    fn new(kernel: &Path, initrd: &Path, memory_mib: u64) -> Self {
        let mut emulator = Command::new(EMULATOR)
            .args(["-machine", "q35", "-accel", "tcg", "-S", "-nodefaults"])
            .args(["-display", "none", "-qtest", "stdio", "-qtest-log", "none"])
            .args(["-append", COMMAND_LINE, "-m", &memory_mib.to_string()])
            .arg("-kernel")
            .arg(kernel)
            .arg("-initrd")
            .arg(initrd)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        Self {
            input: emulator.stdin.take().unwrap(),
            output: BufReader::new(emulator.stdout.take().unwrap()),
            emulator,
        }
    }

    /// Sends commands, one a line; returns the value that the last one has, for each.
    fn ask(&mut self, commands: &[String]) -> Vec<u8> {
        let mut answers = Vec::with_capacity(commands.len());
        for commands in commands.chunks(COMMAND_COUNT_MAX) {
            self.input.write_all(commands.concat().as_bytes()).unwrap();
            self.input.flush().unwrap();
            for command in commands {
                let mut line = String::new();
                self.output.read_line(&mut line).unwrap();
                let value = line
                    .trim_end()
                    .strip_prefix("OK")
                    .unwrap_or_else(|| panic!("{command} is answered by '{line}'"));
                if let Some(digits) = value.strip_prefix(" 0x") {
                    answers.push(u8::from_str_radix(digits, 16).unwrap());
                }
            }
        }
        answers
    }

    fn read(&mut self, key: u16, bytes: usize) -> Vec<u8> {
        let mut commands = vec![format!("outw {SELECTOR_PORT:#x} {key:#x}\n")];
        commands.resize(bytes + 1, format!("inb {DATA_PORT:#x}\n"));
        self.ask(&commands)
    }

    fn number(&mut self, key: u16) -> usize {
        let bytes = self.read(key, 4);
        u32::from_le_bytes(bytes.try_into().unwrap()) as usize
    }
}

/// A folder of this test, removed with it.
struct Folder(PathBuf);

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

impl Folder {
    fn file(&self, name: &str, contents: &[u8]) -> PathBuf {
        let path = self.0.join(name);
        fs::write(&path, contents).unwrap();
        path
    }
}

#[test]
fn qemu_offers_the_kernel_that_is_measured() {
    let version = Command::new(EMULATOR).arg("--version").output();
    let Ok(version) = version else {
        println!("skipped: no {EMULATOR} on this machine");
        return;
    };
    println!("{}", String::from_utf8_lossy(&version.stdout));
    let folder = std::env::temp_dir().join(format!("measure-qemu-{}", std::process::id()));
    fs::create_dir(&folder).unwrap();
    let folder = Folder(folder);

    let kernels = [
        ("made for the test", Some(bz_image())),
        ("real", real("vmlinuz")),
    ];
    // Around the sizes at which QEMU moves memory above 4 GiB, too.
    let memories = [512_u64, 1500, 2047, 2048, 2049, 2815, 2816, 4096];
    let some = &memories[2..4];
    let initrds = [
        (Some(vec![7; 0x1000]), &memories[..]),
        (Some(vec![7; 0x1001]), some),
        (real("initrd"), some),
    ];
    for (name, kernel) in kernels {
        let Some(kernel) = kernel else { continue };
        let kernel_path = folder.file("kernel", &kernel);
        for (initrd, memories) in &initrds {
            let Some(initrd) = initrd else { continue };
            let initrd_path = folder.file("initrd", initrd);
            for &memory_mib in *memories {
                let mut case = String::new();
                write!(case, "{name}, {} bytes, {memory_mib} MiB", initrd.len()).unwrap();
                let mut machine = Machine::new(&kernel_path, &initrd_path, memory_mib);
                assert_eq!(machine.number(INITRD_BYTES), initrd.len(), "{case}");
                let bytes = machine.number(COMMAND_LINE_BYTES);
                let text = machine.read(COMMAND_LINE_TEXT, bytes);
                assert_eq!(text, format!("{COMMAND_LINE}\0").as_bytes(), "{case}");

                let ours = patch_as_qemu(&kernel, initrd.len() as u64, memory_mib << 20).unwrap();
                let setup_bytes = machine.number(SETUP_BYTES);
                let rest_bytes = machine.number(KERNEL_BYTES);
                assert_eq!(setup_bytes + rest_bytes, ours.len(), "{case}");
                let setup = machine.read(SETUP, setup_bytes);
                let differing: Vec<usize> = (0..setup_bytes)
                    .filter(|&at| setup[at] != ours[at])
                    .collect();
                assert!(differing.is_empty(), "{case}: {differing:x?}");
                // What follows is not touched: its beginning and its size say so.
                let beginning = machine.read(KERNEL, 64);
                assert_eq!(beginning, ours[setup_bytes..setup_bytes + 64], "{case}");
            }
        }
    }
}
