//! The package, compiled once more: as a static program for the guest.

use std::collections::BTreeSet;
use std::collections::VecDeque;
use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::environment::INNER_BUILD;
use super::options::Options;
use super::progress::Progress;
use super::{BuildError, Environment, GuestTarget};
use crate::archive::Elf;

/// The toolchain, as this build script's cargo uses it.
pub(super) struct Toolchain<'a> {
    pub(super) environment: &'a Environment,
    pub(super) target: &'static str,
    rustc: String,
    sysroot: PathBuf,
}

/// The program for the guest.
pub(super) struct Program {
    pub(super) bytes: Vec<u8>,
    /// Every file that it was made of.
    pub(super) inputs: BTreeSet<PathBuf>,
}

const MUSL: &str = "x86_64-unknown-linux-musl";
const GNU: &str = "x86_64-unknown-linux-gnu";
/// Lines of the compiler's output that an error shows.
const OUTPUT_LINE_COUNT_MAX: usize = 60;

impl<'a> Toolchain<'a> {
    pub(super) fn find(
        environment: &'a Environment,
        target: GuestTarget,
        progress: &Progress,
    ) -> Result<Self, BuildError> {
        let rustc = environment
            .variable("RUSTC")
            .unwrap_or_else(|| "rustc".to_owned());
        let output = Command::new(&rustc)
            .args(["--print", "sysroot"])
            .output()
            .map_err(BuildError::io("started", &rustc))?;
        let sysroot = PathBuf::from(String::from_utf8_lossy(&output.stdout).trim());
        let installed = |target: &str| {
            sysroot
                .join("lib/rustlib")
                .join(target)
                .join("lib")
                .is_dir()
        };
        let target = match target {
            GuestTarget::Musl if !installed(MUSL) => {
                return Err(BuildError::Option {
                    option: "with_target(Musl)",
                    reason: format!("no standard library for it: rustup target add {MUSL}"),
                });
            }
            GuestTarget::Auto if !installed(MUSL) => {
                progress.line(&format!(
                    "no standard library for {MUSL}: linking glibc statically instead (a larger image; \
                     rustup target add {MUSL} gives the smaller one)"
                ));
                GNU
            }
            GuestTarget::Auto | GuestTarget::Musl => MUSL,
            GuestTarget::Gnu => GNU,
        };
        Ok(Self {
            environment,
            target,
            rustc,
            sysroot,
        })
    }

    /// What tells this compiler and target from others.
    pub(super) fn version(&self) -> Result<String, BuildError> {
        let output = Command::new(&self.rustc)
            .arg("-vV")
            .output()
            .map_err(BuildError::io("started", &self.rustc))?;
        Ok(format!(
            "{}{}",
            String::from_utf8_lossy(&output.stdout),
            self.target
        ))
    }

    /// Where what is built for the guest stands, apart from what the user builds.
    pub(super) fn folder(&self) -> PathBuf {
        let name = if self.target == MUSL {
            "tdx-musl"
        } else {
            "tdx-gnu"
        };
        self.environment.target_dir.join(name)
    }

    /// What makes a program static, and the same in any folder.
    fn flags(&self, roots: &[(&Path, &str)]) -> Vec<String> {
        let mut flags: Vec<String> = roots
            .iter()
            .map(|(from, to)| format!("--remap-path-prefix={}={to}", from.display()))
            .collect();
        flags.extend(
            [
                "-Ctarget-feature=+crt-static",
                "-Clink-arg=-Wl,--build-id=none",
                "-Cstrip=symbols",
            ]
            .map(str::to_owned),
        );
        flags
    }

    /// Compiles the package's binary.
    pub(super) fn program(
        &self,
        options: &Options,
        progress: &Progress,
    ) -> Result<Program, BuildError> {
        let environment = self.environment;
        let folder = self.folder();
        let name = options.binary.as_ref().unwrap_or(&environment.package);
        let manifest = environment.manifest_dir.join("Cargo.toml");
        let cargo = environment
            .variable("CARGO")
            .unwrap_or_else(|| "cargo".to_owned());
        let root = self.workspace_root(&cargo, &manifest);

        let home = environment.variable("CARGO_HOME").map_or_else(
            || PathBuf::from(environment.variable("HOME").unwrap_or_default()).join(".cargo"),
            PathBuf::from,
        );
        let (registry, checkouts) = (home.join("registry/src"), home.join("git/checkouts"));
        let library = self.sysroot.join("lib/rustlib/src/rust");
        // The most general first: the last that matches wins.
        let mut flags: Vec<String> = environment
            .variable("CARGO_ENCODED_RUSTFLAGS")
            .map(|flags| {
                flags
                    .split('\u{1f}')
                    .filter(|flag| !flag.is_empty())
                    .map(str::to_owned)
                    .collect()
            })
            .unwrap_or_default();
        flags.extend(self.flags(&[
            (&root, "/build"),
            (&environment.manifest_dir, "/build"),
            (&folder, "/target"),
            (&registry, "/registry"),
            (&checkouts, "/git"),
            (&library, "/rustlib"),
        ]));

        let mut command = Command::new(&cargo);
        command
            .arg("build")
            .args(["--target", self.target, "--bin", name, "--color", "never"])
            .arg("--manifest-path")
            .arg(&manifest)
            .arg("--target-dir")
            .arg(&folder)
            .env(INNER_BUILD, "1")
            .env("CARGO_ENCODED_RUSTFLAGS", flags.join("\u{1f}"))
            .env("CARGO_INCREMENTAL", "0")
            .env_remove("RUSTC_WORKSPACE_WRAPPER")
            .env_remove("RUSTFLAGS");
        let profile = match (&options.cargo_profile, environment.is_debug) {
            (Some(name), _) => name,
            (None, true) => "dev",
            (None, false) => "release",
        };
        command.args(["--profile", profile]);
        if environment.flag("CARGO_NET_OFFLINE") || environment.flag("TDX_IMAGE_OFFLINE") {
            command.arg("--offline");
        }
        if let Some(features) = environment.variable("CARGO_CFG_FEATURE") {
            command.args(["--no-default-features", "--features", &features]);
        }
        self.set_c_compiler(&mut command);
        run(command, progress)?;

        let built = folder.join(self.target).join(folder_of_profile(profile));
        let path = built.join(name);
        let bytes = fs::read(&path).map_err(BuildError::io("read", &path))?;
        check_static(&path, &bytes)?;
        Ok(Program {
            inputs: self.inputs(&built.join(format!("{name}.d")), &root)?,
            bytes,
        })
    }

    /// Compiles files that need nothing but the standard library.
    pub(super) fn compile(
        &self,
        main: &Path,
        crate_name: &str,
        output: &Path,
        progress: &Progress,
    ) -> Result<(), BuildError> {
        let folder = main.parent().unwrap_or(main);
        let library = self.sysroot.join("lib/rustlib/src/rust");
        let mut command = Command::new(&self.rustc);
        command
            .args([
                "--edition",
                "2024",
                "--crate-name",
                crate_name,
                "--target",
                self.target,
            ])
            .args([
                "-Copt-level=s",
                "-Cpanic=abort",
                "-Clto=fat",
                "-Ccodegen-units=1",
            ])
            .args(self.flags(&[(folder, "/init"), (&library, "/rustlib")]))
            .arg("-o")
            .arg(output)
            .arg(main);
        run(command, progress)
    }

    /// musl's own compiler driver where there is one, else the host's: the code that cargo packages
    /// carry is freestanding enough for that.
    fn set_c_compiler(&self, command: &mut Command) {
        let names = [
            "CC_x86_64_unknown_linux_musl",
            "CC_x86_64-unknown-linux-musl",
            "TARGET_CC",
            "CC",
        ];
        let is_set = names
            .iter()
            .any(|name| self.environment.variable(name).is_some());
        if self.target != MUSL || is_set {
            return;
        }
        let path = self.environment.variable("PATH").unwrap_or_default();
        let found = [
            "x86_64-linux-musl-gcc",
            "musl-gcc",
            "x86_64-linux-gnu-gcc",
            "cc",
        ]
        .into_iter()
        .find(|name| {
            path.split(':')
                .any(|folder| Path::new(folder).join(name).is_file())
        });
        if let Some(compiler) = found {
            command.env(names[0], compiler);
        }
    }

    /// The folder that cargo compiles in, and that paths in its output are relative to.
    fn workspace_root(&self, cargo: &str, manifest: &Path) -> PathBuf {
        let output = Command::new(cargo)
            .args([
                "locate-project",
                "--workspace",
                "--message-format",
                "plain",
                "--manifest-path",
            ])
            .arg(manifest)
            .output();
        output
            .ok()
            .and_then(|output| {
                let path = PathBuf::from(String::from_utf8(output.stdout).ok()?.trim());
                path.parent()
                    .filter(|root| root.is_dir())
                    .map(Path::to_owned)
            })
            .unwrap_or_else(|| self.environment.manifest_dir.clone())
    }

    /// The files of cargo's dependency list, and the manifests and the lock file that they stand under.
    fn inputs(&self, list: &Path, root: &Path) -> Result<BTreeSet<PathBuf>, BuildError> {
        let text = fs::read_to_string(list).map_err(BuildError::io("read", list))?;
        let mut inputs: BTreeSet<PathBuf> = dependencies(&text)
            .into_iter()
            .filter(|path| !path.starts_with(&self.environment.target_dir))
            .collect();
        let manifests: BTreeSet<PathBuf> = inputs
            .iter()
            .filter_map(|path| {
                path.ancestors()
                    .map(|folder| folder.join("Cargo.toml"))
                    .find(|file| file.is_file())
            })
            .collect();
        inputs.extend(manifests);
        inputs.extend(["Cargo.toml", "Cargo.lock"].map(|name| root.join(name)));
        inputs.retain(|path| path.exists());
        Ok(inputs)
    }
}

/// Where cargo puts what it compiles with that profile.
fn folder_of_profile(name: &str) -> &str {
    match name {
        "dev" | "test" => "debug",
        "bench" => "release",
        other => other,
    }
}

/// The files on the right of the colon of a makefile rule: spaces are escaped.
pub(super) fn dependencies(rule: &str) -> Vec<PathBuf> {
    let mut files = vec![String::new()];
    let Some((_, right)) = rule.lines().next().and_then(|line| line.split_once(": ")) else {
        return Vec::new();
    };
    let mut characters = right.chars();
    while let Some(character) = characters.next() {
        let last = files.last_mut().expect("invariant: never empty");
        match character {
            '\\' => last.extend(characters.next()),
            ' ' => files.push(String::new()),
            _ => last.push(character),
        }
    }
    files
        .into_iter()
        .filter(|file| !file.is_empty())
        .map(PathBuf::from)
        .collect()
}

fn check_static(path: &Path, bytes: &[u8]) -> Result<(), BuildError> {
    let elf = |source| BuildError::Elf {
        file: path.display().to_string(),
        source,
    };
    match Elf::parse(bytes)
        .and_then(|file| file.interpreter())
        .map_err(elf)?
    {
        None => Ok(()),
        Some(interpreter) => Err(BuildError::NotStatic {
            path: path.to_owned(),
            interpreter,
        }),
    }
}

/// Runs a compiler, showing what it says while it says it.
fn run(mut command: Command, progress: &Progress) -> Result<(), BuildError> {
    let shown = command.get_program().to_string_lossy().into_owned();
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped());
    let mut child = command.spawn().map_err(BuildError::io("started", &shown))?;
    let mut last = VecDeque::new();
    if let Some(output) = child.stderr.take() {
        for line in BufReader::new(output).lines().map_while(Result::ok) {
            progress.raw(&format!("   {line}\n"));
            last.push_back(line);
            if last.len() > OUTPUT_LINE_COUNT_MAX {
                last.pop_front();
            }
        }
    }
    let status = child.wait().map_err(BuildError::io("waited for", &shown))?;
    if status.success() {
        return Ok(());
    }
    let output = last.into_iter().collect::<Vec<_>>().join("\n");
    Err(BuildError::Compile {
        command: format!("{shown}: {status}"),
        output,
    })
}
