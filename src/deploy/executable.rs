//! The functions' executable for Amazon Linux, held against what Lambda can run, before anything is uploaded: machine,
//! C library, size, and that it is ours at all. Pure: it looks at bytes.

use std::fmt;

use object::elf::{self, FileHeader64};
use object::read::elf::FileHeader;
use object::{Endianness, FileKind};

/// The C library of Amazon Linux 2023, which `provided.al2023` runs on.
const LAMBDA_GLIBC: (u32, u32) = (2, 34);
/// The largest unzipped artefact that Lambda takes, in bytes.
const LARGEST: usize = 250 << 20;
/// What every executable of ours names: the handlers that it serves.
const HANDLERS: [&str; 5] =
    ["checkFileUploadType", "eventWriter", "reconcileIterator", "reconcileCheck", "reconcileNotify"];
/// What `vaultscope` holds and `bootstrap` does not: the templates.
const OF_VAULTSCOPE: &str = "AWSTemplateFormatVersion";

/// How executables of macOS begin: for one machine, and for several.
const MACH_O: [[u8; 4]; 2] = [[0xcf, 0xfa, 0xed, 0xfe], [0xca, 0xfe, 0xba, 0xbe]];

/// What an executable was built for, as Lambda names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Architecture {
    /// `x86_64`
    X86,
    /// `arm64`
    Arm,
}

impl Architecture {
    /// What this machine runs; `None` when Lambda has no such thing.
    #[must_use]
    pub fn of_this_machine() -> Option<Self> {
        match std::env::consts::ARCH {
            "x86_64" => Some(Self::X86),
            "aarch64" => Some(Self::Arm),
            _ => None,
        }
    }
}

impl fmt::Display for Architecture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::X86 => "x86_64",
            Self::Arm => "arm64",
        })
    }
}

/// Where an executable will run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Host {
    /// On Amazon Linux 2023, as on AWS and in LocalStack's containers.
    AmazonLinux,
    /// As a process of this machine.
    ThisMachine,
}

/// What an executable is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Executable {
    /// What it was built for.
    pub architecture: Architecture,
    /// The highest version of the GNU C library that it needs; `None` when it needs none, as with musl.
    pub glibc: Option<(u32, u32)>,
    /// Its bytes.
    pub size: usize,
}

impl Executable {
    /// Reads the functions' executable.
    ///
    /// # Errors
    /// Why it is none: one clause.
    pub fn read(bytes: &[u8]) -> Result<Self, String> {
        let problem = match FileKind::parse(bytes) {
            Ok(FileKind::Elf64) => None,
            Ok(FileKind::Elf32) => Some("it was built for a 32-bit machine"),
            _ if MACH_O.iter().any(|magic| bytes.starts_with(magic)) => Some("it was built for macOS, not for Linux"),
            _ if bytes.starts_with(b"PK") => {
                Some("it is a zip: give the executable itself, which is packed for the upload")
            }
            _ => Some("it is no Linux executable"),
        };
        if let Some(problem) = problem {
            return Err(problem.to_owned());
        }
        let read = parse(bytes).map_err(|error| format!("it is a damaged Linux executable ({error})"))?;
        let (machine, kind, glibc) = read;
        if !matches!(kind, elf::ET_EXEC | elf::ET_DYN) {
            return Err("it is an object file, not an executable".to_owned());
        }
        let architecture = match machine {
            elf::EM_X86_64 => Architecture::X86,
            elf::EM_AARCH64 => Architecture::Arm,
            other => return Err(format!("it was built for a machine that Lambda does not have (ELF machine {other})")),
        };
        if holds(bytes, OF_VAULTSCOPE) {
            return Err("it is vaultscope itself: give the executable `bootstrap` beside it".to_owned());
        }
        if let Some(lacking) = HANDLERS.iter().find(|handler| !holds(bytes, handler)) {
            return Err(format!("it is not our `bootstrap`: it has no handler {lacking}"));
        }
        Ok(Self { architecture, glibc, size: bytes.len() })
    }

    /// Whether it can run there, as what the stack says that it is.
    ///
    /// # Errors
    /// Why it cannot: one clause.
    pub fn check(&self, host: Host, architecture: Option<&str>) -> Result<(), String> {
        if let Some(chosen) = architecture
            && chosen != self.architecture.to_string()
        {
            return Err(format!("it was built for {}, and {chosen} was asked for", self.architecture));
        }
        if self.size > LARGEST {
            let mb = |bytes: usize| bytes >> 20;
            return Err(format!("it has {} MiB, and Lambda takes {} MiB: strip it", mb(self.size), mb(LARGEST)));
        }
        match host {
            Host::ThisMachine => match Architecture::of_this_machine() {
                Some(machine) if machine != self.architecture => Err(format!(
                    "it was built for {}, and the target runs on this machine, {machine}",
                    self.architecture
                )),
                _ => Ok(()),
            },
            Host::AmazonLinux => match self.glibc {
                Some((major, minor)) if (major, minor) > LAMBDA_GLIBC => {
                    let (has_major, has_minor) = LAMBDA_GLIBC;
                    Err(format!(
                        "it needs GLIBC_{major}.{minor}, and Amazon Linux 2023 has GLIBC_{has_major}.{has_minor}"
                    ))
                }
                _ => Ok(()),
            },
        }
    }
}

type Parsed = (u16, u16, Option<(u32, u32)>);

/// Machine, kind, and the highest version of the C library that a symbol needs.
fn parse(bytes: &[u8]) -> object::read::Result<Parsed> {
    let header = FileHeader64::<Endianness>::parse(bytes)?;
    let endian = header.endian()?;
    let sections = header.sections(endian, bytes)?;
    let mut highest = None;
    if let Some((mut libraries, strings)) = sections.gnu_verneed(endian, bytes)? {
        let strings = sections.strings(endian, bytes, strings)?;
        while let Some((_, mut versions)) = libraries.next()? {
            while let Some(version) = versions.next()? {
                highest = highest.max(glibc_version(version.name(endian, strings)?));
            }
        }
    }
    Ok((header.e_machine(endian), header.e_type(endian), highest))
}

/// `GLIBC_2.34` → 2, 34; other versions, such as `GCC_3.0`, are no matter of the C library.
fn glibc_version(name: &[u8]) -> Option<(u32, u32)> {
    let numbers = std::str::from_utf8(name).ok()?.strip_prefix("GLIBC_")?;
    let mut numbers = numbers.split('.').map(str::parse);
    Some((numbers.next()?.ok()?, numbers.next()?.ok()?))
}

fn holds(bytes: &[u8], text: &str) -> bool {
    memchr::memmem::find(bytes, text.as_bytes()).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A 64-bit header for this machine, and nothing behind it but text.
    fn header(machine: u16, text: &str) -> Vec<u8> {
        let mut bytes = vec![0_u8; 64];
        bytes[..8].copy_from_slice(&[0x7f, b'E', b'L', b'F', 2, 1, 1, 0]);
        bytes[16..18].copy_from_slice(&elf::ET_DYN.to_le_bytes());
        bytes[18..20].copy_from_slice(&machine.to_le_bytes());
        bytes[20..24].copy_from_slice(&1_u32.to_le_bytes());
        bytes[52..54].copy_from_slice(&64_u16.to_le_bytes());
        bytes.extend_from_slice(text.as_bytes());
        bytes
    }

    #[test]
    fn a_static_executable_of_ours_is_taken_with_its_machine() {
        for (machine, architecture) in [(elf::EM_X86_64, Architecture::X86), (elf::EM_AARCH64, Architecture::Arm)] {
            let read = Executable::read(&header(machine, &HANDLERS.concat())).expect("an executable");
            assert_eq!((read.architecture, read.glibc), (architecture, None));
            let name = architecture.to_string();
            assert_eq!(read.check(Host::AmazonLinux, Some(&name)), Ok(()));
            let other = if name == "arm64" { "x86_64" } else { "arm64" };
            let said = read.check(Host::AmazonLinux, Some(other)).expect_err(other);
            assert!(said.contains(&name) && said.contains(other), "{said}");
            let here = Architecture::of_this_machine() == Some(architecture);
            assert_eq!(read.check(Host::ThisMachine, None).is_ok(), here);
        }
    }

    #[test]
    fn what_lambda_cannot_run_is_said_to_be_what_it_is() {
        let all = HANDLERS.concat();
        for (bytes, words) in [
            (b"#!/bin/sh\n".to_vec(), "no Linux executable"),
            (Vec::new(), "no Linux executable"),
            (b"PK\x03\x04".to_vec(), "zip"),
            ([&[0xcf, 0xfa, 0xed, 0xfe][..], &[0; 40]].concat(), "macOS"),
            (b"\x7fELF\x02\x01".to_vec(), "damaged"),
            (header(elf::EM_RISCV, &all), "does not have"),
            (header(elf::EM_X86_64, "eventWriter"), "not our `bootstrap`"),
            (header(elf::EM_X86_64, &(all + OF_VAULTSCOPE)), "vaultscope itself"),
        ] {
            let said = Executable::read(&bytes).expect_err(words);
            assert!(said.contains(words), "{said}");
        }
    }

    #[test]
    fn too_new_a_c_library_is_refused_on_amazon_linux_only() {
        let executable = |glibc| Executable { architecture: Architecture::X86, glibc, size: 1 };
        assert_eq!(executable(Some((2, 34))).check(Host::AmazonLinux, None), Ok(()));
        assert_eq!(executable(Some((2, 9))).check(Host::AmazonLinux, None), Ok(()));
        let said = executable(Some((2, 38))).check(Host::AmazonLinux, None).expect_err("too new");
        assert!(said.contains("GLIBC_2.38") && said.contains("GLIBC_2.34"), "{said}");
        let large = Executable { size: LARGEST + 1, ..executable(None) };
        assert!(large.check(Host::AmazonLinux, None).expect_err("too large").contains("strip"), "{large:?}");
    }

    #[test]
    fn versions_are_compared_as_numbers() {
        assert_eq!(glibc_version(b"GLIBC_2.34"), Some((2, 34)));
        assert_eq!(glibc_version(b"GLIBC_2.2.5"), Some((2, 2)));
        for other in [&b"GCC_3.0"[..], b"GLIBC_PRIVATE", b"\xff"] {
            assert_eq!(glibc_version(other), None);
        }
    }

    /// The test's own executable is linked with this machine's C library, so that the section is really read.
    #[test]
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    fn the_version_that_an_executable_needs_is_read_from_it() {
        let own = std::fs::read(std::env::current_exe().expect("a path")).expect("readable");
        let (_, kind, glibc) = parse(&own).expect("an executable");
        assert_eq!(kind, elf::ET_DYN);
        assert!(glibc.is_some_and(|version| version >= (2, 17)), "{glibc:?}");
    }
}
