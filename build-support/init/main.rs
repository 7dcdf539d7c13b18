//! The first program of a guest: brings the machine up, runs one program, powers off.
//!
//! It mounts the kernel's file systems, loads the modules that the image names, configures the network,
//! starts the program, reaps what it leaves behind, and powers off when it ends, with its exit code
//! as the last line on the console and on the second serial port. There is no shell and no way in.
//!
//! It uses the standard library only: the builder compiles these files with plain `rustc` for the
//! guest. What it is told stands in one file of the image, so it is measured like everything else.

#[cfg(target_os = "linux")]
mod config;
#[cfg(target_os = "linux")]
mod dhcp;
#[cfg(target_os = "linux")]
mod network;
#[cfg(target_os = "linux")]
mod sys;

#[cfg(target_os = "linux")]
fn main() {
    machine::run();
}

#[cfg(not(target_os = "linux"))]
fn main() {
    eprintln!("this program is the first one of a Linux guest");
}

#[cfg(target_os = "linux")]
mod machine {
    use std::fs;
    use std::io::Write as _;
    use std::os::unix::process::ExitStatusExt as _;
    use std::process::{Command, ExitStatus};

    use crate::config::Config;
    use crate::{network, sys};

    /// Where the builder writes what this program does.
    const CONFIG: &str = "/etc/mosaik-init.conf";
    /// What a shell answers when a program cannot be started.
    const CANNOT_START: i32 = 126;
    /// Where the launcher reads the exit code, if it listens there.
    const EXIT_PORT: &str = "/dev/ttyS1";

    pub(crate) fn run() {
        if std::process::id() != 1 {
            eprintln!("mosaik-init runs as the first program of a guest only");
            std::process::exit(1);
        }
        mount_all();
        let code = match start() {
            Ok(code) => code,
            Err(reason) => {
                log(&reason);
                CANNOT_START
            }
        };
        log(&format!("exit code {code}"));
        if let Ok(mut port) = fs::OpenOptions::new().write(true).open(EXIT_PORT) {
            // On a line of its own: firmware writes to this port, too.
            let _ = writeln!(port, "\nexit code {code}");
        }
        sys::power_off();
    }

    fn start() -> Result<i32, String> {
        let text = fs::read_to_string(CONFIG).map_err(|error| format!("{CONFIG}: {error}"))?;
        let config = Config::parse(&text).map_err(|error| format!("{CONFIG}: {error}"))?;
        if config.simulated {
            log("SIMULATED platform: this guest proves nothing about itself");
        }
        for module in &config.modules {
            load(module);
        }
        // The module of this file system is among those just loaded.
        let _ = sys::mount("configfs", "/sys/kernel/config", "configfs");
        network::up(&config.network).unwrap_or_else(|error| log(&format!("network: {error}")));
        for service in &config.services {
            let mut words = service.split_ascii_whitespace();
            let Some(program) = words.next() else {
                continue;
            };
            if let Err(error) = Command::new(program).args(words).spawn() {
                log(&format!("{program}: {error}"));
            }
        }
        let arguments = match config.arguments.is_empty() {
            true => std::env::args().skip(1).collect(),
            false => config.arguments,
        };
        log(&format!("starting {}", config.program));
        let child = Command::new(&config.program)
            .args(arguments)
            .envs(config.environment)
            .spawn()
            .map_err(|error| format!("{}: {error}", config.program))?;
        Ok(reap_until(child.id()))
    }

    fn mount_all() {
        for (kind, target) in [
            ("devtmpfs", "/dev"),
            ("proc", "/proc"),
            ("sysfs", "/sys"),
            ("devpts", "/dev/pts"),
            ("tmpfs", "/dev/shm"),
            ("tmpfs", "/run"),
            ("tmpfs", "/tmp"),
        ] {
            let _ = fs::create_dir_all(target);
            if let Err(error) = sys::mount(kind, target, kind) {
                log(&format!("{target}: {error}"));
            }
        }
    }

    fn load(path: &str) {
        let result = fs::File::open(path).and_then(|file| sys::load_module(&file));
        match result {
            Ok(()) => {}
            // The driver of a device that this machine does not have: a TDX guest outside TDX.
            Err(error) if error.raw_os_error() == Some(sys::NO_SUCH_DEVICE) => {
                log(&format!("{path}: no such device"));
            }
            Err(error) => log(&format!("{path}: {error}")),
        }
    }

    /// Collects every child, those that others left behind too, until the program itself ends.
    fn reap_until(program: u32) -> i32 {
        loop {
            match sys::wait_any() {
                Ok((id, status)) if id == program => {
                    let status = ExitStatus::from_raw(status);
                    return match (status.code(), status.signal()) {
                        (Some(code), _) => code,
                        // As a shell says it.
                        (None, signal) => 128 + signal.unwrap_or_default(),
                    };
                }
                Ok(_) => {}
                Err(error) => {
                    log(&format!("wait: {error}"));
                    return CANNOT_START;
                }
            }
        }
    }

    pub(crate) fn log(text: &str) {
        println!("mosaik-init: {text}");
    }
}
