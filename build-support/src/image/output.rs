//! What a build leaves behind, and how the program learns of it.

use std::fmt::Write as _;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::launch::{self, Named};
use super::options::Options;
use super::stamp::sha256;
use super::{BuildError, Environment};
use crate::archive::write_tar;
use crate::measure::{HostProfile, Measurement, Prediction};
use crate::source::Source;

/// A built image.
#[derive(Debug, Clone, Hash, PartialEq, Eq)]
#[non_exhaustive]
pub struct BuilderOutput {
    /// The initial RAM disk: the guest's first program, the package's program, modules.
    pub initramfs_path: PathBuf,
    /// The kernel.
    pub kernel_path: PathBuf,
    /// The firmware.
    pub ovmf_path: PathBuf,
    /// One file that holds and launches the image.
    pub bundle_path: PathBuf,
    /// The script that launches the files beside it.
    pub launch_path: PathBuf,
    /// Every measurement for every host profile, and the predicted event log.
    pub measurements_path: PathBuf,
    /// The firmware's register, for the builder's host profile.
    pub mrtd: Measurement,
    /// The kernel's register, for the builder's host profile.
    pub rtmr1: Measurement,
    /// The register of the command line and the initial RAM disk.
    pub rtmr2: Measurement,
}

/// Where the files of one image stand.
pub(super) struct Paths {
    pub(super) folder: PathBuf,
    pub(super) name: String,
}

/// Everything that is written.
pub(super) struct Image<'a> {
    pub(super) options: &'a Options,
    pub(super) kernel: Vec<u8>,
    pub(super) initramfs: Vec<u8>,
    pub(super) ovmf: Vec<u8>,
    pub(super) predictions: Vec<(HostProfile, Prediction)>,
    pub(super) sources: Vec<&'a Source>,
    pub(super) memory_bytes: u64,
    pub(super) kernel_release: String,
    pub(super) target: &'static str,
}

/// `measurements.json`.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct MeasurementsFile {
    image: String,
    simulated: bool,
    command_line: String,
    memory_bytes: u64,
    kernel_release: String,
    target: String,
    files: Vec<FileEntry>,
    pub(super) profiles: Vec<ProfileEntry>,
}

#[derive(Debug, Serialize, Deserialize)]
struct FileEntry {
    name: String,
    bytes: u64,
    sha256: String,
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct ProfileEntry {
    profile: String,
    mrtd: String,
    rtmr1: String,
    rtmr2: String,
    events: Vec<EventEntry>,
}

#[derive(Debug, Serialize, Deserialize)]
struct EventEntry {
    register: String,
    event_type: u32,
    label: String,
    digest: Option<String>,
}

/// `sources.json`: what went in that is not the package's own.
#[derive(Debug, Serialize)]
struct SourceEntry<'a> {
    name: &'a str,
    file: &'a str,
    bytes: u64,
    sha256: &'a str,
    license: &'a str,
    urls: &'a [String],
}

impl Paths {
    pub(super) fn new(environment: &Environment, options: &Options, flavour: &str) -> Self {
        let folder = match &options.artifacts {
            Some(path) => environment.target_dir.join(path),
            None => environment
                .target_dir
                .join(environment.profile())
                .join("tdx-artifacts")
                .join(&environment.package)
                .join(flavour),
        };
        let suffix = if options.simulated { "-SIMULATED" } else { "" };
        Self {
            folder,
            name: format!("{}{suffix}", environment.package),
        }
    }

    pub(super) fn file(&self, suffix: &str) -> PathBuf {
        self.folder.join(format!("{}-{suffix}", self.name))
    }

    /// The paths and measurements of the image that stands there.
    pub(super) fn read(&self, options: &Options) -> Result<BuilderOutput, BuildError> {
        let measurements_path = self.file("measurements.json");
        let io = || BuildError::io("read", &measurements_path);
        let text = fs::read(&measurements_path).map_err(io())?;
        let measurements: MeasurementsFile =
            serde_json::from_slice(&text).map_err(|error| io()(error.into()))?;
        let profile = measurements
            .profiles
            .iter()
            .find(|entry| entry.profile == options.profile.name())
            .ok_or_else(|| io()(std::io::ErrorKind::InvalidData.into()))?;
        let parse = |text: &str| -> Result<Measurement, BuildError> {
            text.parse()
                .map_err(|_| io()(std::io::ErrorKind::InvalidData.into()))
        };
        Ok(BuilderOutput {
            initramfs_path: self.file("initramfs.cpio.gz"),
            kernel_path: self.file("vmlinuz"),
            ovmf_path: self.file("ovmf.fd"),
            bundle_path: match options.bundle_runner {
                true => self.file("run-qemu.sh"),
                false => self.file("launch-tdx.sh"),
            },
            launch_path: self.file("launch-tdx.sh"),
            mrtd: parse(&profile.mrtd)?,
            rtmr1: parse(&profile.rtmr1)?,
            rtmr2: parse(&profile.rtmr2)?,
            measurements_path,
        })
    }
}

impl Image<'_> {
    /// Writes every file; returns those written.
    pub(super) fn write(&self, paths: &Paths) -> Result<Vec<PathBuf>, BuildError> {
        let registers = format!("{}-registers.txt", paths.name);
        let (kernel_path, initrd_path, ovmf_path) = (
            paths.file("vmlinuz"),
            paths.file("initramfs.cpio.gz"),
            paths.file("ovmf.fd"),
        );
        let hashes = [&self.kernel, &self.initramfs, &self.ovmf].map(|bytes| sha256(bytes));
        let kernel = Named {
            path: &kernel_path,
            sha256: &hashes[0],
        };
        let initrd = Named {
            path: &initrd_path,
            sha256: &hashes[1],
        };
        let ovmf = Named {
            path: &ovmf_path,
            sha256: &hashes[2],
        };
        let launch = launch::launch_script(
            &paths.name,
            self.options,
            [&kernel, &initrd, &ovmf],
            &registers,
        );
        let prediction = self.prediction();
        let registers_text = registers_text(prediction);
        let measurements = self.measurements_file(
            &paths.name,
            &[
                (&kernel, &self.kernel),
                (&initrd, &self.initramfs),
                (&ovmf, &self.ovmf),
            ],
        );

        let mut files: Vec<(PathBuf, u32, Vec<u8>)> = vec![
            (kernel_path.clone(), 0o644, self.kernel.clone()),
            (initrd_path.clone(), 0o644, self.initramfs.clone()),
            (ovmf_path.clone(), 0o644, self.ovmf.clone()),
            (paths.file("launch-tdx.sh"), 0o755, launch.into_bytes()),
            (
                paths.file("mrtd.hex"),
                0o644,
                prediction.mrtd.to_string().into_bytes(),
            ),
            (
                paths.file("rtmr1.hex"),
                0o644,
                prediction.rtmr1.to_string().into_bytes(),
            ),
            (
                paths.file("rtmr2.hex"),
                0o644,
                prediction.rtmr2.to_string().into_bytes(),
            ),
            (
                paths.file("registers.txt"),
                0o644,
                registers_text.into_bytes(),
            ),
            (paths.file("sources.json"), 0o644, self.sources_file()),
            (paths.file("measurements.json"), 0o644, measurements),
        ];
        if self.options.bundle_runner {
            let bundle = self.bundle(paths, &files)?;
            files.push((paths.file("run-qemu.sh"), 0o755, bundle));
        }
        fs::create_dir_all(&paths.folder).map_err(BuildError::io("created", &paths.folder))?;
        for (path, mode, contents) in &files {
            write(path, *mode, contents)?;
        }
        Ok(files.into_iter().map(|(path, _, _)| path).collect())
    }

    fn prediction(&self) -> &Prediction {
        self.predictions
            .iter()
            .find(|(profile, _)| *profile == self.options.profile)
            .map(|(_, prediction)| prediction)
            .expect("invariant: every profile is predicted")
    }

    fn bundle(
        &self,
        paths: &Paths,
        files: &[(PathBuf, u32, Vec<u8>)],
    ) -> Result<Vec<u8>, BuildError> {
        let members: Vec<(String, u32, &[u8])> = files
            .iter()
            .map(|(path, mode, contents)| {
                let name = path
                    .file_name()
                    .unwrap_or_default()
                    .to_string_lossy()
                    .into_owned();
                (name, *mode, contents.as_slice())
            })
            .collect();
        let members: Vec<_> = members
            .iter()
            .map(|(name, mode, contents)| (name.as_str(), *mode, *contents))
            .collect();
        let payload = write_tar(&members).map_err(|source| BuildError::Archive {
            file: "bundle".to_owned(),
            source,
        })?;
        let launch = format!("{}-launch-tdx.sh", paths.name);
        Ok(launch::bundle(
            &paths.name,
            self.options,
            &launch,
            &payload,
            &sha256(&payload),
        ))
    }

    fn measurements_file(&self, name: &str, files: &[(&Named<'_>, &Vec<u8>)]) -> Vec<u8> {
        let profiles = self
            .predictions
            .iter()
            .map(|(profile, prediction)| ProfileEntry {
                profile: profile.name().to_owned(),
                mrtd: prediction.mrtd.to_string(),
                rtmr1: prediction.rtmr1.to_string(),
                rtmr2: prediction.rtmr2.to_string(),
                events: prediction
                    .events
                    .iter()
                    .map(|event| EventEntry {
                        register: event.register.to_string(),
                        event_type: event.event_type,
                        label: event.label.to_string(),
                        digest: event
                            .digest
                            .map(|digest| Measurement::new(digest).to_string()),
                    })
                    .collect(),
            });
        json(&MeasurementsFile {
            image: name.to_owned(),
            simulated: self.options.simulated,
            command_line: self.options.command_line.clone(),
            memory_bytes: self.memory_bytes,
            kernel_release: self.kernel_release.clone(),
            target: self.target.to_owned(),
            files: files
                .iter()
                .map(|(file, contents)| FileEntry {
                    name: file
                        .path
                        .file_name()
                        .unwrap_or_default()
                        .to_string_lossy()
                        .into_owned(),
                    bytes: contents.len() as u64,
                    sha256: file.sha256.to_owned(),
                })
                .collect(),
            profiles: profiles.collect(),
        })
    }

    fn sources_file(&self) -> Vec<u8> {
        let entries: Vec<_> = self
            .sources
            .iter()
            .map(|source| SourceEntry {
                name: &source.name,
                file: &source.file,
                bytes: source.bytes,
                sha256: &source.sha256,
                license: &source.license,
                urls: &source.urls,
            })
            .collect();
        json(&entries)
    }
}

/// The registers as a simulated platform takes them: one a line.
///
/// RTMR0 depends on the host's emulator and RTMR3 on the program; both are zero there.
fn registers_text(prediction: &Prediction) -> String {
    let zero = Measurement::ZERO;
    format!(
        "mrtd {}\nrtmr0 {zero}\nrtmr1 {}\nrtmr2 {}\nrtmr3 {zero}\n",
        prediction.mrtd, prediction.rtmr1, prediction.rtmr2
    )
}

/// Writes the constants that `include_measurements!` reads.
pub(super) fn write_constants(
    environment: &Environment,
    output: Option<(&BuilderOutput, &Options)>,
) -> Result<(), BuildError> {
    let mut text = String::from("None");
    if let Some((output, options)) = output {
        text.clear();
        let bytes = |measurement: &Measurement| format!("{:?}", measurement.as_bytes());
        write!(
            text,
            "Some(({}, {}, {}, {}, {}))",
            options.profile as usize,
            bytes(&output.mrtd),
            bytes(&output.rtmr1),
            bytes(&output.rtmr2),
            options.simulated
        )
        .expect("invariant: writing to text does not fail");
    }
    let path = environment.out_dir.join("tdx-measurements.rs");
    // An unchanged file keeps its date, so that what includes it is not compiled again.
    if fs::read(&path).is_ok_and(|old| old == text.as_bytes()) {
        return Ok(());
    }
    fs::write(&path, text).map_err(BuildError::io("written", &path))
}

/// Replaces a file at once, or leaves it as it was.
pub(super) fn write(path: &Path, mode: u32, contents: &[u8]) -> Result<(), BuildError> {
    let partial = path.with_extension(format!("partial-{}", std::process::id()));
    let io = || BuildError::io("written", path);
    fs::write(&partial, contents).map_err(io())?;
    fs::set_permissions(&partial, fs::Permissions::from_mode(mode)).map_err(io())?;
    fs::rename(&partial, path).map_err(io())
}

fn json(value: &impl Serialize) -> Vec<u8> {
    let mut text = serde_json::to_vec_pretty(value).expect("invariant: plain values are json");
    text.push(b'\n');
    text
}
