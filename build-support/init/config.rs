//! What the image tells its first program: one word and its value a line.

use std::net::Ipv4Addr;

/// Everything that can be told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Config {
    pub(crate) program: String,
    /// Without any, those of the kernel's command line after `--`.
    pub(crate) arguments: Vec<String>,
    pub(crate) environment: Vec<(String, String)>,
    /// Paths, in the order in which they must be loaded.
    pub(crate) modules: Vec<String>,
    /// Command lines of programs that run beside the main one.
    pub(crate) services: Vec<String>,
    pub(crate) network: Network,
    pub(crate) simulated: bool,
}

/// How the first network interface gets its address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Network {
    None,
    Dhcp,
    Static {
        address: Ipv4Addr,
        prefix: u8,
        gateway: Option<Ipv4Addr>,
        dns: Option<Ipv4Addr>,
    },
}

impl Config {
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let mut config = Self {
            program: String::new(),
            arguments: Vec::new(),
            environment: Vec::new(),
            modules: Vec::new(),
            services: Vec::new(),
            network: Network::Dhcp,
            simulated: false,
        };
        for (index, line) in text.lines().enumerate() {
            let (key, value) = line.split_once(' ').unwrap_or((line, ""));
            let value = value.to_owned();
            match key {
                "" | "#" => {}
                "program" => config.program = value,
                "arg" => config.arguments.push(value),
                "env" => match value.split_once('=') {
                    Some((name, value)) => {
                        config.environment.push((name.to_owned(), value.to_owned()));
                    }
                    None => return Err(format!("line {}: no '=' in '{value}'", index + 1)),
                },
                "module" => config.modules.push(value),
                "service" => config.services.push(value),
                "simulated" => config.simulated = true,
                "network" => {
                    config.network = Network::parse(&value)
                        .ok_or_else(|| format!("line {}: network '{value}'", index + 1))?;
                }
                other => return Err(format!("line {}: unknown word '{other}'", index + 1)),
            }
        }
        match config.program.is_empty() {
            true => Err("no program".to_owned()),
            false => Ok(config),
        }
    }
}

impl Network {
    /// `none`, `dhcp`, or `static ADDRESS/PREFIX [GATEWAY|- [DNS|-]]`.
    fn parse(text: &str) -> Option<Self> {
        let mut words = text.split(' ');
        let network = match words.next()? {
            "none" => Self::None,
            "dhcp" => Self::Dhcp,
            "static" => {
                let (address, prefix) = words.next()?.split_once('/')?;
                let prefix = prefix.parse().ok().filter(|prefix| *prefix <= 32)?;
                let mut optional = || match words.next() {
                    None | Some("-") => Some(None),
                    Some(word) => word.parse().ok().map(Some),
                };
                Self::Static {
                    address: address.parse().ok()?,
                    prefix,
                    gateway: optional()?,
                    dns: optional()?,
                }
            }
            _ => return None,
        };
        words.next().is_none().then_some(network)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word() {
        let config = Config::parse(
            "# a comment\nprogram /usr/bin/app\narg --name\narg two words\nenv A=b=c\n\
             module /lib/modules/a.ko\nservice /usr/sbin/sshd -D\nsimulated\n\
             network static 10.0.0.2/24 10.0.0.1\n",
        )
        .unwrap();
        assert_eq!(
            config,
            Config {
                program: "/usr/bin/app".to_owned(),
                arguments: vec!["--name".to_owned(), "two words".to_owned()],
                environment: vec![("A".to_owned(), "b=c".to_owned())],
                modules: vec!["/lib/modules/a.ko".to_owned()],
                services: vec!["/usr/sbin/sshd -D".to_owned()],
                network: Network::Static {
                    address: Ipv4Addr::new(10, 0, 0, 2),
                    prefix: 24,
                    gateway: Some(Ipv4Addr::new(10, 0, 0, 1)),
                    dns: None,
                },
                simulated: true,
            }
        );
        assert_eq!(Config::parse("program a").unwrap().network, Network::Dhcp);
    }

    #[test]
    fn what_is_no_configuration() {
        for (text, reason) in [
            ("", "no program"),
            ("program a\nenv b", "line 2: no '=' in 'b'"),
            ("programme a", "line 1: unknown word 'programme'"),
            (
                "network static 10.0.0.2",
                "line 1: network 'static 10.0.0.2'",
            ),
            (
                "network static 10.0.0.2/33",
                "line 1: network 'static 10.0.0.2/33'",
            ),
            (
                "network static 10.0.0.2/24 x",
                "line 1: network 'static 10.0.0.2/24 x'",
            ),
            ("network dhcp now", "line 1: network 'dhcp now'"),
        ] {
            assert_eq!(Config::parse(text).unwrap_err(), reason);
        }
    }
}
